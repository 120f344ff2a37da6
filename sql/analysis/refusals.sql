-- Why risk refused
-- :desk text live: the book, live or the name of a replay
-- Read it: headroom is how far the trade was beyond the limit, in the unit of the row.
select underlying, check_name, leg, count(*) as times, min(headroom) as worst_headroom, max(decided_at) as last_at
from v_risk_lines
where desk = :desk and verdict = 'refuse'
group by underlying, check_name, leg
order by count(*) desc, underlying, check_name, leg
