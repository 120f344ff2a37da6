-- What policies would have earned, by estimate from logged choices
-- :dataset text null: id of a dataset, or null for all
-- Read it: compare dr with logged; an interval that holds both, or a warning about overlap, decides nothing.
select created_at, dataset, policy, split, reward, logged, snips, dr, dr_low, dr_high,
  effective_sample_size, uncovered, overlap_warning
from v_evaluations
where :dataset is null or dataset = :dataset
order by created_at, policy, split, id
