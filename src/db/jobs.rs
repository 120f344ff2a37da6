//! The `jobs` rows: enqueue inside any transaction, and every read a page or a command needs.
//!
//! `run_at_ms`, `expires_at_ms`, leases and the created / started / finished columns are wall time
//! ([`Clock::wall_ms`]); `slot_ms` is desk time.

use crate::clock::Clock;
use crate::db::{Db, Tx, jobs_turn};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;

mod place;

pub use place::Place;

/// A job to be written; the typed way is `jobs::enqueue`.
#[derive(Clone, Debug)]
pub struct NewJob {
    pub desk: String,
    pub kind: &'static str,
    pub queue: String,
    pub args: Value,
    /// Higher runs first.
    pub priority: i64,
    /// Not before this wall time, milliseconds.
    pub run_at_ms: i64,
    /// Discarded as stale when not started by this wall time, milliseconds.
    pub expires_at_ms: Option<i64>,
    /// One row per (desk, kind, key), for ever.
    pub unique_key: Option<String>,
    pub parent: Option<String>,
    pub slot_ms: Option<i64>,
    pub max_attempts: i64,
}

impl NewJob {
    pub(in crate::db) fn state_at(&self, now_ms: i64) -> &'static str {
        if self.run_at_ms > now_ms {
            "scheduled"
        } else {
            "available"
        }
    }
}

/// What became of an enqueue: a fresh row, or the id that already holds the unique key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Enqueued {
    pub id: String,
    pub inserted: bool,
}

/// One row of `jobs`, all columns.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow)]
pub struct JobRow {
    pub id: String,
    pub desk: String,
    pub kind: String,
    pub queue: String,
    #[sqlx(json)]
    pub args: Value,
    pub state: String,
    pub priority: i64,
    pub run_at_ms: i64,
    pub expires_at_ms: Option<i64>,
    pub attempt: i64,
    pub max_attempts: i64,
    pub unique_key: Option<String>,
    pub parent: Option<String>,
    pub slot_ms: Option<i64>,
    pub progress: f64,
    pub progress_note: Option<String>,
    #[sqlx(json(nullable))]
    pub result: Option<Value>,
    pub error: Option<String>,
    pub worker: Option<String>,
    pub lease_until_ms: Option<i64>,
    pub cancel_requested: bool,
    pub pause_requested: bool,
    pub created_ms: i64,
    pub started_ms: Option<i64>,
    pub finished_ms: Option<i64>,
}

impl JobRow {
    /// True in the states nothing leaves by itself.
    pub fn is_finished(&self) -> bool {
        FINISHED.contains(&self.state.as_str())
    }
}

/// States nothing leaves by itself.
pub const FINISHED: [&str; 3] = ["succeeded", "discarded", "cancelled"];

/// Every state, in the order a job passes through them.
pub const STATES: [&str; 8] = [
    "available",
    "scheduled",
    "running",
    "succeeded",
    "failed",
    "discarded",
    "cancelled",
    "paused",
];

/// One transition or log line of a job.
#[derive(Clone, Debug, PartialEq, Serialize, sqlx::FromRow)]
pub struct EventRow {
    pub job: String,
    pub n: i64,
    pub at_ms: i64,
    /// When the attempt that ended here began.
    pub started_ms: Option<i64>,
    pub attempt: i64,
    pub event: String,
    pub message: Option<String>,
    pub worker: Option<String>,
}

/// Which jobs a list shows; empty fields match everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub desk: Option<String>,
    pub kind: Option<String>,
    pub state: Option<String>,
    pub queue: Option<String>,
    pub parent: Option<String>,
    /// Part of an id, unique key, error or argument.
    pub search: Option<String>,
    /// Only jobs older than the last one of the page before.
    pub before: Option<Place>,
    /// At most so many rows; 0 means 100.
    pub limit: i64,
}

/// Jobs of one kind in one state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Count {
    pub kind: String,
    pub queue: String,
    pub state: String,
    pub jobs: i64,
}

/// A queue that has jobs or was paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct QueueRow {
    pub queue: String,
    pub paused: bool,
    pub waiting: i64,
    pub running: i64,
}

/// Writes a job, or nothing when its unique key is taken.
pub(in crate::db) const INSERT: &str = "insert into jobs (id, desk, kind, queue, args, state, priority, run_at_ms, \
    expires_at_ms, attempt, max_attempts, unique_key, parent, slot_ms, progress, cancel_requested, created_ms) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11, $12, $13, 0, false, $14) \
    on conflict (desk, kind, unique_key) where unique_key is not null do nothing";
const HOLDER: &str = "select id from jobs where desk = $1 and kind = $2 and unique_key = $3";

/// A statement with the values of [`INSERT`].
macro_rules! insertion {
    ($sql:expr, $job:expr, $id:expr, $now_ms:expr) => {
        sqlx::query($sql)
            .bind(&$id)
            .bind(&$job.desk)
            .bind($job.kind)
            .bind(&$job.queue)
            .bind(Json(&$job.args))
            .bind($job.state_at($now_ms))
            .bind($job.priority)
            .bind($job.run_at_ms)
            .bind($job.expires_at_ms)
            .bind($job.max_attempts)
            .bind(&$job.unique_key)
            .bind(&$job.parent)
            .bind($job.slot_ms)
            .bind($now_ms)
    };
}

