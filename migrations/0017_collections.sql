-- Datasets that go on with a desk's ticks.

-- The desk whose ticks are collected; null for datasets made of stored or synthetic chains.
alter table training_datasets add column desk text;

-- A desk collects one dataset at a time.
create unique index training_datasets_collecting on training_datasets (desk) where state = 'running' and desk is not null;
