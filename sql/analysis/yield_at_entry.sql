-- Premium and yield of the calls chosen, by month
-- :desk text live: the book, live or the name of a replay
-- :underlying text null: BTC, ETH, or null for both
-- Read it: yield is a year's, net of fees, on the coin; compare it with what the same month made in equity_by_day.
select substr(decided_at, 1, 7) as month, underlying, count(*) as chosen, avg(yield_net) as mean_yield,
  avg(mark_iv) as mean_iv, avg(delta) as mean_delta, avg(dte) as mean_dte, avg(premium_usd) as mean_premium_usd
from v_candidates
where desk = :desk and chosen and (:underlying is null or underlying = :underlying)
group by substr(decided_at, 1, 7), underlying
order by month, underlying
