-- Exports: one row a job, with what was fixed at its start, and one row a finished file.

create table exports (
  job text primary key,
  -- running | done | stopped (finished files are kept, a retry goes on) | failed
  state text not null,
  error text,
  -- A dataset's id, a question's name, or `sql`.
  source text not null,
  -- rows | transitions | candidates | chat | preference
  kind text not null,
  -- csv | jsonl | parquet
  format text not null,
  -- Absolute, inside the export folder.
  folder text not null,
  -- What every attempt reads: statement, parameters, upper bound.
  plan jsonb not null,
  -- Columns with types and units, and what the linter found; null until it has run.
  columns jsonb,
  lint jsonb,
  -- Rows the linter counted, and rows in finished files.
  rows_expected bigint not null,
  rows bigint not null,
  bytes bigint not null,
  created_ms bigint not null,
  updated_ms bigint not null,
  finished_ms bigint
);

create table export_files (
  job text not null,
  -- Place among the files of its part, from 0.
  n bigint not null,
  -- train | validation | test | data
  part text not null,
  -- Name inside the folder.
  path text not null,
  rows bigint not null,
  bytes bigint not null,
  sha256 text not null,
  -- Where the next file goes on: the key of the last row; null for statements without a key.
  last_key text,
  primary key (job, part, n)
);
