//! One row per worker process: who it is, what it runs, when it was last heard of.

use crate::db::{Db, Tx};
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct WorkerRow {
    /// Fresh per process start; what `jobs.worker` names.
    pub id: String,
    pub host: String,
    pub pid: i64,
    pub version: String,
    /// Names of kinds, with commas.
    pub kinds: String,
    /// Jobs it runs now.
    pub running: i64,
    /// Attempts it has ended since it started.
    pub done: i64,
    pub started_ms: i64,
    pub heartbeat_ms: i64,
    pub stopped_ms: Option<i64>,
}

/// Silent workers' rows are kept for a day.
const KEEP_MS: i64 = 86_400_000;

/// Writes the row of a process, or its next heartbeat; forgets workers gone for a day.
pub async fn heartbeat(tx: &mut Tx, row: &WorkerRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "insert into workers (id, host, pid, version, kinds, running, done, started_ms, heartbeat_ms, stopped_ms) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (id) do update set \
         running = excluded.running, done = excluded.done, heartbeat_ms = excluded.heartbeat_ms, \
         stopped_ms = excluded.stopped_ms")
        .bind(&row.id).bind(&row.host).bind(row.pid).bind(&row.version).bind(&row.kinds).bind(row.running)
        .bind(row.done).bind(row.started_ms).bind(row.heartbeat_ms).bind(row.stopped_ms)
        .execute(&mut *conn).await.map(drop))?;
    on!(tx, conn => sqlx::query("delete from workers where heartbeat_ms < $1")
        .bind(row.heartbeat_ms - KEEP_MS).execute(&mut *conn).await.map(drop))
}

/// Every known worker, the latest heard of first.
pub async fn list(db: &Db) -> sqlx::Result<Vec<WorkerRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from workers order by stopped_ms is not null, heartbeat_ms desc, id").fetch_all(pool).await)
}

/// Workers heard of since a wall time that did not stop. When none is, a command runs its job itself.
pub async fn alive(db: &Db, since_ms: i64) -> sqlx::Result<Vec<WorkerRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from workers where stopped_ms is null and heartbeat_ms >= $1 order by id")
        .bind(since_ms).fetch_all(pool).await)
}
