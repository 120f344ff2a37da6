-- Bid-ask spread of the calls sold, by days to expiry
-- :desk text live: the book, live or the name of a replay
-- :underlying text null: BTC, ETH, or null for both
-- Read it: half of the spread is lost at each trade; a share above a tenth of the bid eats most of a take-profit.
select c.underlying,
  case when c.dte < 3 then '0 to 3 days' when c.dte < 8 then '3 to 8 days'
    when c.dte < 31 then '8 to 31 days' else 'from 31 days' end as expiry,
  count(*) as sold, avg(c.ask - c.bid) as spread, avg(c.bid) as bid,
  sum(c.ask - c.bid) / nullif(sum(c.bid), 0) as share_of_bid
from v_candidates c join v_decisions d on d.id = c.decision
where c.desk = :desk and c.chosen and d.risk_verdict = 'approved' and c.bid is not null and c.ask is not null
  and (:underlying is null or c.underlying = :underlying)
group by c.underlying,
  case when c.dte < 3 then '0 to 3 days' when c.dte < 8 then '3 to 8 days'
    when c.dte < 31 then '8 to 31 days' else 'from 31 days' end
order by c.underlying, min(c.dte)
