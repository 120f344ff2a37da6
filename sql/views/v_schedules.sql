-- What runs by itself, and when next.
select
  s.name as name,                                -- name of the schedule
  s.kind as kind,                                -- kind of job
  s.cron as cron,                                -- with seconds, UTC, desk time
  s.missed as missed,                            -- run_once or skip
  s.paused as paused,                            -- true: no new jobs
  iso(s.next_slot_ms) as next_at,                -- next slot, desk time
  iso(s.last_slot_ms) as last_at,                -- last slot, desk time
  s.last_job as last_job,                        -- its job
  s.args as args                                 -- JSON: what its jobs are to do
from schedules s
