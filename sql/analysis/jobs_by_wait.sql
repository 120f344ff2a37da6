-- How long jobs wait and run, by kind
-- :kind text null: a kind of job, or null for all
-- Read it: long waits with short runs want more workers or a higher priority; short waits with long runs want less work per job.
select kind, queue, priority, count(*) as jobs,
  avg(cast(waited_ms as double precision)) as mean_waited_ms, max(waited_ms) as longest_waited_ms,
  avg(cast(took_ms as double precision)) as mean_took_ms, max(took_ms) as longest_took_ms,
  avg(cast(attempts as double precision)) as mean_attempts
from v_jobs
where started_at is not null and (:kind is null or kind = :kind)
group by kind, queue, priority
order by kind, queue, priority
