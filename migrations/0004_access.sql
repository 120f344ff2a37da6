-- Who may use the page and the API, and what was done there.
create table tokens (
  hash text primary key,
  name text not null,
  created_ms bigint not null,
  last_used_ms bigint,
  revoked_ms bigint
);

-- Keys and secrets of this installation that must survive a restart (cookie encryption).
create table keys (
  name text primary key,
  value bytea not null,
  created_ms bigint not null
);

create table audit (
  id text primary key,
  at_ms bigint not null,
  actor text not null,
  action text not null,
  target text,
  detail jsonb not null
);

-- One-time login links: printed at start, exchanged once for a cookie.
create table logins (
  hash text primary key,
  created_ms bigint not null,
  expires_ms bigint not null,
  used_ms bigint
);
