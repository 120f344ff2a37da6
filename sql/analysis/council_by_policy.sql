-- What each policy of the council would have come to, with intervals
-- :desk text live: the book, live or the name of a replay
-- :underlying text BTC: BTC or ETH
-- Read it: mean is against doing nothing, a tick; an interval that holds 0 decides nothing. Ticks whose calls overlap are not independent, so the true interval is wider.
select r.policy, r.ticks, r.traded, r.scored, r.mean_coin, r.sum_coin, r.mean_usd, r.mean_versus_holding_usd,
  r.mean_versus_holding_usd - 1.96 * r.error_usd as low_usd,
  r.mean_versus_holding_usd + 1.96 * r.error_usd as high_usd
from (
  select m.policy, m.ticks, m.traded, m.scored, m.mean_coin, m.sum_coin, m.mean_usd, m.mean_versus_holding_usd,
    case when m.scored > 1 then sqrt(m.spread / (m.scored - 1) / m.scored) end as error_usd
  from (
    select c.policy, count(*) as ticks, count(case when c.action <> 'DO_NOTHING' then 1 end) as traded,
      count(c.versus_holding_usd) as scored, avg(c.result) as mean_coin, sum(c.result) as sum_coin,
      avg(c.result_usd) as mean_usd, avg(c.versus_holding_usd) as mean_versus_holding_usd,
      sum((c.versus_holding_usd - a.mean) * (c.versus_holding_usd - a.mean)) as spread
    from v_council c join (
      select policy, avg(versus_holding_usd) as mean from v_council
      where desk = :desk and underlying = :underlying group by policy) a on a.policy = c.policy
    where c.desk = :desk and c.underlying = :underlying
    group by c.policy
  ) m
) r
order by r.mean_versus_holding_usd desc, r.policy
