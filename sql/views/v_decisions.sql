-- One row per underlying per tick: what the policy proposed, what risk made of it, and why.
select
  d.id as id,                                    -- ULID of the decision
  iso(d.as_of_ms) as decided_at,                 -- the instant the decision speaks of; nothing it saw is later
  d.desk as desk,                                -- live, or the name of a replay
  d.underlying as underlying,                    -- BTC or ETH
  d.proposed_action as proposed_action,          -- DO_NOTHING, OPEN_COVERED_CALL, ROLL_COVERED_CALL, CLOSE_COVERED_CALL
  d.final_action as final_action,                -- the action after risk
  d.instrument as instrument,                    -- the call sold, or bought back by a close
  d.rolled_from as rolled_from,                  -- the call a roll buys back
  e8(d.size_e8) as size,                         -- coin: of the order
  d.source as source,                            -- rule_based, llm, training_mode, manual or error
  d.policy as policy,                            -- rules_v1, rules_v2
  d.policy_version as policy_version,            -- version of that policy's formula
  d.mode as mode,                                -- research or production
  d.propensity as propensity,                    -- probability with which this action was drawn
  d.explored as explored,                        -- true when exploration drew something other than the best
  d.seed as seed,                                -- what the draw was seeded with
  d.risk_verdict as risk_verdict,                -- approved, refused, nothing or error
  d.refusal as refusal,                          -- every reason risk refused for
  d.reason as reason,                            -- the policy's own words
  d.error as error,                              -- why the tick failed
  d.index_price as index_price,                  -- USD per coin
  d.regime as regime,                            -- bull, bear, sideways or unknown
  d.candidates as candidates,                    -- calls looked at
  d.passed as passed,                            -- calls that passed every filter
  d.snapshot_source as snapshot_source,          -- where the quotes came from
  iso(d.snapshot_at_ms) as snapshot_at,          -- when they were quoted
  d.as_of_ms - d.snapshot_at_ms as snapshot_age_ms, -- milliseconds, age of the quotes at the decision
  d.config_hash as config_hash,                  -- settings in force
  d.code_version as code_version,                -- program that decided
  d.job as job                                   -- the tick job
from decisions d
