-- The exchange's settlement prices of options that expire at 08:00 UTC.
select
  p.index_name as index_name,                    -- btc_usd or eth_usd
  iso(p.at_ms) as at,                            -- 08:00 UTC
  p.price_usd as price_usd,                      -- USD per coin
  p.source as source,                            -- whose it is: recorded (imported files), deribit, deribit:HOST, unknown
  p.file as file                                 -- where it was imported from
from delivery_prices p
