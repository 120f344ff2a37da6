-- Every call a decision looked at: scored and ranked, or stopped at its first failed filter.
select
  c.decision as decision,                        -- the decision
  c.n as n,                                      -- place in the chain
  iso(d.as_of_ms) as decided_at,                 -- when the decision was made
  d.desk as desk,                                -- live, or the name of a replay
  d.underlying as underlying,                    -- BTC or ETH
  c.instrument as instrument,                    -- the call
  iso(c.expiry_ms) as expires_at,                -- 08:00 UTC of its expiry
  c.strike_usd as strike_usd,                    -- USD per coin at which it is called away
  c.dte as dte,                                  -- days to expiry
  c.delta as delta,                              -- Black-76 N(d1)
  c.bid as bid,                                  -- coin per coin of contract, best buyer
  c.ask as ask,                                  -- coin per coin of contract, best seller
  c.mark_iv as mark_iv,                          -- implied volatility, a fraction
  c.ivrv as ivrv,                                -- implied / realised volatility
  c.open_interest as open_interest,              -- coin: contracts that exist
  c.premium_usd as premium_usd,                  -- USD per 1.0 contract at the bid
  c.yield_net as yield_net,                      -- annualised premium on the coin, net of fees, a fraction
  c.failed_filter as failed_filter,              -- first filter it failed; empty when it passed all
  c.failed_by as failed_by,                      -- by how much, in the filter's unit
  c.admit_at as admit_at,                        -- what the setting would have to be
  c.score as score,                              -- higher is better
  c.rank as rank,                                -- 1 is the best
  c.propensity as propensity,                    -- probability with which it was drawn
  c.chosen as chosen                             -- true for the one drawn
from candidates c join decisions d on d.id = c.decision
