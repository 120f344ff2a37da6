-- What each policy of the council would have come to
-- :desk text live: the book, live or the name of a replay
-- :underlying text BTC: BTC or ETH
-- Read it: means are against doing nothing, a tick; mean ± 1.96 x the root of variance / scored is an interval for independent ticks. Ticks whose calls overlap are not: /council resamples whole days.
select c.policy, count(*) as ticks, count(case when c.action <> 'DO_NOTHING' then 1 end) as traded,
  count(c.versus_holding_usd) as scored, avg(c.result) as mean_coin, sum(c.result) as sum_coin,
  avg(c.result_usd) as mean_usd, avg(c.versus_holding_usd) as mean_versus_holding_usd,
  case when count(c.versus_holding_usd) > 1
    then sum((c.versus_holding_usd - a.mean) * (c.versus_holding_usd - a.mean)) / (count(c.versus_holding_usd) - 1)
  end as variance_usd2
from v_council c join (
  select policy, avg(versus_holding_usd) as mean from v_council
  where desk = :desk and underlying = :underlying group by policy) a on a.policy = c.policy
where c.desk = :desk and c.underlying = :underlying
group by c.policy
order by mean_versus_holding_usd desc, c.policy
