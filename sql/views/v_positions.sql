-- Every contract ever held, folded from fills and settlements; open ones have a size other than 0.
select
  h.desk as desk,                                -- live, or the name of a replay
  h.underlying as underlying,                    -- BTC or ETH
  h.instrument as instrument,                    -- the contract
  h.chain as chain,                              -- roll chain: the decision that opened it
  case when h.size_e8 = 0 then 'closed' when h.size_e8 < 0 then 'short' else 'long' end as side, -- short, long or closed
  e8(h.size_e8) as size,                         -- coin held now, negative for a short
  e8(h.sold_e8) as sold,                         -- coin sold in all
  e8(h.bought_e8) as bought,                     -- coin bought back in all
  iso(h.opened_ms) as opened_at,                 -- first fill
  iso(h.changed_ms) as changed_at,               -- last fill or settlement
  e8(h.premium_e8) as premium,                   -- received less paid, before fees
  e8(h.fee_e8) as fees,                          -- trade and delivery fees
  e8(h.payoff_e8) as settlement,                 -- payoff at expiry
  e8(h.premium_e8 - h.fee_e8 + h.payoff_e8) as cash, -- premium - fees + settlement
  h.currency as currency                         -- BTC, ETH or USDC
from (
  select
    m.desk, m.underlying, m.instrument, m.chain, m.currency,
    cast(sum(m.size_e8) as bigint) as size_e8,
    cast(sum(m.sold_e8) as bigint) as sold_e8,
    cast(sum(m.bought_e8) as bigint) as bought_e8,
    cast(sum(m.premium_e8) as bigint) as premium_e8,
    cast(sum(m.fee_e8) as bigint) as fee_e8,
    cast(sum(m.payoff_e8) as bigint) as payoff_e8,
    min(m.at_ms) as opened_ms,
    max(m.at_ms) as changed_ms
  from (
    select
      f.desk, f.underlying, f.instrument, f.chain, f.currency, f.at_ms,
      case when f.side = 'sell' then -f.size_e8 else f.size_e8 end as size_e8,
      case when f.side = 'sell' then f.size_e8 else 0 end as sold_e8,
      case when f.side = 'sell' then 0 else f.size_e8 end as bought_e8,
      f.cash_e8 + f.fee_e8 as premium_e8,
      f.fee_e8,
      0 as payoff_e8
    from fills f
    union all
    select
      s.desk, s.underlying, s.instrument, s.chain, s.currency, s.at_ms,
      -s.size_e8, 0, 0, 0, s.fee_e8, s.payoff_e8
    from settlements s
  ) m
  group by m.desk, m.underlying, m.instrument, m.chain, m.currency
) h
