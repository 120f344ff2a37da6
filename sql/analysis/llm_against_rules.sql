-- Where the language model and the rules agree, and who was right where they do not
-- :desk text live: the book, live or the name of a replay
-- :llm text llm: the model of the council: llm, or llm:MODEL
-- :rules text rules_v2: the policy it is held against
-- Read it: better counts the ticks on which each would have done better against holding; ticks that are not scored yet count for nobody.
select l.underlying,
  case when l.action = r.action and coalesce(l.instrument, '') = coalesce(r.instrument, '') then 'agree'
    when l.action = r.action then 'same action, another call' else 'differ' end as agreement,
  count(*) as ticks,
  count(case when l.versus_holding_usd > r.versus_holding_usd then 1 end) as llm_better,
  count(case when l.versus_holding_usd < r.versus_holding_usd then 1 end) as rules_better,
  avg(l.versus_holding_usd) as llm_versus_holding_usd,
  avg(r.versus_holding_usd) as rules_versus_holding_usd
from v_council l join v_council r on r.decision = l.decision
where l.desk = :desk and l.policy = :llm and r.policy = :rules
group by l.underlying, 2
order by l.underlying, 2
