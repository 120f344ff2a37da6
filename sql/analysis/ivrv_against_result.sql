-- Implied over realised volatility at the entry, against the result
-- :desk text live: the book, live or the name of a replay
-- :underlying text null: BTC, ETH, or null for both
-- Read it: if selling rich volatility pays, the share kept rises from the first line to the last; closed contracts only.
select c.underlying,
  case when c.ivrv < 1 then 'below 1.0' when c.ivrv < 1.2 then '1.0 to 1.2'
    when c.ivrv < 1.5 then '1.2 to 1.5' when c.ivrv is null then 'unknown' else 'from 1.5' end as ivrv,
  count(*) as opened, avg(c.mark_iv) as mean_iv, sum(p.premium) as premium, sum(p.cash) as earned,
  sum(p.cash) / nullif(sum(p.premium), 0) as kept
from v_candidates c
  join v_decisions d on d.id = c.decision
  join v_positions p on p.desk = d.desk and p.instrument = c.instrument and p.chain = d.id
where c.desk = :desk and c.chosen and p.side = 'closed' and (:underlying is null or c.underlying = :underlying)
group by c.underlying,
  case when c.ivrv < 1 then 'below 1.0' when c.ivrv < 1.2 then '1.0 to 1.2'
    when c.ivrv < 1.5 then '1.2 to 1.5' when c.ivrv is null then 'unknown' else 'from 1.5' end
order by c.underlying, coalesce(min(c.ivrv), 99)
