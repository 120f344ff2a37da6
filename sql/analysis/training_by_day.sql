-- Reward of each profile against holding, by day
-- :dataset text null: id of a dataset, or null for all
-- Read it: profiles that rise and fall together differ only in size; the one to learn from wins on other days.
select substr(decided_at, 1, 10) as day, profile, count(*) as steps, sum(reward_coin) as reward_coin,
  sum(reward_versus_holding) as versus_holding, sum(fees) as fees
from v_training
where :dataset is null or dataset = :dataset
group by substr(decided_at, 1, 10), profile
order by day, profile
