-- Every change of state of a job, and its log lines.
select
  e.job as job,                                  -- the job
  e.n as n,                                      -- order within the job
  iso(e.at_ms) as at,                            -- wall time of the event
  iso(e.started_ms) as started_at,               -- start of the attempt that ended
  e.attempt as attempt,                          -- which attempt
  e.event as event,                              -- the state entered, or log
  e.message as message,                          -- error or log line
  e.worker as worker                             -- who ran it
from job_events e
