-- A person wants a running job to pause: its worker stores where it is and lets go of it.
alter table jobs add column pause_requested boolean not null default false;
