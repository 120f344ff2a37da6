-- Conversations with the desk, drafts that wait for a person's click, and texts about results.

create table chat_threads (
  id text primary key,
  desk text not null,
  -- The beginning of its first question.
  title text not null,
  created_by text not null,
  -- Wall time, as everywhere below.
  created_ms bigint not null,
  updated_ms bigint not null
);
create index chat_threads_desk on chat_threads (desk, updated_ms);

create table chat_messages (
  id text primary key,
  thread text not null references chat_threads (id) on delete cascade,
  -- From 1: a question, then its answer.
  n bigint not null,
  -- user | assistant
  role text not null,
  -- waiting | running | done | stopped | failed
  state text not null,
  -- The job that writes the answer; null for questions.
  job text,
  -- The question, or the whole answer.
  text text not null,
  -- [{table, id}]: rows that the answer's numbers come from; null for questions.
  citations jsonb,
  -- Numbers of the answer that no tool result holds.
  unsupported bigint,
  error text,
  -- null without a model; usage that the server did not tell is null, not 0.
  model text,
  input_tokens bigint,
  output_tokens bigint,
  cost_usd double precision,
  created_ms bigint not null,
  finished_ms bigint,
  unique (thread, n)
);
create index chat_messages_job on chat_messages (job);

-- What an answer consists of, in the order in which it came.
create table chat_parts (
  message text not null references chat_messages (id) on delete cascade,
  -- From 1.
  n bigint not null,
  -- text | tool | draft
  kind text not null,
  -- Of a text: as far as it has come. Of a tool: its error. Of a draft: the draft's id.
  text text not null,
  tool text,
  arguments jsonb,
  -- {"tables": [{table, rows, truncated}]}
  result jsonb,
  rows bigint,
  took_ms bigint,
  -- Of a finished text: [{start, end, part, table, id}], part null where no tool result holds the number.
  numbers jsonb,
  primary key (message, n)
);

create table chat_drafts (
  id text primary key,
  message text not null references chat_messages (id) on delete cascade,
  -- The kind of job and what it is to do.
  kind text not null,
  args jsonb not null,
  -- In the words of whoever drafted it.
  why text not null,
  -- drafted | confirmed | dismissed
  state text not null,
  -- The job it became.
  job text,
  decided_by text,
  created_ms bigint not null,
  decided_ms bigint
);

create table insights (
  id text primary key,
  job text not null unique,
  -- backtest | sweep | comparison
  about text not null,
  -- The run or sweep, and the other run of a comparison.
  subject text not null,
  other text,
  -- running | done | failed
  state text not null,
  text text not null,
  -- {"tables": [..]}: everything the text was written from.
  facts jsonb not null,
  numbers jsonb,
  unsupported bigint,
  model text,
  input_tokens bigint,
  output_tokens bigint,
  cost_usd double precision,
  error text,
  created_ms bigint not null,
  finished_ms bigint
);
create index insights_subject on insights (about, subject);
