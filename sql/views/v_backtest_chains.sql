-- Roll chains of a backtest: a sale with everything that was rolled out of it
select
  c.backtest as backtest,                        -- the run
  c.n as chain,                                  -- [count] from 0
  b.underlying as underlying,                    -- BTC or ETH
  iso(c.opened_ms) as opened_at,                 -- first sale
  iso(c.closed_ms) as closed_at,                 -- end of the last leg
  c.regime as regime,                            -- at the first sale
  c.legs as legs,                                -- calls sold
  e8(c.pnl_e8) as pnl,                           -- coin: premium less what ended the calls, and fees
  c.pnl_usd as pnl_usd,                          -- each amount at the index of its instant
  e8(c.fees_e8) as fees,                         -- coin: of all its trades and deliveries
  c.max_drawdown as max_drawdown                 -- coin, marks included
from backtest_chains c join backtests b on b.id = c.backtest
