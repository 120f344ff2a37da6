-- Decisions that were made again, and whether they came out the same
-- :identical text null: yes, no, or null for both
-- Read it: one that differs was decided by other code, other settings or other data than the program has now; its page shows what differs.
select j.finished_at, d.id as decision, d.decided_at, d.underlying, d.final_action, d.policy, d.code_version,
  case when cast(j.result ->> 'identical' as text) in ('true', '1') then 'yes' else 'no' end as identical, j.id as job
from v_jobs j join v_decisions d on d.id = j.args ->> 'decision'
where j.kind = 'replay_decision' and j.state = 'succeeded'
  and (:identical is null or :identical = case when cast(j.result ->> 'identical' as text) in ('true', '1') then 'yes' else 'no' end)
order by j.finished_at, j.id
