-- Training: datasets of decision steps with what followed, their candidates, and estimates made of them.
-- Money in coin is in scaled integers (`_e8`), shares, volatilities and probabilities are fractions.

create table training_datasets (
  id text primary key,
  -- The job that made it.
  job text not null,
  -- running | done | stopped (by a person; what was done is kept) | failed
  state text not null,
  error text,
  -- The chain store: `recorded`, `deribit`, `synthetic:SEED`; `live` for decisions of a desk.
  source text not null,
  from_ms bigint not null,
  to_ms bigint not null,
  -- Comma-separated, in the order they were walked.
  underlyings text not null,
  profiles text not null,
  policy text not null,
  policy_version text not null,
  mode text not null,
  exit_style text not null,
  fill_model text not null,
  fee_model text not null,
  -- Calls a profile may hold at once; 1 without the ladder.
  ladder bigint not null,
  explore_prob double precision not null,
  explore_top_k bigint not null,
  seed text not null,
  -- Everything the rows depend on besides the data, and the hash of its canonical text.
  settings jsonb not null,
  config_hash text not null,
  code_version text not null,
  -- Equal data, equal fingerprint: {"BTC": "..", ..}.
  fingerprints jsonb not null,
  -- Version of the observation, and its names with units in order: [{"name", "unit", "about"}, ..].
  feature_version text not null,
  features jsonb not null,
  -- [{"id", "action", "bit"}, ..]; `legal_actions` of a row is the sum of the bits.
  actions jsonb not null,
  -- The one definition of the rewards in its rows, and what it says: {"reward_coin": "..", ..}.
  reward_definition text not null,
  rewards jsonb not null,
  -- Factor a day; a row's `discount` is this to the power of the days to its next observation.
  discount_per_day double precision not null,
  -- First instants after training and after validation: [{"split", "from_ms", "to_ms"}, ..].
  splits jsonb not null,
  rows bigint not null,
  candidates bigint not null,
  errors bigint not null,
  -- Counts of rows: {"name": n, ..}.
  by_profile jsonb not null,
  by_action jsonb not null,
  by_split jsonb not null,
  steps bigint not null,
  steps_done bigint not null,
  -- Everything needed to go on; null once done.
  checkpoint text,
  created_ms bigint not null,
  updated_ms bigint not null,
  finished_ms bigint
);
create index training_datasets_job on training_datasets (job);

-- One row per decision step of a profile, also when nothing was done; in the order in which they were
-- completed. No reference to the dataset: it would be looked up once a row, and a dataset is deleted with its rows.
create table training_rows (
  dataset text not null,
  n bigint not null,
  underlying text not null,
  profile text not null,
  -- From a book without calls to a book without calls; never in two splits.
  episode text not null,
  -- From 0 in its episode.
  step bigint not null,
  decision text not null,
  -- The roll chain acted on or held: the decision that opened it; null while nothing is held.
  chain text,
  at_ms bigint not null,
  -- train | validation | test
  split text not null,
  -- Of the quotes.
  price_source text not null,
  regime text not null,
  -- USD.
  index_price double precision not null,
  -- JSON array in the order of the dataset's features; null is "not known".
  observation text not null,
  -- Sum of the bits of the actions that could be taken.
  legal_actions bigint not null,
  -- Before and after risk: DO_NOTHING | OPEN_COVERED_CALL | ROLL_COVERED_CALL | CLOSE_COVERED_CALL; null in
  -- error rows, which have no reward either.
  proposed_action text,
  action text,
  -- Sold, or bought back by a close; bought back by a roll.
  instrument text,
  rolled_from text,
  size_e8 bigint,
  -- Probability with which the proposed action was drawn.
  propensity double precision,
  explored boolean not null,
  -- What risk refused, and why.
  refusal text,
  fills bigint not null,
  fees_e8 bigint not null,
  -- By the dataset's reward definition.
  reward_coin double precision,
  reward_usd double precision,
  reward_versus_holding double precision,
  next_at_ms bigint,
  next_observation text,
  -- The book has no calls any more / the split or the data end here.
  terminated boolean not null,
  truncated boolean not null,
  discount double precision,
  error text,
  primary key (dataset, n)
);

-- Calls a step could choose from: in the profile's band, quoted and liquid.
create table training_candidates (
  dataset text not null,
  -- The training row.
  step_n bigint not null,
  -- Place in the chain, from 0.
  n bigint not null,
  instrument text not null,
  dte double precision not null,
  delta double precision,
  bid double precision,
  ask double precision,
  mark_iv double precision,
  ivrv double precision,
  open_interest double precision,
  premium_usd double precision,
  yield_net double precision,
  score double precision,
  rank bigint,
  -- May be sold at this step: not held, not taken by another profile, expiring inside the split.
  legal boolean not null,
  propensity double precision not null,
  chosen boolean not null,
  -- JSON object: contribution of each term to the score.
  terms text not null,
  primary key (dataset, step_n, n)
);

-- Off-policy estimates of a policy on a dataset.
create table evaluations (
  id text primary key,
  job text not null,
  dataset text not null,
  policy text not null,
  -- all | train | validation | test
  split text not null,
  -- reward_coin | reward_usd | reward_versus_holding, per episode, discounted.
  reward text not null,
  reward_definition text not null,
  episodes bigint not null,
  draws bigint not null,
  -- What the logged policy made, and the estimates with their bootstrap intervals; null when there are none.
  logged double precision,
  ips double precision,
  ips_low double precision,
  ips_high double precision,
  snips double precision,
  snips_low double precision,
  snips_high double precision,
  dr double precision,
  dr_low double precision,
  dr_high double precision,
  level double precision not null,
  resamples bigint not null,
  seed text not null,
  effective_sample_size double precision not null,
  max_weight double precision not null,
  -- Share of the policy's probability on what the logged policy never draws.
  uncovered double precision not null,
  overlap_warning text,
  config_hash text not null,
  code_version text not null,
  created_ms bigint not null
);
create index evaluations_dataset on evaluations (dataset);
create index evaluations_job on evaluations (job);
