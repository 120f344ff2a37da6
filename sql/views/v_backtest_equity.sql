-- The book of a backtest at the end of each of its steps
select
  e.backtest as backtest,                        -- the run
  iso(e.at_ms) as at,                            -- end of the step
  e.index_price as index_price,                  -- USD per coin
  e8(e.balance_e8) as balance,                   -- coin: start, premium, fees and settlements
  e8(e.option_value_e8) as option_value,         -- coin at mark, negative when short
  e8(e.equity_e8) as equity,                     -- coin: balance + option value
  e.equity_usd as equity_usd,                    -- USD: equity at the index
  e8(e.short_calls_e8) as short_calls,           -- coin of calls sold
  e8(e.weekly_e8) as weekly,                     -- equity of the weekly 25-delta overwrite, coin
  e.regime as regime                             -- bull, bear, sideways or unknown
from backtest_equity e
