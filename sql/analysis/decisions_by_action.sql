-- What the desk did, by underlying and action
-- :desk text live: the book, live or the name of a replay
-- Read it: a large share of refused decisions means that a limit, not the policy, decides.
select underlying, final_action, risk_verdict, count(*) as decisions,
  min(decided_at) as first_at, max(decided_at) as last_at
from v_decisions
where desk = :desk
group by underlying, final_action, risk_verdict
order by underlying, final_action, risk_verdict
