-- Premium kept by regime and delta at the sale, in backtests
-- :backtest text null: id of a backtest, or null for the newest
-- :underlying text null: BTC, ETH, or null for both
-- Read it: kept is what the calls earned, of the premium they were sold for; below 0 they cost more than they brought.
select b.underlying, l.regime,
  case when l.delta_open < 0.1 then 'below 0.10' when l.delta_open < 0.2 then '0.10 to 0.20'
    when l.delta_open < 0.3 then '0.20 to 0.30' when l.delta_open < 0.4 then '0.30 to 0.40'
    when l.delta_open is null then 'unknown' else 'from 0.40' end as delta,
  count(*) as legs, sum(l.open_price * l.size) as premium, sum(l.pnl) as earned,
  sum(l.pnl) / nullif(sum(l.open_price * l.size), 0) as kept
from v_backtest_legs l join v_backtests b on b.id = l.backtest
where l.backtest = coalesce(:backtest,
    (select id from v_backtests where state = 'done' order by created_at desc, id desc limit 1)) and (:underlying is null or b.underlying = :underlying)
group by b.underlying, l.regime,
  case when l.delta_open < 0.1 then 'below 0.10' when l.delta_open < 0.2 then '0.10 to 0.20'
    when l.delta_open < 0.3 then '0.20 to 0.30' when l.delta_open < 0.4 then '0.30 to 0.40'
    when l.delta_open is null then 'unknown' else 'from 0.40' end
order by b.underlying, l.regime, coalesce(min(l.delta_open), 9)
