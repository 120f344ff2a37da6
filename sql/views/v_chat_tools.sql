-- What answers looked up, and what they proposed to a person
select
  p.message as message,                          -- the answer
  p.n as n,                                      -- [count] place in the answer, from 1
  t.desk as desk,                                -- live, or the name of a replay
  p.kind as kind,                                -- tool, or draft
  p.tool as tool,                                -- what was called
  p.arguments as arguments,                      -- JSON: with which arguments
  p.rows as rows,                                -- [count] rows it gave
  p.took_ms as took_ms,                          -- [milliseconds] how long it took
  d.state as draft_state,                        -- drafted, confirmed or dismissed
  d.decided_by as decided_by,                    -- the person who did
  d.job as job                                   -- the job a draft became
from chat_parts p
join chat_messages m on m.id = p.message
join chat_threads t on t.id = m.thread
left join chat_drafts d on p.kind = 'draft' and d.id = p.text
where p.kind <> 'text'
