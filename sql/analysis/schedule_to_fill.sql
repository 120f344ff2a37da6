-- From the schedule to the fill, by day
-- :desk text live: the book, live or the name of a replay
-- Read it: waited is how long ticks stood in the queue, filled how long after the decision the trade came; both in milliseconds, the first of wall time.
select substr(f.filled_at, 1, 10) as day, f.leg, count(*) as fills,
  avg(cast(j.waited_ms as double precision)) as mean_waited_ms, max(j.waited_ms) as longest_waited_ms,
  avg(cast(f.after_decision_ms as double precision)) as mean_filled_ms, max(f.after_decision_ms) as longest_filled_ms
from v_fills f join v_decisions d on d.id = f.decision left join v_jobs j on j.id = d.job
where f.desk = :desk
group by substr(f.filled_at, 1, 10), f.leg
order by day, f.leg
