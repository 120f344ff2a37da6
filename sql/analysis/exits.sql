-- What ended calls in backtests, and what that came to
-- :backtest text null: id of a backtest, or null for the newest
-- Read it: a trigger with many calls and a low share of winners ends trades too early or too late.
select b.underlying, l.ended_by, count(*) as legs, avg(cast(case when l.pnl > 0 then 1 else 0 end as double precision)) as winners,
  sum(l.pnl) as earned, sum(l.pnl_usd) as earned_usd, avg(l.days_held) as mean_days, sum(l.fees) as fees
from v_backtest_legs l join v_backtests b on b.id = l.backtest
where l.backtest = coalesce(:backtest,
  (select id from v_backtests where state = 'done' order by created_at desc, id desc limit 1))
group by b.underlying, l.ended_by
order by b.underlying, l.ended_by
