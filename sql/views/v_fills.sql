-- Trades: the facts positions and cash are folded from.
select
  f.trade_id as trade_id,                        -- the exchange's id, or the simulator's
  iso(f.at_ms) as filled_at,                     -- when it was matched
  f.at_ms - d.as_of_ms as after_decision_ms,     -- milliseconds from the decision to the fill, desk time
  f.desk as desk,                                -- live, or the name of a replay
  f.decision as decision,                        -- the decision behind it
  f.order_id as order_id,                        -- the order it belongs to
  f.chain as chain,                              -- roll chain
  f.leg as leg,                                  -- open, close, roll_close, roll_open
  f.underlying as underlying,                    -- BTC or ETH
  f.instrument as instrument,                    -- the contract
  f.side as side,                                -- buy or sell
  e8(f.size_e8) as size,                         -- coin: of the trade
  e8(f.price_e8) as price,                       -- coin per coin of contract, premium
  e8(f.fee_e8) as fee,                           -- paid for the trade
  e8(f.cash_e8) as cash,                         -- premium received (+) or paid (-) less the fee
  f.currency as currency,                        -- BTC, ETH or USDC
  e8(f.index_price_e8) as index_price,           -- USD per coin
  f.source as source                             -- live or simulated
from fills f left join decisions d on d.id = f.decision
