-- Questions to the desk and their answers, with what they cost
select
  m.id as id,                                    -- the message
  m.thread as thread,                            -- the conversation
  m.n as n,                                      -- [count] place in the conversation, from 1
  iso(m.created_ms) as created_at,               -- when it was asked, or begun
  iso(m.finished_ms) as finished_at,             -- when the answer was whole
  t.desk as desk,                                -- live, or the name of a replay
  m.role as role,                                -- user or assistant
  m.state as state,                              -- waiting, running, done, stopped or failed
  m.text as text,                                -- the question, or the whole answer
  m.unsupported as unsupported,                  -- [count] numbers of the answer that no row it read holds
  m.citations as citations,                      -- JSON: [{table, id}] of the rows its numbers come from
  m.model as model,                              -- who answered; empty for a command
  m.input_tokens as input_tokens,                -- [count] tokens sent; empty where the server did not tell
  m.output_tokens as output_tokens,              -- [count] tokens answered
  m.cost_usd as cost_usd,                        -- [USD] by the configured prices; empty without them
  m.job as job,                                  -- the job that wrote it
  m.error as error                               -- why there is no answer
from chat_messages m join chat_threads t on t.id = m.thread
