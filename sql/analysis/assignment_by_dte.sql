-- How often calls are assigned, by days to expiry at the sale
-- :backtest text null: id of a backtest, or null for the newest
-- :underlying text null: BTC, ETH, or null for both
-- Read it: assigned is the share of calls held to expiry that expired in the money; near the delta at the sale it is a fair price.
select b.underlying,
  case when l.dte_open < 3 then '0 to 3 days' when l.dte_open < 8 then '3 to 8 days'
    when l.dte_open < 31 then '8 to 31 days' else 'from 31 days' end as expiry,
  count(*) as legs, sum(case when l.ended_by = 'expiry' then 1 else 0 end) as expired,
  sum(case when l.assigned then 1 else 0 end) as assigned_legs,
  cast(sum(case when l.assigned then 1 else 0 end) as double precision)
    / nullif(sum(case when l.ended_by = 'expiry' then 1 else 0 end), 0) as assigned,
  avg(l.delta_open) as mean_delta, sum(l.pnl) as earned
from v_backtest_legs l join v_backtests b on b.id = l.backtest
where l.backtest = coalesce(:backtest,
    (select id from v_backtests where state = 'done' order by created_at desc, id desc limit 1)) and (:underlying is null or b.underlying = :underlying)
group by b.underlying,
  case when l.dte_open < 3 then '0 to 3 days' when l.dte_open < 8 then '3 to 8 days'
    when l.dte_open < 31 then '8 to 31 days' else 'from 31 days' end
order by b.underlying, min(l.dte_open)
