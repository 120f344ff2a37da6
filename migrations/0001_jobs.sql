-- The queue: every piece of work is a row here before it runs and stays one after.
create table jobs (
  id text primary key,
  -- Which book the job works for: `live`, or the name of a replay drained on its own thread.
  desk text not null,
  kind text not null,
  queue text not null,
  args jsonb not null,
  -- available | scheduled | running | succeeded | failed (will retry) | discarded | cancelled | paused
  state text not null,
  -- Higher runs first.
  priority bigint not null,
  run_at_ms bigint not null,
  -- A job that has not started by then is discarded as stale; null never expires.
  expires_at_ms bigint,
  attempt bigint not null,
  max_attempts bigint not null,
  -- At most one row per (desk, kind, key) for ever, finished ones included.
  unique_key text,
  parent text,
  -- Desk time of the schedule slot that made the job.
  slot_ms bigint,
  progress double precision not null,
  progress_note text,
  result jsonb,
  error text,
  -- Owner of the running attempt: a fresh id per process start, so that a restarted worker never mistakes a lost job for its own.
  worker text,
  lease_until_ms bigint,
  cancel_requested boolean not null,
  created_ms bigint not null,
  started_ms bigint,
  finished_ms bigint
);
create unique index jobs_unique on jobs (desk, kind, unique_key) where unique_key is not null;
create index jobs_ready on jobs (desk, kind, priority desc, run_at_ms, id) where state = 'available';
create index jobs_waiting on jobs (desk, run_at_ms) where state in ('scheduled', 'failed');
create index jobs_leased on jobs (lease_until_ms) where state = 'running';
create index jobs_children on jobs (parent) where parent is not null;

-- Every transition with its error, and the log lines of each attempt. An attempt is one row, written when it
-- ends: the state it ended in at `at_ms`, begun at `started_ms`. No foreign key: it would cost a look-up per
-- row on the busiest path; prune deletes both.
create table job_events (
  job text not null,
  n bigint not null,
  at_ms bigint not null,
  started_ms bigint,
  attempt bigint not null,
  -- The state entered, `log`, or what a person did: cancel_requested, priority, retry.
  event text not null,
  message text,
  worker text,
  primary key (job, n)
);

create table workers (
  id text primary key,
  host text not null,
  pid bigint not null,
  version text not null,
  kinds text not null,
  running bigint not null,
  done bigint not null,
  started_ms bigint not null,
  heartbeat_ms bigint not null,
  stopped_ms bigint
);

create table schedules (
  name text primary key,
  kind text not null,
  args jsonb not null,
  -- Cron with seconds, UTC, in desk time.
  cron text not null,
  -- run_once | skip
  missed text not null,
  paused boolean not null,
  next_slot_ms bigint,
  last_slot_ms bigint,
  last_job text,
  updated_ms bigint not null
);

create table queues (
  queue text primary key,
  paused boolean not null,
  updated_ms bigint not null
);