/// Writes the row and remembers to wake the workers when `tx` commits.
pub async fn enqueue(tx: &mut Tx, clock: &Clock, job: &NewJob) -> sqlx::Result<Enqueued> {
    let (id, now_ms) = (clock.id(), clock.wall_ms());
    tx.wake_on_commit();
    let inserted = on!(tx, conn => insertion!(INSERT, job, id, now_ms)
        .execute(&mut *conn).await.map(|done| done.rows_affected()))?;
    if inserted == 1 {
        return Ok(Enqueued { id, inserted: true });
    }
    let id = on!(tx, conn => sqlx::query_scalar(HOLDER)
        .bind(&job.desk).bind(job.kind).bind(&job.unique_key).fetch_one(&mut *conn).await)?;
    Ok(Enqueued {
        id,
        inserted: false,
    })
}

/// [`enqueue`] of a job that comes with no other row. One statement is the whole transaction.
pub async fn enqueue_alone(db: &Db, clock: &Clock, job: &NewJob) -> sqlx::Result<Enqueued> {
    db.tripwire().pass()?;
    let (id, now_ms) = (clock.id(), clock.wall_ms());
    let inserted = match db {
        Db::Sqlite(sqlite) => jobs_turn::insert(sqlite, &id, job, now_ms).await?,
        Db::Postgres(postgres) => {
            let told = format!(
                "with job as ({INSERT} returning id) select pg_notify('thetaq_jobs', '') from job"
            );
            let told = insertion!(sqlx::AssertSqlSafe(told), job, id, now_ms);
            told.fetch_optional(&postgres.pool).await?.is_some()
        }
    };
    // A process may die after the commit and before it knows.
    db.tripwire().pass()?;
    if inserted {
        db.wake().notify_waiters();
        return Ok(Enqueued { id, inserted: true });
    }
    let id = read!(db, pool => sqlx::query_scalar(HOLDER)
        .bind(&job.desk).bind(job.kind).bind(&job.unique_key).fetch_one(pool).await)?;
    Ok(Enqueued {
        id,
        inserted: false,
    })
}

pub async fn get(db: &Db, id: &str) -> sqlx::Result<Option<JobRow>> {
    read!(db, pool => sqlx::query_as("select * from jobs where id = $1").bind(id).fetch_optional(pool).await)
}

/// The row as this transaction sees it.
pub async fn get_in(tx: &mut Tx, id: &str) -> sqlx::Result<Option<JobRow>> {
    on!(tx, conn => sqlx::query_as("select * from jobs where id = $1").bind(id).fetch_optional(&mut *conn).await)
}

/// Jobs that match, newest first.
pub async fn list(db: &Db, filter: &Filter) -> sqlx::Result<Vec<JobRow>> {
    let search = filter
        .search
        .as_ref()
        .map(|text| format!("%{}%", text.to_lowercase()));
    let limit = if filter.limit == 0 { 100 } else { filter.limit };
    read!(db, pool => sqlx::query_as(
        "select * from jobs \
         where ($1 is null or desk = $1) and ($2 is null or kind = $2) and ($3 is null or state = $3) \
         and ($4 is null or queue = $4) and ($5 is null or parent = $5) \
         and ($6 is null or (created_ms, id) < ($6, $9)) \
         and ($7 is null or lower(id) like $7 or lower(coalesce(unique_key, '')) like $7 \
              or lower(coalesce(error, '')) like $7 or lower(cast(args as text)) like $7) \
         order by created_ms desc, id desc limit $8")
        .bind(&filter.desk).bind(&filter.kind).bind(&filter.state).bind(&filter.queue).bind(&filter.parent)
        .bind(filter.before.as_ref().map(|place| place.created_ms)).bind(&search).bind(limit)
        .bind(filter.before.as_ref().map(|place| &place.id)).fetch_all(pool).await)
}

/// Transitions and log lines of a job, oldest first; the creation and a running attempt are told by the row itself.
pub async fn events(db: &Db, id: &str) -> sqlx::Result<Vec<EventRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from job_events where job = $1 order by at_ms, n").bind(id).fetch_all(pool).await)
}

/// Jobs that this one enqueued, oldest first.
pub async fn children(db: &Db, id: &str) -> sqlx::Result<Vec<JobRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from jobs where parent = $1 order by created_ms, id").bind(id).fetch_all(pool).await)
}

/// Jobs of a desk by kind, queue and state.
pub async fn counts(db: &Db, desk: &str) -> sqlx::Result<Vec<Count>> {
    read!(db, pool => sqlx::query_as(
        "select kind, queue, state, cast(count(*) as bigint) as jobs from jobs where desk = $1 \
         group by kind, queue, state order by kind, queue, state").bind(desk).fetch_all(pool).await)
}

/// Queues with unfinished jobs, and those that were ever paused.
pub async fn queues(db: &Db) -> sqlx::Result<Vec<QueueRow>> {
    read!(db, pool => sqlx::query_as(
        "select names.queue, coalesce(queues.paused, false) as paused, \
           cast(count(case when jobs.state <> 'running' then 1 end) as bigint) as waiting, \
           cast(count(case when jobs.state = 'running' then 1 end) as bigint) as running \
         from (select queue from queues union select queue from jobs) as names \
         left join queues on queues.queue = names.queue \
         left join jobs on jobs.queue = names.queue \
           and jobs.state in ('available', 'scheduled', 'failed', 'paused', 'running') \
         group by names.queue, queues.paused order by names.queue").fetch_all(pool).await)
}
