-- Equity by day
-- :desk text live: the book, live or the name of a replay
-- :underlying text null: BTC, ETH, or null for both
-- Read it: equity is in coin; what the coin itself gained or lost is only in equity_usd.
select substr(at, 1, 10) as day, underlying, min(equity) as lowest, max(equity) as highest,
  max(equity_usd) as highest_usd, max(initial_margin) as margin
from v_equity
where desk = :desk and (:underlying is null or underlying = :underlying)
group by substr(at, 1, 10), underlying
order by day, underlying
