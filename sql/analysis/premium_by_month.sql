-- Premium, fees and trades by month
-- :desk text live: the book, live or the name of a replay
-- Read it: premium is received less paid in the currency of the row; settlements are not in it.
select substr(filled_at, 1, 7) as month, currency, count(*) as trades,
  sum(cash + fee) as premium, sum(fee) as fees, sum(cash) as cash
from v_fills
where desk = :desk
group by substr(filled_at, 1, 7), currency
order by month, currency
