-- How long jobs take, by kind and state
-- Read it: a kind whose longest run is near its timeout needs a longer one, or less work.
select kind, state, count(*) as jobs, avg(cast(took_ms as double precision)) as mean_ms, max(took_ms) as longest_ms, max(attempts) as most_attempts
from v_jobs
group by kind, state
order by kind, state
