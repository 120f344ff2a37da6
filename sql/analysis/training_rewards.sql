-- Reward by profile, action and regime
-- :dataset text null: id of a dataset, or null for the newest
-- Read it: rewards are a step's, to the next decision; above 0 in versus means that acting so beat leaving the coin alone.
select underlying, profile, regime, action, count(*) as steps, avg(reward_coin) as mean_reward_coin,
  avg(reward_usd) as mean_reward_usd, avg(reward_versus_holding) as mean_versus_holding,
  sum(reward_versus_holding) as versus_holding
from v_training
where action is not null and dataset = coalesce(:dataset,
    (select id from v_datasets order by created_at desc, id desc limit 1))
group by underlying, profile, regime, action
order by underlying, profile, regime, action
