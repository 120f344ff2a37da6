//! Leases: a running job belongs to its worker as long as the worker renews; and who asked it to stop.

use crate::db::{Db, Tx};
use serde_json::json;

/// Renews the leases of an owner's jobs; returns the ids that are still its own.
///
/// On Postgres rows that are being acknowledged at this moment are passed over: waiting for them, in another
/// order than the acknowledgement takes them, would be a deadlock.
pub async fn renew(
    tx: &mut Tx,
    owner: &str,
    ids: &[String],
    lease_until_ms: i64,
) -> sqlx::Result<Vec<String>> {
    let sql = if tx.is_postgres() {
        RENEW_POSTGRES
    } else {
        RENEW_SQLITE
    };
    on!(tx, conn => sqlx::query_scalar(sql).bind(lease_until_ms).bind(owner)
        .bind(json!(ids)).fetch_all(&mut *conn).await)
}

const RENEW_SQLITE: &str = "update jobs set lease_until_ms = $1 where worker = $2 \
     and id in (select value from json_each($3)) and lease_until_ms is not null returning id";

const RENEW_POSTGRES: &str = "with held as ( \
       select id from jobs where id in (select jsonb_array_elements_text($3)) \
         and worker = $2 and lease_until_ms is not null \
     ), free as ( \
       select id from jobs where id in (select id from held) \
         and worker = $2 and lease_until_ms is not null for update skip locked \
     ), renewed as ( \
       update jobs set lease_until_ms = $1 from free where jobs.id = free.id \
     ) select id from held";

/// A running job that somebody wants stopped.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct StopRequest {
    pub id: String,
    /// For good; otherwise it is to pause.
    pub cancel: bool,
}

/// Running jobs of an owner that somebody wants stopped.
pub async fn stop_requests(db: &Db, owner: &str) -> sqlx::Result<Vec<StopRequest>> {
    read!(db, pool => sqlx::query_as(
        "select id, cancel_requested as cancel from jobs \
         where state = 'running' and worker = $1 and (cancel_requested or pause_requested) order by id")
        .bind(owner).fetch_all(pool).await)
}

/// Gives jobs of silent workers back to the queue, or discards them after their last attempt;
/// returns how many. Reads first, so that an idle desk takes no write lock.
pub async fn recover(db: &Db, desk: &str, now_ms: i64) -> sqlx::Result<usize> {
    let expired: bool = read!(db, pool => sqlx::query_scalar(
        "select exists (select 1 from jobs where state = 'running' and lease_until_ms < $1 and desk = $2)")
        .bind(now_ms).bind(desk).fetch_one(pool).await)?;
    if !expired {
        return Ok(0);
    }
    let mut tx = db.begin().await?;
    let silent: Vec<Silent> = on!(tx, conn => sqlx::query_as(
        "select id, attempt, worker, started_ms from jobs \
         where state = 'running' and lease_until_ms < $1 and desk = $2 order by id")
        .bind(now_ms).bind(desk).fetch_all(&mut *conn).await)?;
    let mut recovered = 0;
    for job in &silent {
        recovered += usize::from(give_back(&mut tx, job, now_ms).await?);
    }
    tx.wake_on_commit();
    tx.commit().await?;
    Ok(recovered)
}

#[derive(sqlx::FromRow)]
struct Silent {
    id: String,
    attempt: i64,
    worker: Option<String>,
    started_ms: Option<i64>,
}

/// False when another process was faster.
async fn give_back(tx: &mut Tx, job: &Silent, now_ms: i64) -> sqlx::Result<bool> {
    let error = format!(
        "the lease ran out: worker {} fell silent",
        job.worker.as_deref().unwrap_or("?")
    );
    let state: Option<String> = on!(tx, conn => sqlx::query_scalar(
        "update jobs set state = case when cancel_requested then 'cancelled' \
             when attempt >= max_attempts then 'discarded' \
             when pause_requested then 'paused' else 'available' end, \
           finished_ms = case when cancel_requested or attempt >= max_attempts then $1 end, \
           error = $2, worker = null, lease_until_ms = null \
         where id = $3 and attempt = $4 and lease_until_ms < $1 returning state")
        .bind(now_ms).bind(&error).bind(&job.id).bind(job.attempt).fetch_optional(&mut *conn).await)?;
    let Some(state) = state else {
        return Ok(false);
    };
    on!(tx, conn => sqlx::query(super::jobs_turn::EVENT)
        .bind(&job.id).bind(super::jobs_turn::event_n(job.attempt)).bind(now_ms).bind(job.started_ms)
        .bind(job.attempt).bind(&state).bind(&error).bind(&job.worker)
        .execute(&mut *conn).await.map(drop))?;
    Ok(true)
}
