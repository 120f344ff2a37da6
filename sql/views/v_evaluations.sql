-- Off-policy estimates: what a policy would have earned an episode of a dataset
select
  e.id as id,                                    -- the estimate
  iso(e.created_ms) as created_at,               -- when
  e.dataset as dataset,                          -- the dataset
  e.policy as policy,                            -- the policy that was judged
  e.underlying as underlying,                    -- the only one counted; null is all
  e.profile as profile,                          -- the only one whose steps count; null is all
  e.split as split,                              -- all, train, validation or test
  e.reward as reward,                            -- what is added up: coin or USD per episode
  e.reward_definition as reward_definition,      -- of the rewards
  e.episodes as episodes,                        -- complete ones
  e.draws as draws,                              -- choices in them
  e.logged as logged,                            -- what the logged policy earned
  e.ips as ips,                                  -- weighted by the ratio of probabilities
  e.ips_low as ips_low,                          -- lower end of its interval
  e.ips_high as ips_high,                        -- upper end
  e.snips as snips,                              -- self-normalised
  e.snips_low as snips_low,                      -- lower end of its interval
  e.snips_high as snips_high,                    -- upper end
  e.dr as dr,                                    -- doubly robust, on a ridge model
  e.dr_low as dr_low,                            -- lower end of its interval
  e.dr_high as dr_high,                          -- upper end
  e.level as level,                              -- share of resamples inside an interval
  e.effective_sample_size as effective_sample_size, -- episodes that count
  e.max_weight as max_weight,                    -- greatest weight of an episode
  e.uncovered as uncovered,                      -- share of the policy's choices that were never logged
  e.overlap_warning as overlap_warning,          -- what speaks against believing it
  e.seed as seed,                                -- of the bootstrap
  e.config_hash as config_hash,                  -- equal question, equal hash
  e.code_version as code_version,                -- of the program
  e.job as job                                   -- the job that made it
from evaluations e
