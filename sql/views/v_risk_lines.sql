-- Every check risk made on a decision, with its headroom.
select
  r.decision as decision,                        -- the decision
  r.n as n,                                      -- order of the check
  iso(d.as_of_ms) as decided_at,                 -- when the decision was made
  d.desk as desk,                                -- live, or the name of a replay
  d.underlying as underlying,                    -- BTC or ETH
  r.leg as leg,                                  -- open, close, roll_close, roll_open or action
  r.check_name as check_name,                    -- cover, margin, exposure ..
  r.value as value,                              -- after the trade
  r.limit_value as limit_value,                  -- the setting
  r.headroom as headroom,                        -- distance to the limit
  r.unit as unit,                                -- unit of the three
  r.verdict as verdict,                          -- pass, warn, refuse or exempt
  r.note as note                                 -- what was checked, in words
from risk_lines r join decisions d on d.id = r.decision
