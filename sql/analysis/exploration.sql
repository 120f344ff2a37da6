-- Exploration against the greedy choice
-- :desk text live: the book, live or the name of a replay
-- :underlying text null: BTC, ETH, or null for both
-- Read it: earned is premium, fees and settlement of the contracts opened so far, in coin; open ones count what they have brought, not what they may still cost.
select d.underlying, d.explored, count(*) as opened, avg(d.propensity) as mean_propensity,
  sum(case when p.side = 'closed' then 1 else 0 end) as closed, avg(p.cash) as mean_earned, sum(p.cash) as earned
from v_decisions d
  join v_positions p on p.desk = d.desk and p.instrument = d.instrument and p.chain = d.id
where d.desk = :desk and d.final_action = 'OPEN_COVERED_CALL' and (:underlying is null or d.underlying = :underlying)
group by d.underlying, d.explored
order by d.underlying, d.explored
