-- What calls of the language model cost, a profitable decision among them
-- :desk text live: the book, live or the name of a replay
-- Read it: profitable counts decisions of the model that did better than holding; a cost is empty where prices or tokens are unknown.
select c.purpose, c.model, count(*) as calls, count(case when c.outcome <> 'ok' then 1 end) as not_ok,
  sum(c.input_tokens) as input_tokens, sum(c.output_tokens) as output_tokens, sum(c.cost_usd) as cost_usd,
  count(case when s.versus_holding_usd > 0 then 1 end) as profitable,
  case when count(case when s.versus_holding_usd > 0 then 1 end) > 0
    then sum(c.cost_usd) / count(case when s.versus_holding_usd > 0 then 1 end) end as cost_per_profitable_usd
from v_llm_calls c left join v_council s on s.llm_call = c.id
where c.desk = :desk
group by c.purpose, c.model
order by c.purpose, c.model
