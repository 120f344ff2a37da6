//! The status line, and a cheap mark that moves when anything a page shows has changed.

use crate::db::Db;

/// Controls and mode of a desk.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct DeskStatus {
    pub id: String,
    pub mode: String,
    pub exchange: String,
    pub market: String,
    pub seed: String,
    pub dry_run: bool,
    pub state: String,
    pub kill_switch: bool,
    pub close_only: bool,
    pub code_version: String,
    pub speed: Option<f64>,
}

/// What moves from second to second: counts, the last tick, who works.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct Pulse {
    pub last_tick_ms: Option<i64>,
    pub queued: i64,
    pub running: i64,
    /// Failed attempts that will run again.
    pub retrying: i64,
    pub workers: i64,
    pub errors: i64,
}

/// The next slot of any schedule that is not paused, desk time.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct NextSlot {
    pub name: String,
    pub next_slot_ms: i64,
}

pub async fn desk(db: &Db, desk: &str) -> sqlx::Result<Option<DeskStatus>> {
    read!(db, pool => sqlx::query_as(
        "select id, mode, exchange, market, seed, dry_run, state, kill_switch, close_only, code_version, speed \
         from desks where id = $1")
        .bind(desk).fetch_optional(pool).await)
}

/// `alive_since_ms`: a worker whose heartbeat is older counts as gone (wall time);
/// `errors_since_ms`: failed ticks are counted from then on (desk time).
pub async fn pulse(
    db: &Db,
    desk: &str,
    alive_since_ms: i64,
    errors_since_ms: i64,
) -> sqlx::Result<Pulse> {
    read!(db, pool => sqlx::query_as(
        "select (select max(as_of_ms) from decisions where desk = $1) as last_tick_ms, \
           (select cast(count(*) as bigint) from jobs where desk = $1 and state = 'available') as queued, \
           (select cast(count(*) as bigint) from jobs where desk = $1 and state = 'running') as running, \
           (select cast(count(*) as bigint) from jobs where desk = $1 and state = 'failed') as retrying, \
           (select cast(count(*) as bigint) from workers where stopped_ms is null and heartbeat_ms >= $2) as workers, \
           (select cast(count(*) as bigint) from decisions where desk = $1 and as_of_ms >= $3 and source = 'error') as errors")
        .bind(desk).bind(alive_since_ms).bind(errors_since_ms).fetch_one(pool).await)
}

pub async fn next_slot(db: &Db) -> sqlx::Result<Option<NextSlot>> {
    read!(db, pool => sqlx::query_as(
        "select name, next_slot_ms from schedules where not paused and next_slot_ms is not null \
         order by next_slot_ms, name limit 1")
        .fetch_optional(pool).await)
}

/// Changes whenever rows that pages show were written: a few index look-ups, no scan of history.
pub async fn change_mark(db: &Db, desk: &str) -> sqlx::Result<String> {
    read!(db, pool => sqlx::query_scalar(
        "select coalesce((select max(id) from decisions where desk = $1), '') || ' ' || \
           coalesce((select max(id) from jobs), '') || ' ' || \
           coalesce((select max(id) from audit), '') || ' ' || \
           coalesce((select cast(max(updated_ms) as text) from desks where id = $1), '') || ' ' || \
           coalesce((select cast(max(updated_ms) as text) from schedules), '') || ' ' || \
           coalesce((select cast(max(updated_ms) as text) from queues), '') || ' ' || \
           coalesce((select cast(sum(done) as text) || '/' || cast(sum(running) as text) || '/' || \
             cast(max(heartbeat_ms) as text) from workers), '') || ' ' || \
           coalesce((select cast(sum(version) as text) from books where desk = $1), '') || ' ' || \
           (select cast(count(*) as text) from jobs where desk = $1 and state = 'available') || '/' || \
           (select cast(count(*) as text) || '/' || cast(coalesce(sum(progress), 0) as text) from jobs \
             where desk = $1 and state = 'running') || '/' || \
           (select cast(count(*) as text) from jobs where desk = $1 and state in ('scheduled', 'failed'))")
        .bind(desk).fetch_one(pool).await)
}
