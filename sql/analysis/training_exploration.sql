-- Exploration against the greedy choice, in training rows
-- :dataset text null: id of a dataset, or null for all
-- Read it: explored steps that earn as much as greedy ones say that the score does not tell calls apart.
select profile, explored, count(*) as steps, avg(propensity) as mean_propensity, avg(reward_coin) as mean_reward_coin,
  avg(reward_versus_holding) as mean_versus_holding
from v_training
where proposed_action = 'OPEN_COVERED_CALL' and reward_coin is not null and (:dataset is null or dataset = :dataset)
group by profile, explored
order by profile, explored
