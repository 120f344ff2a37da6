-- Jobs by day and how they ended
-- :kind text null: a kind of job, or null for all
-- Read it: succeeded should follow the schedule; days where discarded rises had a cause that failing_jobs names.
select substr(finished_at, 1, 10) as day, sum(case when state = 'succeeded' then 1 else 0 end) as succeeded,
  sum(case when state = 'discarded' then 1 else 0 end) as discarded,
  sum(case when state = 'cancelled' then 1 else 0 end) as cancelled, sum(took_ms) as took_ms
from v_jobs
where finished_at is not null and (:kind is null or kind = :kind)
group by substr(finished_at, 1, 10)
order by day
