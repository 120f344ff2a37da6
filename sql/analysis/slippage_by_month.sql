-- Slippage against mid, by month and leg
-- :desk text live: the book, live or the name of a replay
-- :underlying text null: BTC, ETH, or null for both
-- Read it: slippage is what the fill gave away against the middle of bid and ask at the decision, coin per coin; its share is of the mid, below 0 is better than mid.
select substr(f.filled_at, 1, 7) as month, f.underlying, f.leg, count(*) as fills,
  avg((c.bid + c.ask) / 2) as mid, avg(f.price) as price,
  avg(case when f.side = 'sell' then (c.bid + c.ask) / 2 - f.price else f.price - (c.bid + c.ask) / 2 end) as slippage,
  sum(f.size * case when f.side = 'sell' then (c.bid + c.ask) / 2 - f.price else f.price - (c.bid + c.ask) / 2 end)
    / nullif(sum(f.size * (c.bid + c.ask) / 2), 0) as share
from v_fills f join v_candidates c on c.decision = f.decision and c.instrument = f.instrument
where f.desk = :desk and (:underlying is null or f.underlying = :underlying) and c.bid is not null and c.ask is not null
group by substr(f.filled_at, 1, 7), f.underlying, f.leg
order by month, f.underlying, f.leg
