-- Expiries by day: held to the end, and what was paid
-- :desk text live: the book, live or the name of a replay
-- Read it: paid is 0 on days when every call expired worthless; the delivery price is the exchange's.
select substr(settled_at, 1, 10) as day, underlying, currency, count(*) as contracts, sum(0 - size) as size,
  max(delivery_price) as delivery_price, sum(0 - payoff) as paid, sum(fee) as fees
from v_settlements
where desk = :desk
group by substr(settled_at, 1, 10), underlying, currency
order by day, underlying, currency
