-- Calls that a training step could choose from
select
  c.dataset as dataset,                          -- the dataset
  c.step_n as step_n,                            -- number of the training row
  c.n as n,                                      -- place in the chain
  c.instrument as instrument,                    -- the call
  c.dte as dte,                                  -- days to expiry
  c.delta as delta,                              -- Black-76 N(d1)
  c.bid as bid,                                  -- coin per coin of contract
  c.ask as ask,                                  -- coin per coin of contract
  c.mark_iv as mark_iv,                          -- implied volatility, a fraction
  c.ivrv as ivrv,                                -- implied / realised volatility
  c.open_interest as open_interest,              -- coin
  c.premium_usd as premium_usd,                  -- USD per 1.0 contract at the bid
  c.yield_net as yield_net,                      -- annualised premium on the coin, net of fees, a fraction
  c.score as score,                              -- of the profile
  c.rank as rank,                                -- 1 is the best
  c.legal as legal,                              -- could be sold: not held, not taken by another profile, expires in the split
  c.propensity as propensity,                    -- probability with which it was drawn
  c.chosen as chosen,                            -- true for the one drawn
  c.terms as terms                               -- JSON object: what each term adds to the score
from training_candidates c
