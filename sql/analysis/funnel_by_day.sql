-- From calls seen to calls sold, by day
-- :desk text live: the book, live or the name of a replay
-- :underlying text null: BTC, ETH, or null for both
-- Read it: days with many calls seen and none passed are held back by the filters (failed_filters), passed but not opened by risk or by an open call.
select substr(decided_at, 1, 10) as day, underlying, count(*) as decisions, sum(candidates) as seen, sum(passed) as passed,
  sum(case when proposed_action in ('OPEN_COVERED_CALL', 'ROLL_COVERED_CALL') then 1 else 0 end) as proposed,
  sum(case when final_action in ('OPEN_COVERED_CALL', 'ROLL_COVERED_CALL') then 1 else 0 end) as opened,
  sum(case when error is not null then 1 else 0 end) as failed
from v_decisions
where desk = :desk and (:underlying is null or underlying = :underlying)
group by substr(decided_at, 1, 10), underlying
order by day, underlying
