-- What every policy of the council would have done about a decision's context, and what that came to.

create table shadow_decisions (
  decision text not null,
  -- As workers.toml names it: rules_v1, rules_v2, random, always, never, llm, llm:MODEL.
  policy text not null,
  desk text not null,
  job text not null,
  underlying text not null,
  as_of_ms bigint not null,
  -- Wanted, and left by risk.
  proposed_action text not null,
  action text not null,
  instrument text,
  rolled_from text,
  size_e8 bigint,
  reason text not null,
  propensity double precision not null,
  -- nothing | approved | refused, or how a model failed
  verdict text not null,
  llm_call text,
  -- The fills that the fill model gave, as JSON.
  fills text not null,
  equity_coin double precision not null,
  index_price double precision not null,
  -- The last expiry that any policy of this tick traded: all of them are scored there.
  horizon_ms bigint not null,
  created_ms bigint not null,
  -- Null until the horizon's delivery price is known.
  scored_ms bigint,
  end_price double precision,
  result_coin_e8 bigint,
  result_usd double precision,
  versus_holding_usd double precision,
  primary key (decision, policy)
);
create index shadow_decisions_waiting on shadow_decisions (desk, underlying, scored_ms, horizon_ms);
create index shadow_decisions_at on shadow_decisions (desk, as_of_ms);
