-- Balance, margin and greeks of each underlying at every tick.
select
  iso(e.at_ms) as at,                            -- end of the tick
  e.desk as desk,                                -- live, or the name of a replay
  e.underlying as underlying,                    -- BTC or ETH
  e8(e.balance_e8) as balance,                   -- coin: deposits, premium, fees, settlements
  e8(e.option_value_e8) as option_value,         -- coin at mark, negative when short
  e8(e.equity_e8) as equity,                     -- coin: balance + option value
  e.equity_usd as equity_usd,                    -- USD: equity at the index
  e.index_price as index_price,                  -- USD per coin
  e.initial_margin as initial_margin,            -- coin: needed to open
  e.maintenance_margin as maintenance_margin,    -- coin: needed to keep
  e.net_delta as net_delta,                      -- coin, the coin itself included
  e8(e.short_calls_e8) as short_calls            -- coin of calls sold
from equity e
