-- What the chosen calls of training rows were like, and what they earned
-- :dataset text null: id of a dataset, or null for the newest
-- Read it: the reward is of the first step only; a larger delta brings more premium and more of the coin's moves.
select t.underlying, t.profile, case when c.delta < 0.1 then 'below 0.10' when c.delta < 0.2 then '0.10 to 0.20'
    when c.delta < 0.3 then '0.20 to 0.30' when c.delta < 0.4 then '0.30 to 0.40'
    when c.delta is null then 'unknown' else 'from 0.40' end as delta,
  count(*) as chosen, avg(c.dte) as mean_dte, avg(c.yield_net) as mean_yield,
  avg(cast(c.rank as double precision)) as mean_rank, avg(t.reward_coin) as mean_reward_coin
from v_training_candidates c join v_training t on t.dataset = c.dataset and t.n = c.step_n
where c.chosen and c.dataset = coalesce(:dataset,
    (select id from v_datasets order by created_at desc, id desc limit 1))
group by t.underlying, t.profile, case when c.delta < 0.1 then 'below 0.10' when c.delta < 0.2 then '0.10 to 0.20'
    when c.delta < 0.3 then '0.20 to 0.30' when c.delta < 0.4 then '0.30 to 0.40'
    when c.delta is null then 'unknown' else 'from 0.40' end
order by t.underlying, t.profile, coalesce(min(c.delta), 9)
