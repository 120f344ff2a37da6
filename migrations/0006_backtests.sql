-- Backtests: one row a run, with what it depended on and what it came to; its steps, decisions, roll
-- chains and legs. Money in coin is in scaled integers (`_e8`), volatilities and shares are fractions.

create table backtests (
  id text primary key,
  -- The job that made it.
  job text not null,
  -- The sweep or comparison it belongs to.
  parent text,
  -- running | done | stopped (by a person; what was done is kept) | failed
  state text not null,
  error text,
  underlying text not null,
  -- The chain store: `recorded`, `deribit`, `synthetic:SEED`.
  source text not null,
  -- First and last snapshot.
  from_ms bigint not null,
  to_ms bigint not null,
  policy text not null,
  exit_style text not null,
  seed text not null,
  settings jsonb not null,
  settings_hash text not null,
  code_version text not null,
  -- Equal data, equal fingerprint.
  fingerprint text not null,
  snapshots bigint not null,
  quotes bigint not null,
  -- Share of the quotes by source; sources of the other prices.
  shares jsonb not null,
  prices jsonb not null,
  steps bigint not null,
  steps_done bigint not null,
  -- Headline figures, also in `metrics`; null until there are steps.
  return_coin double precision,
  return_usd double precision,
  annualised_coin double precision,
  annualised_usd double precision,
  volatility_usd double precision,
  sharpe_coin double precision,
  sharpe_usd double precision,
  drawdown_coin double precision,
  drawdown_usd double precision,
  win_rate double precision,
  chains bigint,
  legs bigint,
  fees double precision,
  -- Less the same of the weekly 25-delta overwrite.
  excess_coin double precision,
  metrics jsonb,
  baselines jsonb,
  attribution jsonb,
  breakdowns jsonb,
  -- Everything needed to go on; null once done.
  checkpoint text,
  created_ms bigint not null,
  updated_ms bigint not null,
  finished_ms bigint
);
create index backtests_job on backtests (job);
create index backtests_parent on backtests (parent);

-- The book at the end of every step.
create table backtest_equity (
  backtest text not null references backtests (id) on delete cascade,
  n bigint not null,
  at_ms bigint not null,
  index_price double precision not null,
  balance_e8 bigint not null,
  option_value_e8 bigint not null,
  equity_e8 bigint not null,
  equity_usd double precision not null,
  short_calls_e8 bigint not null,
  regime text not null,
  -- Equity of the weekly overwrite at the same step.
  weekly_e8 bigint,
  primary key (backtest, n)
);

-- Decisions that wanted something; the others are counted in `metrics`.
create table backtest_decisions (
  backtest text not null references backtests (id) on delete cascade,
  n bigint not null,
  at_ms bigint not null,
  proposed_action text not null,
  final_action text not null,
  instrument text,
  rolled_from text,
  size_e8 bigint,
  propensity double precision not null,
  explored boolean not null,
  fills bigint not null,
  reason text not null,
  refusal text,
  primary key (backtest, n)
);

create table backtest_chains (
  backtest text not null references backtests (id) on delete cascade,
  n bigint not null,
  decision text not null,
  opened_ms bigint not null,
  closed_ms bigint not null,
  regime text not null,
  legs bigint not null,
  pnl_e8 bigint not null,
  pnl_usd double precision not null,
  fees_e8 bigint not null,
  -- Coin.
  max_drawdown double precision not null,
  primary key (backtest, n)
);

create table backtest_legs (
  backtest text not null references backtests (id) on delete cascade,
  chain bigint not null,
  n bigint not null,
  instrument text not null,
  size_e8 bigint not null,
  opened_ms bigint not null,
  closed_ms bigint not null,
  strike_usd bigint not null,
  dte_open double precision not null,
  delta_open double precision,
  iv_open double precision,
  score double precision,
  regime text not null,
  -- Coin per coin, and USD at the index of the instant.
  open_price_e8 bigint not null,
  open_price_usd double precision not null,
  close_price_e8 bigint not null,
  close_price_usd double precision not null,
  fees_e8 bigint not null,
  fees_usd double precision not null,
  pnl_e8 bigint not null,
  pnl_usd double precision not null,
  -- tp_roll | defensive_roll | rules_roll | closed | expiry | end_of_data
  ended_by text not null,
  assigned boolean not null,
  primary key (backtest, chain, n)
);
