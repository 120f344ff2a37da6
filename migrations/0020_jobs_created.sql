-- Lists of jobs, the newest first, however many there are.
create index jobs_created on jobs (created_ms, id);
