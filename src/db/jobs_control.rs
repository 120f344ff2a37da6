//! What a person does to jobs: cancel, retry, run again, reorder, pause; each leaves an event.

use crate::clock::Clock;
use crate::db::Tx;
use crate::db::jobs::{self, Enqueued, JobRow};

/// Cancels a waiting job at once and asks a running one to stop; `None` when it does not exist.
///
/// A running job keeps its state until its worker has seen the request, within a second.
pub async fn cancel(tx: &mut Tx, clock: &Clock, id: &str) -> sqlx::Result<Option<JobRow>> {
    let now_ms = clock.wall_ms();
    // One statement: between two of them the job could pass from one kind of state to the other unseen.
    let state: Option<String> = on!(tx, conn => sqlx::query_scalar(
        "update jobs set cancel_requested = true, \
           state = case when state = 'running' then state else 'cancelled' end, \
           finished_ms = case when state = 'running' then finished_ms else $2 end \
         where id = $1 and state in ('available', 'scheduled', 'failed', 'paused', 'running') returning state")
        .bind(id).bind(now_ms).fetch_optional(&mut *conn).await)?;
    match state.as_deref() {
        Some("running") => event(tx, now_ms, id, "cancel_requested", None).await?,
        Some(_) => event(tx, now_ms, id, "cancelled", None).await?,
        None => {}
    }
    jobs::get_in(tx, id).await
}

/// Makes a job that failed, was discarded or cancelled available again; history and attempts stay,
/// one more attempt is granted. False when the job is not in such a state.
pub async fn retry(tx: &mut Tx, clock: &Clock, id: &str) -> sqlx::Result<bool> {
    let now_ms = clock.wall_ms();
    let changed = on!(tx, conn => sqlx::query(
        "update jobs set state = 'available', run_at_ms = $2, expires_at_ms = null, finished_ms = null, \
         cancel_requested = false, pause_requested = false, worker = null, lease_until_ms = null, \
         max_attempts = case when max_attempts > attempt then max_attempts else attempt + 1 end \
         where id = $1 and state in ('failed', 'discarded', 'cancelled', 'scheduled')")
        .bind(id).bind(now_ms).execute(&mut *conn).await.map(|done| done.rows_affected()))?;
    if changed == 1 {
        tx.wake_on_commit();
        event(tx, now_ms, id, "available", Some("retried by hand")).await?;
    }
    Ok(changed == 1)
}

/// Enqueues a copy of a finished job as a new row, without its unique key; `None` when it does not exist.
pub async fn run_again(tx: &mut Tx, clock: &Clock, id: &str) -> sqlx::Result<Option<Enqueued>> {
    let (fresh, now_ms) = (clock.id(), clock.wall_ms());
    tx.wake_on_commit();
    let inserted = on!(tx, conn => sqlx::query(
        "insert into jobs (id, desk, kind, queue, args, state, priority, run_at_ms, attempt, max_attempts, \
         parent, slot_ms, progress, cancel_requested, created_ms) \
         select $1, desk, kind, queue, args, 'available', priority, $2, 0, max_attempts, parent, slot_ms, 0, false, $2 \
         from jobs where id = $3")
        .bind(&fresh).bind(now_ms).bind(id).execute(&mut *conn).await.map(|done| done.rows_affected()))?;
    Ok((inserted == 1).then_some(Enqueued {
        id: fresh,
        inserted: true,
    }))
}

/// Moves a waiting job within its queue; higher runs first. False when it is running or finished.
pub async fn set_priority(
    tx: &mut Tx,
    clock: &Clock,
    id: &str,
    priority: i64,
) -> sqlx::Result<bool> {
    let changed = on!(tx, conn => sqlx::query(
        "update jobs set priority = $2 \
         where id = $1 and state in ('available', 'scheduled', 'failed', 'paused')")
        .bind(id).bind(priority).execute(&mut *conn).await.map(|done| done.rows_affected()))?;
    if changed == 1 {
        let note = priority.to_string();
        event(tx, clock.wall_ms(), id, "priority", Some(&note)).await?;
    }
    Ok(changed == 1)
}

