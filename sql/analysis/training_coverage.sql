-- What a dataset holds, by split, profile and regime
-- :dataset text null: id of a dataset, or null for all
-- Read it: a regime that is missing in training cannot be learned, one that is missing in test is not judged.
select dataset, split, profile, coalesce(regime, 'unknown') as regime, count(*) as steps,
  sum(case when action = 'OPEN_COVERED_CALL' then 1 else 0 end) as opens,
  sum(case when action = 'ROLL_COVERED_CALL' then 1 else 0 end) as rolls,
  sum(case when action = 'CLOSE_COVERED_CALL' then 1 else 0 end) as closes,
  sum(case when explored then 1 else 0 end) as explored,
  sum(case when error is not null then 1 else 0 end) as errors
from v_training
where :dataset is null or dataset = :dataset
group by dataset, split, profile, coalesce(regime, 'unknown')
order by dataset, split, profile, coalesce(regime, 'unknown')
