-- What a policy of the council would have done about a decision, and what that came to
select
  s.decision as decision,                        -- the decision whose context was judged
  iso(s.as_of_ms) as decided_at,                 -- when
  s.desk as desk,                                -- live, or the name of a replay
  s.underlying as underlying,                    -- BTC or ETH
  s.policy as policy,                            -- rules_v1, rules_v2, random, always, never, llm, llm:MODEL
  s.proposed_action as proposed_action,          -- what it wanted
  s.action as action,                            -- what risk left of it
  s.instrument as instrument,                    -- the call sold or bought back
  s.rolled_from as rolled_from,                  -- the call that a roll buys back
  e8(s.size_e8) as size,                         -- [coin] of it
  s.reason as reason,                            -- in the policy's words
  s.propensity as propensity,                    -- with which it was drawn
  s.verdict as verdict,                          -- nothing, approved, refused, or how a model failed; not_asked when it could not be
  s.llm_call as llm_call,                        -- the call of the model that said so
  s.equity_coin as equity,                       -- [coin] of the account at the decision
  s.index_price as index_price,                  -- USD per coin at the decision
  iso(s.horizon_ms) as ends_at,                  -- last expiry that any policy of this tick traded
  iso(s.scored_ms) as scored_at,                 -- when the result became known
  s.end_price as end_price,                      -- USD per coin at the end
  e8(s.result_coin_e8) as result,                -- [coin] against doing nothing: premiums, fees and expiries
  s.result_usd as result_usd,                    -- change of the whole equity, the coin's own included
  s.versus_holding_usd as versus_holding_usd,    -- against the same coin untouched
  d.final_action as desk_action,                 -- what the desk did
  d.instrument as desk_instrument,               -- the call of the desk
  s.job as job                                   -- the job that asked
from shadow_decisions s
left join decisions d on d.id = s.decision
