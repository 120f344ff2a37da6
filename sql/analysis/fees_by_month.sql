-- Fees by month, of trades and of deliveries
-- :desk text live: the book, live or the name of a replay
-- Read it: share is fees of the premium received in that month; above a tenth, trade less often or larger.
select m.month, m.currency, sum(m.trade_fees) as trade_fees, sum(m.delivery_fees) as delivery_fees,
  sum(m.received) as received, sum(m.trade_fees + m.delivery_fees) / nullif(sum(m.received), 0) as share
from (
  select substr(filled_at, 1, 7) as month, currency, fee as trade_fees, cast(0 as double precision) as delivery_fees,
    case when side = 'sell' then cash + fee else 0.0 end as received
  from v_fills where desk = :desk
  union all
  select substr(settled_at, 1, 7), currency, 0.0, fee, 0.0 from v_settlements where desk = :desk
) m
group by m.month, m.currency
order by m.month, m.currency
