-- Which filter keeps calls out
-- :desk text live: the book, live or the name of a replay
-- :underlying text null: BTC, ETH, or null for both
-- Read it: the filter at the top is the setting whose change would admit most contracts.
select underlying, coalesce(failed_filter, 'passed') as failed_filter, count(*) as contracts,
  avg(failed_by) as mean_distance
from v_candidates
where desk = :desk and (:underlying is null or underlying = :underlying)
group by underlying, coalesce(failed_filter, 'passed')
order by underlying, count(*) desc, coalesce(failed_filter, 'passed')
