-- Dashboards of this database by the address they listen on; `thetaq login` sends a browser to the latest.
create table dashboards (
  -- IP:PORT as bound, with the port that was given when 0 was asked for.
  address text primary key,
  started_ms bigint not null,
  -- Null while it runs, and after a crash.
  stopped_ms bigint
);
