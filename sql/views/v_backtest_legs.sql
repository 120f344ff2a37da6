-- Calls sold in a backtest, from the sale to what ended them
select
  l.backtest as backtest,                        -- the run
  l.chain as chain,                              -- [count] number of its chain
  l.n as leg,                                    -- [count] from 0 in its chain
  l.instrument as instrument,                    -- the contract
  e8(l.size_e8) as size,                         -- coin sold
  iso(l.opened_ms) as opened_at,                 -- sale
  iso(l.closed_ms) as closed_at,                 -- purchase, expiry or end of the data
  cast(l.closed_ms - l.opened_ms as double precision) / 86400000 as days_held, -- days from the sale to what ended it
  l.strike_usd as strike,                        -- USD per coin at which it is called away
  l.dte_open as dte_open,                        -- days to expiry at the sale
  l.delta_open as delta_open,                    -- at the sale
  l.iv_open as iv_open,                          -- mark volatility at the sale, a fraction
  l.score as score,                              -- of the policy
  l.regime as regime,                            -- at the sale
  e8(l.open_price_e8) as open_price,             -- coin per coin: premium at the sale
  l.open_price_usd as open_price_usd,            -- USD per coin: premium at the sale
  e8(l.close_price_e8) as close_price,           -- coin per coin: paid, payoff or last mark
  l.close_price_usd as close_price_usd,          -- USD per coin: paid, payoff or last mark
  e8(l.fees_e8) as fees,                         -- coin: of the sale and of its end
  l.fees_usd as fees_usd,                        -- USD: of the sale and of its end
  e8(l.pnl_e8) as pnl,                           -- coin: premium less what ended it, and fees
  l.pnl_usd as pnl_usd,                          -- USD: each amount at the index of its instant
  l.ended_by as ended_by,                        -- tp_roll, defensive_roll, rules_roll, closed, expiry, end_of_data
  l.assigned as assigned                         -- expired in the money
from backtest_legs l
