-- The settings of a sweep, best first
-- :sweep text null: id of a sweep, or null for the newest
-- :places bigint 20: how many
-- Read it: neighbours of the best that are nearly as good make it credible; a single peak does not.
select place, settings, annualised_coin, sharpe_coin, sharpe_usd, drawdown_coin, win_rate, premium_kept, assignment_rate, rolls, fees
from v_sweep_runs
where sweep = coalesce(:sweep, (select max(id) from v_sweeps)) and place <= :places
order by place
