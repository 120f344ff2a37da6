-- A difference between a desk and the backtester over the same days, with its reason
select
  iso(x.at_ms) as at,                            -- when
  d.id as drift,                                 -- the comparison
  d.job as job,                                  -- the job that made it
  d.desk as desk,                                -- live, or the name of a replay
  d.underlying as underlying,                    -- BTC or ETH
  x.n as n,                                      -- its number, in the order of time
  x.about as about,                              -- decision, fill, settlement, equity, settings, book, features
  x.kind as kind,                                -- the reason in a word; unexplained has none
  x.because as because,                          -- [count] number of the earlier difference it follows from
  x.decision as decision,                        -- of the desk
  x.desk_says as desk_says,                      -- what the desk's rows say
  x.backtest_says as backtest_says,              -- what the backtester did
  x.explanation as explanation                   -- the reason in words
from drift_differences x
join drifts d on d.id = x.drift
