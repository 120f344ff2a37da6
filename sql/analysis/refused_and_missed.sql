-- What risk refused, and what it would have made
-- :desk text live: the book, live or the name of a replay
-- :underlying text null: BTC, ETH, or null for both
-- Read it: missed is premium less payoff at the delivery price, else at the last index before expiry; it is empty while the call would still run.
select r.decided_at, r.underlying, r.instrument, r.size, r.premium_usd,
  r.settled_at_usd, r.premium_usd - r.size * case when r.settled_at_usd > r.strike_usd
    then r.settled_at_usd - r.strike_usd else 0 end as missed_usd, r.refusal
from (
  select d.decided_at, d.underlying, c.instrument, d.size, c.strike_usd, d.size * c.premium_usd as premium_usd, d.refusal,
    coalesce(
      (select min(p.price_usd) from v_delivery_prices p
       where p.index_name = lower(d.underlying) || '_usd' and p.at = c.expires_at),
      (select e.index_price from v_equity e
       where e.desk = d.desk and e.underlying = d.underlying and e.at <= c.expires_at
         and exists (select 1 from v_equity l where l.desk = d.desk and l.underlying = d.underlying and l.at >= c.expires_at)
       order by e.at desc limit 1)) as settled_at_usd
  from v_decisions d join v_candidates c on c.decision = d.id and c.chosen
  where d.desk = :desk and d.risk_verdict = 'refused' and (:underlying is null or d.underlying = :underlying)
) r
order by r.decided_at, r.underlying
