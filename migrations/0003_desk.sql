-- What the desk decided, sent and holds. Money is in scaled integers: `_e8` is 1e-8 of the unit.

-- One row per book: `live`, and one per replay.
create table desks (
  id text primary key,
  -- research | production
  mode text not null,
  exchange text not null,
  market text not null,
  seed text not null,
  dry_run boolean not null,
  config jsonb not null,
  config_hash text not null,
  code_version text not null,
  -- running | paused (manage positions, no new entries) | stopped
  state text not null,
  kill_switch boolean not null,
  close_only boolean not null,
  -- Anchor of an accelerated clock; null on the real one.
  desk_anchor_ms bigint,
  wall_anchor_ms bigint,
  speed double precision,
  created_ms bigint not null,
  updated_ms bigint not null
);

-- Every contract the exchange was seen to list.
create table instruments (
  exchange text not null,
  name text not null,
  underlying text not null,
  style text not null,
  expiry_ms bigint not null,
  strike_usd bigint not null,
  option_type text not null,
  first_seen_ms bigint not null,
  last_seen_ms bigint not null,
  primary key (exchange, name)
);

-- Coin and USDC put into a book; the first fact of every balance.
create table deposits (
  desk text not null,
  currency text not null,
  at_ms bigint not null,
  amount_e8 bigint not null,
  primary key (desk, currency, at_ms)
);

-- The numbers a decision depended on (mode, preset, single keys, controls), once per distinct set.
create table configs (
  hash text primary key,
  settings jsonb not null,
  created_ms bigint not null
);

-- One row per book and underlying: raised by every write to its orders, fills or settlements, so that
-- a decision made on an older book is refused instead of doubling a trade.
create table books (
  desk text not null,
  underlying text not null,
  version bigint not null,
  primary key (desk, underlying)
);

create table decisions (
  id text primary key,
  desk text not null,
  job text not null,
  underlying text not null,
  -- The instant the context speaks of; nothing in it is later.
  as_of_ms bigint not null,
  proposed_action text not null,
  final_action text not null,
  instrument text,
  rolled_from text,
  size_e8 bigint,
  -- rule_based | llm | training_mode | manual | error
  source text not null,
  policy text not null,
  policy_version text not null,
  mode text not null,
  reason text not null,
  -- Probability with which this action was drawn.
  propensity double precision not null,
  explored boolean not null,
  seed text not null,
  -- The row of `configs`.
  config_hash text not null,
  code_version text not null,
  -- approved | refused | nothing | error
  risk_verdict text not null,
  refusal text,
  error text,
  snapshot_source text,
  snapshot_at_ms bigint,
  index_price double precision,
  regime text,
  candidates bigint not null,
  passed bigint not null,
  -- What the policy saw besides the chain: account, positions, features, each with its source.
  context jsonb not null
);
-- Ids start with as_of_ms, so their order is the order of time and an id is a cursor.
create index decisions_feed on decisions (desk, id desc);
create index decisions_time on decisions (desk, underlying, as_of_ms);
create index decisions_job on decisions (job);

-- Every call the policy looked at; null rank and a failed filter when it did not qualify.
create table candidates (
  decision text not null references decisions (id) on delete cascade,
  n bigint not null,
  instrument text not null,
  expiry_ms bigint not null,
  strike_usd bigint not null,
  dte double precision not null,
  delta double precision,
  bid double precision,
  ask double precision,
  mark_iv double precision,
  ivrv double precision,
  open_interest double precision,
  premium_usd double precision,
  -- Annualised premium on the coin, net of fees at the bid, a fraction.
  yield_net double precision,
  failed_filter text,
  -- By how much it failed, in the filter's own unit; what `setting` would have to become is in `admit_at`.
  failed_by double precision,
  admit_at double precision,
  score double precision,
  rank bigint,
  propensity double precision,
  chosen boolean not null,
  -- Score terms by name.
  terms jsonb,
  primary key (decision, n)
);

