-- Orders of every decision and how they ended.
select
  o.id as id,                                    -- ULID of the order
  iso(o.created_ms) as created_at,               -- when it was intended
  iso(o.updated_ms) as updated_at,               -- last change
  o.desk as desk,                                -- live, or the name of a replay
  o.decision as decision,                        -- why it exists
  o.job as job,                                  -- the trade job
  o.label as label,                              -- name on the exchange
  o.chain as chain,                              -- roll chain: the decision that opened it
  o.leg as leg,                                  -- open, close, roll_close, roll_open
  o.underlying as underlying,                    -- BTC or ETH
  o.instrument as instrument,                    -- the contract
  o.side as side,                                -- buy or sell
  e8(o.size_e8) as size,                         -- coin: asked for
  e8(o.filled_e8) as filled,                     -- coin: traded so far
  e8(o.limit_price_e8) as limit_price,           -- coin per coin of contract, worst accepted
  e8(o.average_price_e8) as average_price,       -- coin per coin of contract, of the fills
  o.reduce_only as reduce_only,                  -- may only close
  o.post_only as post_only,                      -- may only add liquidity
  o.simulated as simulated,                      -- dry run: filled by the fill model
  o.state as state,                              -- intended, open, filled, cancelled or rejected
  o.exchange_order_id as exchange_order_id,      -- the exchange's id
  o.error as error                               -- why it was rejected
from orders o
