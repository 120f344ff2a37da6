-- What goes wrong in jobs
-- Read it: the first line is what to repair first; a message that names a moment or an id counts as one of its own.
select kind, substr(error, 1, 120) as error, count(*) as jobs, sum(case when state = 'discarded' then 1 else 0 end) as given_up,
  max(attempts) as most_attempts, max(finished_at) as last_at
from v_jobs
where error is not null
group by kind, substr(error, 1, 120)
order by count(*) desc, kind, substr(error, 1, 120)
