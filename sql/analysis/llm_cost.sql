-- What calls of the language model cost, a profitable decision among them
-- :desk text live: the book, live or the name of a replay
-- Read it: profitable counts decisions that the model would have made better than holding, paid for by its calls about decisions; a cost is empty where prices or tokens are unknown.
select c.model, count(*) as calls, count(case when c.outcome <> 'ok' then 1 end) as not_ok,
  sum(c.input_tokens) as input_tokens, sum(c.output_tokens) as output_tokens, sum(c.cost_usd) as cost_usd,
  sum(case when c.purpose in ('decision', 'council') then c.cost_usd end) as decisions_cost_usd,
  coalesce(max(p.profitable), 0) as profitable,
  sum(case when c.purpose in ('decision', 'council') then c.cost_usd end) / nullif(max(p.profitable), 0)
    as cost_per_profitable_usd
from v_llm_calls c left join (
  select k.model, count(distinct s.decision) as profitable
  from v_council s join v_llm_calls k on k.id = s.llm_call
  where k.desk = :desk and s.versus_holding_usd > 0
  group by k.model
) p on p.model = c.model
where c.desk = :desk and c.backtest is null
group by c.model
order by c.model
