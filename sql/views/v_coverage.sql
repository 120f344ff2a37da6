-- Market history by day: chains, delivery prices, candles, volatility index, trades, future marks, funding rates.
select
  g.kind as kind,                                -- chains, delivery_prices, candles, volatility_index, trades, future_marks, funding_rates
  g.source as source,                            -- whose it is: recorded (imported files), deribit, deribit:HOST, unknown; `thetaq quotes --source` takes that of chains
  g.underlying as underlying,                    -- BTC or ETH, or the symbol
  g.resolution as resolution,                    -- 1d, 1h or 1m of candles
  substr(iso(g.day_ms), 1, 10) as day,           -- day that the figures are of
  g.snapshots as snapshots,                      -- chains or rows of that day
  g.quotes as quotes,                            -- quotes of those chains
  iso(g.first_ms) as first_at,                   -- first row
  iso(g.last_ms) as last_at                      -- last row
from (
  select
    u.kind, u.source, u.underlying, u.resolution, u.at_ms - u.at_ms % 86400000 as day_ms,
    cast(count(*) as bigint) as snapshots, cast(sum(u.quotes) as bigint) as quotes,
    min(u.at_ms) as first_ms, max(u.at_ms) as last_ms
  from (
    select 'chains' as kind, source, underlying, cast(null as text) as resolution, at_ms, quotes from chain_snapshots
    union all select 'delivery_prices', source, index_name, cast(null as text), at_ms, 0 from delivery_prices
    union all select 'candles', source, symbol,
      case resolution_ms when 86400000 then '1d' when 3600000 then '1h' when 60000 then '1m'
        else cast(resolution_ms as text) || ' ms' end,
      at_ms, 0 from candles
    union all select 'volatility_index', source, underlying, cast(null as text), at_ms - 86400000, 0 from volatility_index
    union all select 'future_marks', source, symbol, cast(null as text), at_ms, 0 from future_marks
    union all select 'funding_rates', source, symbol, cast(null as text), at_ms, 0 from funding_rates
  ) u
  group by u.kind, u.source, u.underlying, u.resolution, u.at_ms - u.at_ms % 86400000
  union all select 'trades', source, underlying, cast(null as text), day_ms, prints, 0, first_ms, last_ms from trade_days
) g
