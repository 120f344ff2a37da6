-- Training rows: one decision step each, what was seen, done and earned
select
  r.dataset as dataset,                          -- the dataset
  r.n as n,                                      -- from 0, in the order of completion
  iso(r.at_ms) as decided_at,                    -- when
  r.underlying as underlying,                    -- BTC or ETH
  r.profile as profile,                          -- who decided
  d.policy as policy,                            -- what proposed
  d.policy_version as policy_version,            -- of the policy
  r.episode as episode,                          -- from a book without calls to a book without calls
  r.step as step,                                -- from 0 in its episode
  r.decision as decision,                        -- unique in the dataset
  r.chain as chain,                              -- roll chain acted on or held
  r.split as split,                              -- train, validation or test
  r.regime as regime,                            -- bull, bear, sideways or unknown
  r.index_price as index_price,                  -- USD
  r.observation as observation,                  -- JSON array in the order of the dataset's features; null is not known
  r.legal_actions as legal_actions,              -- sum of 1 nothing, 2 open, 4 roll, 8 close
  r.proposed_action as proposed_action,          -- by the profile; null where the step failed
  r.action as action,                            -- after risk; null where the step failed
  r.instrument as instrument,                    -- sold, or bought back by a close
  r.rolled_from as rolled_from,                  -- bought back by a roll
  e8(r.size_e8) as size,                         -- coin
  r.propensity as propensity,                    -- probability with which the proposed action was drawn
  r.explored as explored,                        -- something else than the best was drawn
  r.refusal as refusal,                          -- what risk refused, and why
  r.fills as fills,                              -- orders that filled
  e8(r.fees_e8) as fees,                         -- coin
  r.reward_coin as reward_coin,                  -- coin: change of equity to the next step; null in error rows
  r.reward_usd as reward_usd,                    -- USD: change of equity to the next step
  r.reward_versus_holding as reward_versus_holding, -- USD: less what the same coin would have made untouched
  iso(r.next_at_ms) as next_at,                  -- the next step of the same book
  r.next_observation as next_observation,        -- JSON array as observation
  r.terminated as terminated,                    -- the book has no calls any more
  r.truncated as truncated,                      -- the split, the data or the simulation end here
  r.discount as discount,                        -- to the next step
  d.seed as seed,                                -- of exploration
  d.mode as mode,                                -- research or production
  d.exit_style as exit_style,                    -- when calls were bought back
  r.price_source as price_source,                -- of the quotes
  d.fee_model as fee_model,                      -- which fees were paid
  d.reward_definition as reward_definition,      -- of the rewards
  d.feature_version as feature_version,          -- of the observations
  d.config_hash as config_hash,                  -- equal settings, equal hash
  r.error as error                               -- why the outcome is not known
from training_rows r join training_datasets d on d.id = r.dataset
