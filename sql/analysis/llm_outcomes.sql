-- How calls of the language model ended, day by day
-- :desk text live: the book, live or the name of a replay
-- Read it: everything but ok is an answer that was paid for, or waited for, and not used.
select substr(asked_at, 1, 10) as day, outcome, count(*) as calls, avg(latency_ms) as mean_latency_ms,
  sum(cost_usd) as cost_usd
from v_llm_calls
where desk = :desk and backtest is null
group by 1, 2
order by 1, 2
