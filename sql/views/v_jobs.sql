-- The queue: every piece of work before, while and after it ran.
select
  j.id as id,                                    -- ULID of the job
  j.kind as kind,                                -- what it does
  j.queue as queue,                              -- what it is counted and paused under
  j.desk as desk,                                -- live, or the name of a replay
  j.state as state,                              -- available, scheduled, running, succeeded, failed, discarded, cancelled, paused
  j.priority as priority,                        -- higher runs first
  j.progress as progress,                        -- 0 to 1
  j.progress_note as progress_note,              -- how far it is, in words
  j.attempt as attempts,                         -- times it was started
  j.max_attempts as max_attempts,                -- before it is discarded
  iso(j.created_ms) as created_at,               -- wall time of its row
  iso(j.run_at_ms) as run_at,                    -- not before
  iso(j.expires_at_ms) as expires_at,            -- too late to start after this
  iso(j.slot_ms) as slot_at,                     -- desk time of the schedule slot that made it
  iso(j.started_ms) as started_at,               -- last start
  iso(j.finished_ms) as finished_at,             -- end of the last attempt
  j.started_ms - case when j.run_at_ms > j.created_ms then j.run_at_ms else j.created_ms end as waited_ms, -- milliseconds from when it could start to its last start
  j.finished_ms - j.started_ms as took_ms,       -- milliseconds of the last attempt
  j.args as args,                                -- JSON: what it is to do
  j.result as result,                            -- JSON: what it produced
  j.error as error,                              -- why the last attempt failed
  j.worker as worker,                            -- who holds it
  j.parent as parent,                            -- the job that fanned it out
  j.unique_key as unique_key,                    -- only one job per kind and key
  j.cancel_requested as cancel_requested         -- true: it will stop at its next checkpoint
from jobs j
