-- What was put into each book.
select
  iso(p.at_ms) as at,                            -- when
  p.desk as desk,                                -- live, or the name of a replay
  p.currency as currency,                        -- BTC, ETH or USDC
  e8(p.amount_e8) as amount                      -- in the currency
from deposits p
