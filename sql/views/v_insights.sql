-- Texts about backtests, sweeps and comparisons
select
  i.id as id,                                    -- the text
  iso(i.created_ms) as created_at,               -- when it was begun
  i.about as about,                              -- backtest, sweep or comparison
  i.subject as subject,                          -- the run or the sweep
  i.other as other,                              -- the other run of a comparison
  i.state as state,                              -- running, done or failed
  i.text as text,                                -- in the model's words
  i.unsupported as unsupported,                  -- [count] numbers that the facts do not hold
  i.model as model,                              -- who wrote it
  i.input_tokens as input_tokens,                -- [count] tokens sent; empty where the server did not tell
  i.output_tokens as output_tokens,              -- [count] tokens answered
  i.cost_usd as cost_usd,                        -- [USD] by the configured prices; empty without them
  i.job as job,                                  -- the job that wrote it
  i.error as error                               -- why there is none
from insights i
