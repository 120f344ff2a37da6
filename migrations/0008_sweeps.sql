-- Sweeps: many settings over one market; a row for the sweep and a row for each of its runs. Returns,
-- volatilities and shares are fractions.

create table sweeps (
  id text primary key,
  -- The job that made it.
  job text not null,
  -- running | done | stopped (by a person; what was done is kept) | failed
  state text not null,
  error text,
  underlying text not null,
  -- The chain store: `recorded`, `deribit`, `synthetic:SEED`.
  source text not null,
  -- First and last snapshot.
  from_ms bigint not null,
  to_ms bigint not null,
  -- grid | random
  search text not null,
  -- What the ranking and the statistics count in: coin | usd
  currency text not null,
  -- The plan: axes, draws, seed.
  plan jsonb not null,
  -- Settings that do not vary.
  settings jsonb not null,
  -- Payload of the market beside them.
  market_seed text,
  walk_forward jsonb,
  code_version text not null,
  -- Equal data, equal fingerprint; every run is of these.
  fingerprint text not null,
  snapshots bigint not null,
  quotes bigint not null,
  shares jsonb not null,
  -- Settings to try, and combinations that are none.
  runs bigint not null,
  refused bigint not null,
  runs_done bigint not null,
  runs_failed bigint not null,
  -- Headline statistics, also in `statistics`; null until it is judged.
  deflated_sharpe double precision,
  overfit_probability double precision,
  statistics jsonb,
  created_ms bigint not null,
  updated_ms bigint not null,
  finished_ms bigint
);
create index sweeps_job on sweeps (job);

create table sweep_runs (
  sweep text not null references sweeps (id) on delete cascade,
  n bigint not null,
  -- Values of the axes.
  settings jsonb not null,
  settings_hash text not null,
  -- Why there are no figures.
  error text,
  -- In the ranking, 1 is the best; null until it is judged.
  place bigint,
  return_coin double precision,
  return_usd double precision,
  annualised_coin double precision,
  annualised_usd double precision,
  volatility_coin double precision,
  volatility_usd double precision,
  sharpe_coin double precision,
  sharpe_usd double precision,
  sortino_coin double precision,
  sortino_usd double precision,
  drawdown_coin double precision,
  drawdown_usd double precision,
  win_rate double precision,
  premium_kept double precision,
  assignment_rate double precision,
  time_in_market double precision,
  chains bigint,
  legs bigint,
  rolls bigint,
  fees double precision,
  metrics jsonb,
  -- A return for each day with a snapshot, JSON arrays.
  returns_coin text,
  returns_usd text,
  primary key (sweep, n)
);
