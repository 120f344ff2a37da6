-- What each roll of the desk cost
-- :desk text live: the book, live or the name of a replay
-- :underlying text null: BTC, ETH, or null for both
-- Read it: net is premium received for the new call less that paid for the old one and both fees; below 0 the roll was paid for.
select min(filled_at) as rolled_at, underlying, chain, decision,
  sum(case when leg = 'roll_close' then 0 - cash - fee else 0.0 end) as paid,
  sum(case when leg = 'roll_open' then cash + fee else 0.0 end) as received,
  sum(fee) as fees, sum(cash) as net, sum(cash * case when currency = 'USDC' then 1 else index_price end) as net_usd
from v_fills
where desk = :desk and leg in ('roll_close', 'roll_open') and (:underlying is null or underlying = :underlying)
group by underlying, chain, decision
order by rolled_at, decision
