-- Cover and margin used, by day
-- :desk text live: the book, live or the name of a replay
-- :underlying text null: BTC, ETH, or null for both
-- Read it: cover is coin of calls sold, of the equity; at 1 every coin is called away above the strikes. Margin is initial margin of the equity.
select substr(at, 1, 10) as day, underlying, max(short_calls) as short_calls,
  max(short_calls / nullif(equity, 0)) as cover_used, max(initial_margin / nullif(equity, 0)) as margin_used,
  min(net_delta) as least_net_delta
from v_equity
where desk = :desk and (:underlying is null or underlying = :underlying)
group by substr(at, 1, 10), underlying
order by day, underlying
