-- What each roll chain brought
-- :desk text live: the book, live or the name of a replay
-- :underlying text null: BTC, ETH, or null for both
-- Read it: a chain is a sale with all it was rolled into; cash is what it has brought so far, and its contracts are closed when open is 0.
select min(opened_at) as opened_at, max(changed_at) as changed_at, underlying, currency, chain, count(*) as contracts,
  sum(case when side = 'closed' then 0 else 1 end) as open, sum(premium) as premium, sum(fees) as fees,
  sum(settlement) as settlement, sum(cash) as cash
from v_positions
where desk = :desk and (:underlying is null or underlying = :underlying)
group by underlying, currency, chain
order by opened_at, chain
