-- What calls sold in backtests earned, by month of their end
-- :backtest text null: id of a backtest, or null for the newest
-- Read it: one bad month that undoes many good ones is the usual shape; look at its regime and at what ended its calls (exits).
select substr(l.closed_at, 1, 7) as month, b.underlying, count(*) as legs, sum(l.open_price * l.size) as premium,
  sum(l.pnl) as earned, sum(l.pnl_usd) as earned_usd, sum(l.fees) as fees
from v_backtest_legs l join v_backtests b on b.id = l.backtest
where l.backtest = coalesce(:backtest,
  (select id from v_backtests where state = 'done' order by created_at desc, id desc limit 1))
group by substr(l.closed_at, 1, 7), b.underlying
order by month, b.underlying
