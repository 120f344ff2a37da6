-- Processes that run jobs.
select
  w.id as id,                                    -- ULID of the process
  w.host as host,                                -- machine
  w.pid as pid,                                  -- process
  w.version as version,                          -- program
  w.kinds as kinds,                              -- what it runs
  w.running as running,                          -- jobs now
  w.done as done,                                -- jobs since its start
  iso(w.started_ms) as started_at,               -- wall time of its start
  iso(w.heartbeat_ms) as heartbeat_at,           -- last sign of life
  iso(w.stopped_ms) as stopped_at                -- orderly end
from workers w
