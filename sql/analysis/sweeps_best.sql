-- The best setting of each sweep, and what it is worth
-- Read it: believe it when the deflated Sharpe probability is above 0.95 and that of overfitting below 0.1; else it won by trying often.
select s.created_at, s.id as sweep, s.underlying, s.runs_done, r.settings, r.sharpe_coin, r.sharpe_usd, r.annualised_coin,
  r.drawdown_coin, r.win_rate, s.deflated_sharpe, s.overfit_probability
from v_sweeps s join v_sweep_runs r on r.sweep = s.id and r.place = 1
order by s.created_at, s.id
