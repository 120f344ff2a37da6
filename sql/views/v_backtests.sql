-- Backtests: what each depended on, and its headline figures
select
  b.id as id,                                    -- the run
  iso(b.created_ms) as created_at,               -- when it began
  b.state as state,                              -- running, done, stopped or failed
  b.underlying as underlying,                    -- BTC or ETH
  b.source as source,                            -- chain store
  iso(b.from_ms) as from_at,                     -- first snapshot
  iso(b.to_ms) as to_at,                         -- last snapshot
  b.policy as policy,                            -- what proposed
  b.model as model,                              -- the language model that decided; null where rules did
  b.training_cutoff as training_cutoff,          -- last day that model was trained on; null where nobody said
  case when b.training_cutoff is null then null when substr(iso(b.from_ms), 1, 10) <= b.training_cutoff then 1 else 0 end as before_cutoff, -- [1 or 0] whether the run begins no later than that day: the model may know what followed
  b.exit_style as exit_style,                    -- when calls were bought back
  b.return_coin as return_coin,                  -- total, a fraction, in coin
  b.return_usd as return_usd,                    -- total, a fraction, in USD
  b.annualised_coin as annualised_coin,          -- return in coin, of a year of 365 days
  b.annualised_usd as annualised_usd,            -- return in USD, of a year of 365 days
  b.volatility_usd as volatility_usd,            -- of daily returns, a year
  b.sharpe_coin as sharpe_coin,                  -- of daily returns in coin, without interest
  b.sharpe_usd as sharpe_usd,                    -- of daily returns in USD, without interest
  b.drawdown_coin as drawdown_coin,              -- deepest, a fraction
  b.drawdown_usd as drawdown_usd,                -- deepest, a fraction
  b.excess_coin as excess_coin,                  -- return in coin less that of the weekly 25-delta overwrite
  b.win_rate as win_rate,                        -- chains that earned something, of all
  b.chains as chains,                            -- roll chains
  b.legs as legs,                                -- calls sold
  b.fees as fees,                                -- coin: of all trades and deliveries
  b.snapshots as snapshots,                      -- in the data
  b.quotes as quotes,                            -- in the data
  b.fingerprint as fingerprint,                  -- equal data, equal fingerprint
  b.seed as seed,                                -- of exploration
  b.settings_hash as settings_hash,              -- equal settings, equal hash
  b.code_version as code_version,                -- of the program
  b.steps_done as steps_done,                    -- snapshots walked
  b.steps as steps,                              -- snapshots in all
  b.job as job,                                  -- the job that made it
  b.parent as parent,                            -- the sweep it belongs to
  b.error as error                               -- why it failed
from backtests b
