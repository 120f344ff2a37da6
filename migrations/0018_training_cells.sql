-- Where a dataset has rows and where it is thin, kept as its rows come, so that no page has to read them.

-- JSON {"actions": [..], "calls": [..]}: rows and sums of rewards by action and regime, and of the calls sold by delta
-- and days to expiry; null in datasets of older versions.
alter table training_datasets add column cells text;