create table risk_lines (
  decision text not null references decisions (id) on delete cascade,
  n bigint not null,
  -- open | close | roll_close | roll_open | action
  leg text not null,
  check_name text not null,
  value double precision,
  limit_value double precision,
  headroom double precision,
  unit text not null,
  -- pass | warn | refuse | exempt
  verdict text not null,
  note text,
  primary key (decision, n)
);

create table orders (
  id text primary key,
  desk text not null,
  decision text not null references decisions (id),
  job text,
  -- Derived from the decision and the leg; looked up on the exchange before anything is sent again.
  label text not null,
  chain text not null,
  leg text not null,
  underlying text not null,
  instrument text not null,
  side text not null,
  size_e8 bigint not null,
  filled_e8 bigint not null,
  limit_price_e8 bigint,
  average_price_e8 bigint,
  reduce_only boolean not null,
  post_only boolean not null,
  simulated boolean not null,
  -- intended | open | filled | cancelled | rejected
  state text not null,
  exchange_order_id text,
  -- When a request was sent whose answer never came; the exchange may still be about to take it.
  sent_ms bigint,
  -- Somebody asked for the order to be taken back.
  withdrawn boolean not null,
  error text,
  created_ms bigint not null,
  updated_ms bigint not null,
  unique (desk, label)
);
create index orders_decision on orders (decision);
create index orders_working on orders (desk, underlying) where state in ('intended', 'open');

create table fills (
  desk text not null,
  trade_id text not null,
  order_id text not null references orders (id),
  decision text not null,
  chain text not null,
  leg text not null,
  underlying text not null,
  instrument text not null,
  currency text not null,
  side text not null,
  size_e8 bigint not null,
  price_e8 bigint not null,
  fee_e8 bigint not null,
  -- Premium received (+) or paid (-) less the fee.
  cash_e8 bigint not null,
  index_price_e8 bigint not null,
  -- exchange | simulated | adopted: who matched it, or that it was taken over from the exchange's book.
  source text not null,
  at_ms bigint not null,
  primary key (desk, trade_id)
);
create index fills_instrument on fills (desk, underlying, at_ms);
create index fills_order on fills (order_id);

create table settlements (
  desk text not null,
  instrument text not null,
  underlying text not null,
  currency text not null,
  chain text not null,
  -- Signed: negative for a short.
  size_e8 bigint not null,
  delivery_price_e8 bigint not null,
  -- delivery_price | synthetic | model: where the delivery price came from.
  price_source text not null,
  payoff_e8 bigint not null,
  fee_e8 bigint not null,
  cash_e8 bigint not null,
  at_ms bigint not null,
  primary key (desk, instrument, chain)
);
create index settlements_time on settlements (desk, underlying, at_ms);

-- Marked to market at every tick, per underlying, in its coin and in USD.
create table equity (
  desk text not null,
  underlying text not null,
  at_ms bigint not null,
  balance_e8 bigint not null,
  option_value_e8 bigint not null,
  equity_e8 bigint not null,
  index_price double precision not null,
  equity_usd double precision not null,
  initial_margin double precision not null,
  maintenance_margin double precision not null,
  net_delta double precision not null,
  short_calls_e8 bigint not null,
  primary key (desk, underlying, at_ms)
);

-- Latest mark and greeks of every contract the desk holds: what pages show beside a position.
create table marks (
  desk text not null,
  instrument text not null,
  underlying text not null,
  at_ms bigint not null,
  -- Quote currency per coin; volatilities are fractions; greeks per 1.0 contract.
  mark double precision,
  bid double precision,
  ask double precision,
  mark_iv double precision,
  delta double precision,
  gamma double precision,
  vega double precision,
  theta double precision,
  underlying_price double precision,
  source text not null,
  primary key (desk, instrument)
);

-- The books of the built-in exchange, so that several processes share one and a restart loses nothing.
create table venues (
  name text primary key,
  version bigint not null,
  state text not null,
  updated_ms bigint not null
);

-- Differences found between our folded positions and the exchange's.
create table reconciliations (
  id text primary key,
  desk text not null,
  job text not null,
  underlying text not null,
  at_ms bigint not null,
  -- agreed | halted | adopted
  outcome text not null,
  difference_usd double precision not null,
  details jsonb not null
);
