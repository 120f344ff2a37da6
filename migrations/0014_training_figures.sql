-- Figures that lists of datasets show without reading their rows, and of whom an estimate speaks.

-- Rows whose reward is known, and the sums of their rewards, USD; null before this was kept.
alter table training_datasets add column rewarded bigint;
alter table training_datasets add column reward_usd double precision;
alter table training_datasets add column reward_versus_holding double precision;

-- The only underlying and the only profile that were counted; null is all of the dataset.
alter table evaluations add column underlying text;
alter table evaluations add column profile text;
