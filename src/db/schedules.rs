//! Cron entries: what runs by itself, when it did, when it will. Slots are desk time.

use crate::clock::Clock;
use crate::db::{Db, Tx};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;

#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow)]
pub struct ScheduleRow {
    pub name: String,
    pub kind: String,
    #[sqlx(json)]
    pub args: Value,
    /// Cron with seconds, UTC, in desk time.
    pub cron: String,
    /// run_once or skip.
    pub missed: String,
    pub paused: bool,
    pub next_slot_ms: Option<i64>,
    pub last_slot_ms: Option<i64>,
    pub last_job: Option<String>,
    pub updated_ms: i64,
}

/// Every schedule by name.
pub async fn list(db: &Db) -> sqlx::Result<Vec<ScheduleRow>> {
    read!(db, pool => sqlx::query_as("select * from schedules order by name").fetch_all(pool).await)
}

pub async fn get(db: &Db, name: &str) -> sqlx::Result<Option<ScheduleRow>> {
    read!(db, pool => sqlx::query_as("select * from schedules where name = $1")
        .bind(name).fetch_optional(pool).await)
}

/// Writes what the configuration says; a changed cron expression forgets the next slot, pausing stays.
pub async fn declare(tx: &mut Tx, row: &ScheduleRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "insert into schedules (name, kind, args, cron, missed, paused, next_slot_ms, updated_ms) \
         values ($1, $2, $3, $4, $5, false, $6, $7) on conflict (name) do update set \
         kind = excluded.kind, args = excluded.args, missed = excluded.missed, \
         next_slot_ms = case when schedules.cron = excluded.cron and schedules.next_slot_ms is not null \
           then schedules.next_slot_ms else excluded.next_slot_ms end, \
         cron = excluded.cron, updated_ms = excluded.updated_ms")
        .bind(&row.name).bind(&row.kind).bind(Json(&row.args)).bind(&row.cron).bind(&row.missed)
        .bind(row.next_slot_ms).bind(row.updated_ms).execute(&mut *conn).await.map(drop))
}

/// Deletes the schedules of a kind that the configuration no longer names.
pub async fn retain(tx: &mut Tx, kind: &str, names: &[String]) -> sqlx::Result<()> {
    let known: Vec<String> = on!(tx, conn => sqlx::query_scalar(
        "select name from schedules where kind = $1").bind(kind).fetch_all(&mut *conn).await)?;
    for name in known.iter().filter(|name| !names.contains(name)) {
        on!(tx, conn => sqlx::query("delete from schedules where name = $1")
            .bind(name).execute(&mut *conn).await.map(drop))?;
    }
    Ok(())
}

/// Moves a schedule past its slot; false when another process was faster or it was paused meanwhile.
pub async fn advance(
    tx: &mut Tx,
    clock: &Clock,
    row: &ScheduleRow,
    last_slot_ms: Option<i64>,
    next_slot_ms: Option<i64>,
) -> sqlx::Result<bool> {
    on!(tx, conn => sqlx::query(
        "update schedules set last_slot_ms = coalesce($1, last_slot_ms), next_slot_ms = $2, updated_ms = $3 \
         where name = $4 and next_slot_ms = $5 and paused = false")
        .bind(last_slot_ms).bind(next_slot_ms).bind(clock.wall_ms()).bind(&row.name).bind(row.next_slot_ms)
        .execute(&mut *conn).await.map(|done| done.rows_affected() == 1))
}

/// Remembers the job a schedule made last.
pub async fn set_last_job(tx: &mut Tx, name: &str, job: &str) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query("update schedules set last_job = $1 where name = $2")
        .bind(job).bind(name).execute(&mut *conn).await.map(drop))
}

/// Pauses a schedule, or resumes it at `next_slot_ms`: slots that passed while it was paused are not missed.
/// False when it does not exist.
pub async fn set_paused(
    tx: &mut Tx,
    clock: &Clock,
    name: &str,
    paused: bool,
    next_slot_ms: Option<i64>,
) -> sqlx::Result<bool> {
    tx.wake_on_commit();
    on!(tx, conn => sqlx::query(
        "update schedules set paused = $1, next_slot_ms = $2, updated_ms = $3 where name = $4")
        .bind(paused).bind(next_slot_ms).bind(clock.wall_ms()).bind(name)
        .execute(&mut *conn).await.map(|done| done.rows_affected() == 1))
}
