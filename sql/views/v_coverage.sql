-- Market history by day: chains, delivery prices, candles, volatility index.
select
  g.kind as kind,                                -- chains, delivery_prices, candles or volatility_index
  g.source as source,                            -- where it came from
  g.underlying as underlying,                    -- BTC or ETH, or the symbol
  substr(iso(g.day_ms), 1, 10) as day,           -- UTC
  g.snapshots as snapshots,                      -- chains or rows of that day
  g.quotes as quotes,                            -- quotes of those chains
  iso(g.first_ms) as first_at,                   -- first row
  iso(g.last_ms) as last_at                      -- last row
from (
  select
    u.kind, u.source, u.underlying, u.at_ms - u.at_ms % 86400000 as day_ms,
    cast(count(*) as bigint) as snapshots, cast(sum(u.quotes) as bigint) as quotes,
    min(u.at_ms) as first_ms, max(u.at_ms) as last_ms
  from (
    select 'chains' as kind, source, underlying, at_ms, quotes from chain_snapshots
    union all select 'delivery_prices', 'deribit', index_name, at_ms, 0 from delivery_prices
    union all select 'candles', source, symbol, at_ms, 0 from candles
    union all select 'volatility_index', 'deribit', underlying, at_ms - 86400000, 0 from volatility_index
  ) u
  group by u.kind, u.source, u.underlying, u.at_ms - u.at_ms % 86400000
) g
