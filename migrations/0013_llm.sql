-- Every call of a language model, byte for byte: what it was asked and what it answered, what that cost and what
-- became of it. Null is unknown, not 0.

create table llm_calls (
  id text primary key,
  -- The job that asked.
  job text not null,
  desk text not null,
  -- decision | council | chat | insight
  purpose text not null,
  -- What it was about, where there is such a thing.
  decision text,
  backtest text,
  thread text,
  underlying text,
  -- The instant of the market that it was about; desk time.
  as_of_ms bigint,
  -- Desk time at which it was asked: budgets count days of it.
  created_ms bigint not null,
  model text not null,
  -- As the server named it.
  model_answered text,
  structured_mode text not null,
  prompt_version text not null,
  -- Of the messages alone; request_hash is of the whole request.
  prompt_hash text not null,
  request_hash text not null,
  request bytea not null,
  response bytea not null,
  -- HTTP status; null when no response came.
  status bigint,
  -- ok | refused | truncated | invalid_json | schema_violation | risk_rejected | timeout | http_error |
  -- budget_exhausted | cancelled
  outcome text not null,
  error text,
  input_tokens bigint,
  output_tokens bigint,
  price_version text not null,
  cost_usd double precision,
  latency_ms bigint not null,
  -- Requests that were sent; 0 when none was.
  attempts bigint not null,
  snapshot_hash text,
  -- What the model chose, what the rules would have done, what the limits said, what was done: JSON and words.
  llm_action text,
  rule_action text,
  verdict text,
  final_action text
);
create index llm_calls_created on llm_calls (desk, created_ms);
create index llm_calls_request on llm_calls (request_hash, outcome);
create index llm_calls_decision on llm_calls (decision);
create index llm_calls_job on llm_calls (job);
create index llm_calls_thread on llm_calls (thread);
create index llm_calls_backtest on llm_calls (backtest);
