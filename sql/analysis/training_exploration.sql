-- Exploration against the greedy choice, in training rows
-- :dataset text null: id of a dataset, or null for the newest
-- Read it: explored steps that earn as much as greedy ones say that the score does not tell calls apart.
select underlying, profile, explored, count(*) as steps, avg(propensity) as mean_propensity, avg(reward_coin) as mean_reward_coin,
  avg(reward_versus_holding) as mean_versus_holding
from v_training
where proposed_action = 'OPEN_COVERED_CALL' and reward_coin is not null and dataset = coalesce(:dataset,
    (select id from v_datasets order by created_at desc, id desc limit 1))
group by underlying, profile, explored
order by underlying, profile, explored
