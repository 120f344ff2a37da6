-- A desk's own days made again by the backtester: one row a job and underlying, and every difference with
-- its kind and its explanation. Money in coin is in scaled integers (`_e8`).

create table drifts (
  id text primary key,
  -- The job that made it.
  job text not null,
  desk text not null,
  underlying text not null,
  from_ms bigint not null,
  to_ms bigint not null,
  -- Chain stores the decisions name, a comma between them.
  source text not null,
  -- Decisions of the desk in the range, failed ticks and those of a person included.
  decisions bigint not null,
  -- Instants at which the backtester decided too.
  compared bigint not null,
  -- Of those, the ones that came out the same in every field.
  same bigint not null,
  fills bigint not null,
  settlements bigint not null,
  differences bigint not null,
  -- Differences for which no reason is recorded.
  unexplained bigint not null,
  -- At the last instant compared; null without one.
  equity_desk_e8 bigint,
  equity_again_e8 bigint,
  code_version text not null,
  created_ms bigint not null
);
create index drifts_job on drifts (job);

create table drift_differences (
  drift text not null references drifts (id) on delete cascade,
  -- From 1, in the order of time.
  n bigint not null,
  at_ms bigint not null,
  kind text not null,
  -- decision | fill | settlement | equity | settings | book | features
  about text not null,
  -- Of the desk, where there is one.
  decision text,
  -- The earlier difference that this one follows from.
  because bigint,
  desk_says text not null,
  backtest_says text not null,
  explanation text not null,
  primary key (drift, n)
);
