-- A call of the language model: what it cost, how it ended and what became of its answer
select
  c.id as id,                                    -- the call
  iso(c.created_ms) as asked_at,                 -- desk time at which it was asked
  c.desk as desk,                                -- live, or the name of a replay
  c.job as job,                                  -- the job that asked
  c.purpose as purpose,                          -- decision, council, chat, insight
  c.decision as decision,                        -- the decision it was about
  c.backtest as backtest,                        -- the backtest it was about
  c.thread as thread,                            -- the thread of the chat it was about
  c.underlying as underlying,                    -- BTC or ETH
  iso(c.as_of_ms) as as_of,                      -- instant of the market that it was about
  c.model as model,                              -- the model that was asked for
  c.model_answered as model_answered,            -- as the server named it
  c.structured_mode as structured_mode,          -- json_schema, json_object, tool, prompt
  c.prompt_version as prompt_version,            -- version of the prompt's text
  c.prompt_hash as prompt_hash,                  -- of the messages
  c.request_hash as request_hash,                -- of the whole request; a replay finds the answer by it
  c.status as http_status,                       -- [number] null when no response came
  c.outcome as outcome,                          -- ok, or why the answer was not usable
  c.error as error,                              -- what went wrong, in words
  c.input_tokens as input_tokens,                -- [count] null when the server did not say
  c.output_tokens as output_tokens,              -- [count] null when the server did not say
  c.price_version as price_version,              -- the price list that was applied
  c.cost_usd as cost_usd,                        -- null when prices or tokens are unknown
  c.latency_ms as latency_ms,                    -- milliseconds, from the question to the answer
  c.attempts as attempts,                        -- requests that were sent
  c.snapshot_hash as snapshot_hash,              -- of the chain that the prompt was made from
  c.llm_action as llm_action,                    -- what the model chose
  c.rule_action as rule_action,                  -- what the rules would have done
  c.verdict as verdict,                          -- what the limits said
  c.final_action as final_action                 -- what was done
from llm_calls c
