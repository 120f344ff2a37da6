-- What rolls cost in backtests, by what caused them
-- :backtest text null: id of a backtest, or null for the newest
-- Read it: net is the premium of the call rolled into less the price of the one bought back, coin per roll; a defensive roll below 0 buys time with money.
select b.underlying, o.ended_by, count(*) as rolls,
  avg(o.close_price * o.size) as paid, avg(n.open_price * n.size) as received,
  avg(n.open_price * n.size - o.close_price * o.size) as net, avg(n.strike - o.strike) as strike_moved_usd,
  sum(n.pnl) as earned_afterwards
from v_backtest_legs o
  join v_backtest_legs n on n.backtest = o.backtest and n.chain = o.chain and n.leg = o.leg + 1
  join v_backtests b on b.id = o.backtest
where o.backtest = coalesce(:backtest,
  (select id from v_backtests where state = 'done' order by created_at desc, id desc limit 1))
group by b.underlying, o.ended_by
order by b.underlying, o.ended_by
