-- Reward of each profile against holding, by coin and day
-- :dataset text null: id of a dataset, or null for the newest
-- Read it: profiles that rise and fall together differ only in size; the one to learn from wins on other days.
select substr(decided_at, 1, 10) as day, underlying, profile, count(*) as steps, sum(reward_coin) as reward_coin,
  sum(reward_versus_holding) as versus_holding, sum(fees) as fees
from v_training
where dataset = coalesce(:dataset,
  (select id from v_datasets order by created_at desc, id desc limit 1))
group by substr(decided_at, 1, 10), underlying, profile
order by day, underlying, profile
