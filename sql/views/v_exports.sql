-- Exports: what each wrote, how far it is and where its files are
select
  e.job as job,                                  -- the job that writes it
  iso(e.created_ms) as created_at,               -- when it began
  e.state as state,                              -- running, done, stopped or failed
  e.source as source,                            -- a dataset, a question's name, or sql
  e.kind as kind,                                -- rows, transitions, candidates, chat or preference
  e.format as format,                            -- csv, jsonl or parquet
  e.folder as folder,                            -- where the files are
  e.rows_expected as rows_expected,              -- rows the linter counted
  e.rows as rows,                                -- rows in finished files
  e.bytes as bytes,                              -- [bytes] of finished files
  f.files as files,                              -- finished files
  iso(e.updated_ms) as updated_at,               -- of the last finished file
  iso(e.finished_ms) as finished_at,             -- when it ended
  e.error as error                               -- why it failed
from exports e
left join (select job, count(*) as files from export_files group by job) f on f.job = e.job
