-- Training datasets: what each depended on, and what it holds
select
  d.id as id,                                    -- the dataset
  iso(d.created_ms) as created_at,               -- when it began
  d.state as state,                              -- running, done, stopped or failed
  d.source as source,                            -- chain store; live: the ticks of a desk
  d.underlyings as underlyings,                  -- BTC, ETH, or both
  d.profiles as profiles,                        -- in the order in which they chose
  iso(d.from_ms) as from_at,                     -- first snapshot
  iso(d.to_ms) as to_at,                         -- last snapshot
  d.rows as rows,                                -- decision steps
  d.candidates as candidates,                    -- calls they could choose from
  d.errors as errors,                            -- steps whose outcome is not known
  d.reward_usd / nullif(d.rewarded, 0) as mean_reward_usd, -- of the rows whose reward is known
  d.reward_versus_holding / nullif(d.rewarded, 0) as mean_reward_versus_holding, -- USD, against the coin untouched
  d.policy as policy,                            -- what proposed
  d.policy_version as policy_version,            -- of the policy
  d.mode as mode,                                -- research or production
  d.exit_style as exit_style,                    -- when calls were bought back
  d.fill_model as fill_model,                    -- where fills happened
  d.fee_model as fee_model,                      -- which fees were paid
  d.ladder as ladder,                            -- calls a profile may hold at once
  d.explore_prob as explore_prob,                -- probability of exploring
  d.explore_top_k as explore_top_k,              -- how many of the best are drawn from
  d.seed as seed,                                -- of exploration
  d.discount_per_day as discount_per_day,        -- factor on what is earned a day later
  d.feature_version as feature_version,          -- of the observations
  d.reward_definition as reward_definition,      -- of the rewards
  d.config_hash as config_hash,                  -- equal settings, equal hash
  d.code_version as code_version,                -- of the program
  d.steps_done as steps_done,                    -- snapshots walked
  d.steps as steps,                              -- snapshots in all
  d.job as job,                                  -- the job that made it
  d.desk as desk,                                -- the desk whose ticks are collected; null over stored chains
  d.error as error                               -- why it failed
from training_datasets d