/// Holds a waiting job back, or asks a running one to pause if `running` may be; false when it is in no
/// such state. A running job keeps its state until its worker has seen the request, within a second.
pub async fn pause_job(tx: &mut Tx, clock: &Clock, id: &str, running: bool) -> sqlx::Result<bool> {
    let state: Option<String> = on!(tx, conn => sqlx::query_scalar(
        "update jobs set pause_requested = (state = 'running'), \
           state = case when state = 'running' then state else 'paused' end \
         where id = $1 and (state in ('available', 'scheduled', 'failed') or (state = 'running' and $2)) \
         returning state")
        .bind(id).bind(running).fetch_optional(&mut *conn).await)?;
    let name = match state.as_deref() {
        Some("running") => "pause_requested",
        Some(_) => "paused",
        None => return Ok(false),
    };
    event(tx, clock.wall_ms(), id, name, None).await?;
    Ok(true)
}

/// Lets a paused job go on, whatever its deadline was, or takes back that a running one is to pause; false
/// when it is in no such state.
pub async fn resume_job(tx: &mut Tx, clock: &Clock, id: &str) -> sqlx::Result<bool> {
    let now_ms = clock.wall_ms();
    let state: Option<String> = on!(tx, conn => sqlx::query_scalar(
        "update jobs set pause_requested = false, expires_at_ms = null, \
           state = case when state = 'running' then state when run_at_ms <= $1 then 'available' else 'scheduled' end \
         where id = $2 and (state = 'paused' or (state = 'running' and pause_requested)) returning state")
        .bind(now_ms).bind(id).fetch_optional(&mut *conn).await)?;
    let Some(state) = state else {
        return Ok(false);
    };
    tx.wake_on_commit();
    event(tx, now_ms, id, &state, Some("resumed by hand")).await?;
    Ok(true)
}

/// Stops workers from starting jobs of a queue, or lets them again; running jobs go on.
pub async fn set_paused(tx: &mut Tx, clock: &Clock, queue: &str, paused: bool) -> sqlx::Result<()> {
    if !paused {
        tx.wake_on_commit();
    }
    on!(tx, conn => sqlx::query(
        "insert into queues (queue, paused, updated_ms) values ($1, $2, $3) \
         on conflict (queue) do update set paused = excluded.paused, updated_ms = excluded.updated_ms")
        .bind(queue).bind(paused).bind(clock.wall_ms()).execute(&mut *conn).await.map(drop))
}

/// Deletes a finished job with its events. False when it is unfinished or absent.
pub async fn delete(tx: &mut Tx, id: &str) -> sqlx::Result<bool> {
    let deleted = on!(tx, conn => sqlx::query(
        "delete from jobs where id = $1 and state in ('succeeded', 'discarded', 'cancelled')")
        .bind(id).execute(&mut *conn).await.map(|done| done.rows_affected()))?;
    if deleted == 1 {
        on!(tx, conn => sqlx::query("delete from job_events where job = $1")
            .bind(id).execute(&mut *conn).await.map(drop))?;
    }
    Ok(deleted == 1)
}

/// Deletes up to `limit` jobs that finished before a wall time, with their events; returns how many.
///
/// Jobs of replays stay with their book: the time they finished at is simulated.
pub async fn prune(tx: &mut Tx, before_ms: i64, limit: i64) -> sqlx::Result<u64> {
    let old = "select id from jobs where finished_ms < $1 \
               and state in ('succeeded', 'discarded', 'cancelled') \
               and desk in (select id from desks where wall_anchor_ms is not null or market = 'live') order by id limit $2";
    let events = format!("delete from job_events where job in ({old})");
    on!(tx, conn => sqlx::query(sqlx::AssertSqlSafe(events)).bind(before_ms).bind(limit)
        .execute(&mut *conn).await.map(drop))?;
    let rows = format!("delete from jobs where id in ({old})");
    on!(tx, conn => sqlx::query(sqlx::AssertSqlSafe(rows)).bind(before_ms).bind(limit)
        .execute(&mut *conn).await.map(|done| done.rows_affected()))
}

/// Appends an event behind everything the job's current attempt has written or will write.
async fn event(
    tx: &mut Tx,
    at_ms: i64,
    id: &str,
    name: &str,
    message: Option<&str>,
) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "insert into job_events (job, n, at_ms, attempt, event, message) \
         select id, (select case when coalesce(max(n), 0) > jobs.attempt * 1000000 + 500000 then max(n) \
                     else jobs.attempt * 1000000 + 500000 end from job_events where job = jobs.id) + 1, \
           $2, attempt, $3, $4 from jobs where id = $1 on conflict (job, n) do nothing")
        .bind(id).bind(at_ms).bind(name).bind(message).execute(&mut *conn).await.map(drop))
}
