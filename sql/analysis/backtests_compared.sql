-- Backtests side by side
-- :underlying text null: BTC, ETH, or null for both
-- Read it: rank by excess over the weekly overwrite, not by return in USD, which is mostly the coin's; equal fingerprints saw equal data.
select created_at, id as backtest, underlying, policy, exit_style, annualised_coin, annualised_usd, sharpe_usd, drawdown_usd,
  excess_coin, win_rate, chains, fees, fingerprint
from v_backtests
where state = 'done' and parent is null and (:underlying is null or underlying = :underlying)
order by coalesce(excess_coin, -9) desc, id
