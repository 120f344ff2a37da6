-- Contracts held to expiry: delivery price, payoff, fee.
select
  s.instrument as instrument,                    -- the contract
  iso(s.at_ms) as settled_at,                    -- 08:00 UTC of the expiry
  s.desk as desk,                                -- live, or the name of a replay
  s.underlying as underlying,                    -- BTC or ETH
  s.chain as chain,                              -- roll chain
  e8(s.size_e8) as size,                         -- coin, negative for a short
  e8(s.delivery_price_e8) as delivery_price,     -- USD per coin
  s.price_source as price_source,                -- where the delivery price came from
  e8(s.payoff_e8) as payoff,                     -- in the currency, negative when the short paid
  e8(s.fee_e8) as fee,                           -- delivery fee
  e8(s.cash_e8) as cash,                         -- payoff less fee
  s.currency as currency                         -- BTC, ETH or USDC
from settlements s
