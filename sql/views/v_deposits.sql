-- What was put into each book.
select
  iso(p.at_ms) as at,                            -- when it was put in
  p.desk as desk,                                -- live, or the name of a replay
  p.currency as currency,                        -- BTC, ETH or USDC
  e8(p.amount_e8) as amount                      -- put in
from deposits p
