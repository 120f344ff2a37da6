-- Why the desk and the backtester differed
-- :desk text live: the book, live or the name of a replay
-- Read it: unexplained has no recorded reason and wants a look; the others say what happened instead.
select underlying, kind, about, count(*) as times, min(at) as first_at, max(at) as last_at
from v_drift
where desk = :desk
group by underlying, kind, about
order by count(*) desc, underlying, kind, about
