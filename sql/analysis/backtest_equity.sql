-- A backtest against holding and against selling a 25-delta call every week, by day
-- :backtest text null: id of a backtest, or null for the newest
-- Read it: equity above weekly earned more coin than the plain overwrite; above the first day's balance, more than holding.
select substr(at, 1, 10) as day, max(equity) as equity, max(weekly) as weekly, max(equity_usd) as equity_usd,
  max(index_price) as index_price, max(short_calls) as short_calls
from v_backtest_equity
where backtest = coalesce(:backtest,
  (select id from v_backtests where state = 'done' order by created_at desc, id desc limit 1))
group by substr(at, 1, 10)
order by day
