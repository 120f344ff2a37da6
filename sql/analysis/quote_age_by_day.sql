-- How old quotes were when they were decided on, by day
-- :desk text live: the book, live or the name of a replay
-- Read it: the oldest should stay below quote_max_age_ms of the settings; a rising mean points at the recorder or the exchange.
select substr(decided_at, 1, 10) as day, underlying, count(*) as decisions,
  avg(cast(snapshot_age_ms as double precision)) as mean_age_ms, max(snapshot_age_ms) as oldest_ms
from v_decisions
where desk = :desk and snapshot_age_ms is not null
group by substr(decided_at, 1, 10), underlying
order by day, underlying
