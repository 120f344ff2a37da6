-- Of backtests that a language model decided: which one, and the last day it was trained on. A run that begins before
-- that day may have been decided with knowledge of what followed.

alter table backtests add column model text;
alter table backtests add column training_cutoff text;
