-- Sweeps: many settings over one market, and what the best of them is worth
select
  s.id as id,                                    -- the sweep
  iso(s.created_ms) as created_at,               -- when it began
  s.state as state,                              -- running, done, stopped or failed
  s.underlying as underlying,                    -- BTC or ETH
  s.source as source,                            -- chain store
  iso(s.from_ms) as from_at,                     -- first snapshot
  iso(s.to_ms) as to_at,                         -- last snapshot
  s.search as search,                            -- grid or random
  s.currency as currency,                        -- what the ranking counts in: coin or usd
  s.runs as runs,                                -- settings to try
  s.runs_done as runs_done,                      -- settings tried
  s.runs_failed as runs_failed,                  -- of those tried, without figures
  s.refused as refused,                          -- combinations that are no settings
  s.deflated_sharpe as deflated_sharpe,          -- probability that the highest Sharpe ratio is more than luck
  s.overfit_probability as overfit_probability,  -- probability that a choice on half of history fails on the other
  s.plan as plan,                                -- JSON object: axes, draws and seed
  s.fingerprint as fingerprint,                  -- equal data, equal fingerprint
  s.code_version as code_version,                -- of the program
  s.job as job,                                  -- the job that made it
  s.error as error                               -- why it failed
from sweeps s
