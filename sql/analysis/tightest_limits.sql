-- How near decisions came to each limit of risk
-- :desk text live: the book, live or the name of a replay
-- Read it: the least headroom, in the unit of the row, is how much room was left at the worst moment; below 0 it was refused.
select underlying, check_name, leg, unit, count(*) as checked, min(headroom) as least_headroom, avg(headroom) as mean_headroom,
  sum(case when verdict = 'warn' then 1 else 0 end) as warned, sum(case when verdict = 'refuse' then 1 else 0 end) as refused
from v_risk_lines
where desk = :desk and headroom is not null
group by underlying, check_name, leg, unit
order by underlying, check_name, leg, unit
