-- What the desk did in each market regime
-- :desk text live: the book, live or the name of a replay
-- :underlying text null: BTC, ETH, or null for both
-- Read it: share is of the regime's decisions; a policy that acts alike in bull and bear does not look at the regime.
select underlying, coalesce(regime, 'unknown') as regime, final_action, count(*) as decisions,
  cast(count(*) as double precision)
    / sum(count(*)) over (partition by underlying, coalesce(regime, 'unknown')) as share
from v_decisions
where desk = :desk and (:underlying is null or underlying = :underlying)
group by underlying, coalesce(regime, 'unknown'), final_action
order by underlying, coalesce(regime, 'unknown'), final_action
