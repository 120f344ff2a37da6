-- Fall below the highest equity so far, by day
-- :desk text live: the book, live or the name of a replay
-- :underlying text null: BTC, ETH, or null for both
-- Read it: 0 is a new high; in coin the fall is the desk's own, in USD it is mostly the coin's.
select substr(e.at, 1, 10) as day, e.underlying, min(e.equity / nullif(e.peak, 0) - 1) as drawdown_coin,
  min(e.equity_usd / nullif(e.peak_usd, 0) - 1) as drawdown_usd
from (
  select at, underlying, equity, equity_usd,
    max(equity) over (partition by underlying order by at) as peak,
    max(equity_usd) over (partition by underlying order by at) as peak_usd
  from v_equity
  where desk = :desk and (:underlying is null or underlying = :underlying)
) e
group by substr(e.at, 1, 10), e.underlying
order by day, e.underlying
