-- Decisions of a backtest that wanted something
select
  d.backtest as backtest,                        -- the run
  iso(d.at_ms) as decided_at,                    -- when it was made
  d.proposed_action as proposed_action,          -- by the policy
  d.final_action as final_action,                -- after risk
  d.instrument as instrument,                    -- sold, or bought back by a close
  d.rolled_from as rolled_from,                  -- bought back by a roll
  e8(d.size_e8) as size,                         -- coin: of the order
  d.propensity as propensity,                    -- probability of the draw
  d.explored as explored,                        -- something else than the best was drawn
  d.fills as fills,                              -- orders that filled
  d.reason as reason,                            -- the policy's own words
  d.refusal as refusal                           -- what risk refused, and why
from backtest_decisions d
