-- Runs of sweeps: a row for each setting tried
select
  r.sweep as sweep,                              -- the sweep
  r.n as n,                                      -- number of the run
  r.place as place,                              -- in the ranking that holds over time, 1 is the best
  r.settings as settings,                        -- JSON object: values of the axes
  r.return_coin as return_coin,                  -- total, a fraction, in coin
  r.return_usd as return_usd,                    -- total, a fraction, in USD
  r.annualised_coin as annualised_coin,          -- return in coin, of a year of 365 days
  r.annualised_usd as annualised_usd,            -- return in USD, of a year of 365 days
  r.volatility_coin as volatility_coin,          -- of daily returns, a year
  r.volatility_usd as volatility_usd,            -- of daily returns, a year
  r.sharpe_coin as sharpe_coin,                  -- of daily returns in coin, without interest
  r.sharpe_usd as sharpe_usd,                    -- of daily returns in USD, without interest
  r.sortino_coin as sortino_coin,                -- of daily returns in coin, falls only
  r.sortino_usd as sortino_usd,                  -- of daily returns in USD, falls only
  r.drawdown_coin as drawdown_coin,              -- deepest, a fraction
  r.drawdown_usd as drawdown_usd,                -- deepest, a fraction
  r.win_rate as win_rate,                        -- chains that earned something, of all
  r.premium_kept as premium_kept,                -- of the premium collected, fees apart
  r.assignment_rate as assignment_rate,          -- legs assigned, of those that expired
  r.time_in_market as time_in_market,            -- share of the time with a call open
  r.chains as chains,                            -- roll chains
  r.legs as legs,                                -- calls sold
  r.rolls as rolls,                              -- calls bought back for another
  r.fees as fees,                                -- coin: of all trades and deliveries
  r.settings_hash as settings_hash,              -- equal settings, equal hash
  r.error as error                               -- why there are no figures
from sweep_runs r
