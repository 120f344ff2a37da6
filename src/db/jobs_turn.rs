//! The hot path of the queue: one *turn* acknowledges what finished and claims what is ready, in one transaction.
//!
//! On Postgres a turn is one statement. On SQLite it runs on a blocking connection of its own, because sqlx
//! hands every row through a channel; the pool's only writer is held meanwhile, so that the process still has
//! one writer at a time.

use crate::db::{Db, Tx};
use serde_json::Value;
use std::sync::Arc;

mod postgres;
mod sqlite;

pub(in crate::db) use sqlite::insert;

/// Who may write about an attempt: the row must still belong to it.
#[derive(Clone, Debug)]
pub struct Fence {
    pub id: String,
    pub attempt: i64,
    /// Fresh per process start.
    pub owner: String,
}

/// A job handed to a worker.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Claimed {
    pub id: String,
    pub kind: String,
    /// JSON.
    pub args: String,
    pub attempt: i64,
    pub max_attempts: i64,
    pub priority: i64,
    pub run_at_ms: i64,
    pub expires_at_ms: Option<i64>,
    pub slot_ms: Option<i64>,
    pub parent: Option<String>,
}

/// A log line of an attempt.
#[derive(Clone, Debug)]
pub struct Note {
    /// 1 for the attempt's first line.
    pub n: i64,
    pub at_ms: i64,
    pub text: String,
}

/// How an attempt ended and what its row becomes.
#[derive(Clone, Debug)]
pub struct Ack {
    fence: Fence,
    state: &'static str,
    at_ms: i64,
    started_ms: i64,
    /// Attempts granted on top, so that this one does not count.
    granted: i64,
    finished_ms: Option<i64>,
    run_at_ms: Option<i64>,
    progress: Option<f64>,
    progress_note: Option<String>,
    result: Option<String>,
    error: Option<String>,
    lines: Vec<Note>,
}

impl Ack {
    pub fn succeeded(fence: Fence, at_ms: i64, done: &Value) -> Self {
        let mut ack = Self::ended(fence, "succeeded", at_ms, None);
        ack.progress = Some(1.0);
        ack.result = result(done);
        ack
    }

    /// Ended for good, or until [`Self::again_at`].
    pub fn ended(fence: Fence, state: &'static str, at_ms: i64, error: Option<String>) -> Self {
        Self {
            state,
            at_ms,
            started_ms: at_ms,
            granted: 0,
            finished_ms: Some(at_ms),
            run_at_ms: None,
            progress: None,
            progress_note: None,
            result: None,
            error,
            lines: Vec::new(),
            fence,
        }
    }

    /// Given back unfinished because the process ends. The attempt does not count: another one is granted
    /// for it. Its number is not used again, since events and the fence are keyed by it.
    pub fn released(fence: Fence, at_ms: i64) -> Self {
        let mut ack = Self::ended(fence, "available", at_ms, None);
        ack.granted = 1;
        ack.finished_ms = None;
        ack
    }

    /// Another attempt follows at this wall time.
    #[must_use]
    pub fn again_at(mut self, run_at_ms: i64) -> Self {
        self.run_at_ms = Some(run_at_ms);
        self.finished_ms = None;
        self
    }

    #[must_use]
    pub fn started(mut self, started_ms: i64) -> Self {
        self.started_ms = started_ms;
        self
    }

    /// Progress and log lines that were not written yet.
    #[must_use]
    pub fn with(mut self, (progress, lines): (Option<(f64, String)>, Vec<Note>)) -> Self {
        if let Some((fraction, note)) = progress {
            self.progress = self.progress.or(Some(fraction));
            self.progress_note = Some(note);
        }
        self.lines = lines;
        self
    }

    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// True when the job will run again.
    pub fn runs_again(&self) -> bool {
        self.finished_ms.is_none()
    }
}

/// JSON of a result; null is none, and a bare number gets a name, because SQLite would store it as one.
fn result(done: &Value) -> Option<String> {
    match done {
        Value::Null => None,
        Value::Number(number) => Some(format!("{{\"value\":{number}}}")),
        _ => Some(done.to_string()),
    }
}

/// Which jobs a turn takes.
#[derive(Clone, Debug)]
pub struct Claim {
    pub desk: String,
    pub kind: &'static str,
    pub owner: String,
    pub now_ms: i64,
    pub lease_until_ms: i64,
    pub limit: i64,
    /// At most one running job per queue name.
    pub serial: bool,
}

/// Acknowledges and claims in one transaction; claimed jobs come in the order they should run.
pub async fn turn(
    db: &Db,
    acks: &Arc<Vec<Ack>>,
    claim: Option<Claim>,
) -> sqlx::Result<Vec<Claimed>> {
    let mut claimed = match db {
        Db::Sqlite(sqlite) => sqlite::turn(sqlite, acks.clone(), claim).await?,
        Db::Postgres(postgres) => postgres::turn(postgres, acks, claim.as_ref()).await?,
    };
    claimed.sort_by(|a, b| (b.priority, a.run_at_ms, &a.id).cmp(&(a.priority, b.run_at_ms, &b.id)));
    Ok(claimed)
}

/// Acknowledges one attempt inside a transaction; false when the row belongs to another attempt.
pub async fn ack(tx: &mut Tx, ack: &Ack) -> sqlx::Result<bool> {
    let changed = on!(tx, conn => sqlx::query(ACK)
        .bind(ack.granted).bind(ack.run_at_ms).bind(ack.started_ms).bind(ack.finished_ms).bind(ack.at_ms)
        .bind(ack.state).bind(ack.progress).bind(&ack.progress_note).bind(ack.result_value()).bind(&ack.error)
        .bind(&ack.fence.id).bind(ack.fence.attempt).bind(&ack.fence.owner)
        .execute(&mut *conn).await.map(|done| done.rows_affected()))?;
    if changed == 0 {
        return Ok(false);
    }
    let state: String = if ack.runs_again() {
        on!(tx, conn => sqlx::query_scalar("select state from jobs where id = $1")
            .bind(&ack.fence.id).fetch_one(&mut *conn).await)?
    } else {
        ack.state.to_owned()
    };
    lines(tx, &ack.fence, &ack.lines).await?;
    on!(tx, conn => sqlx::query(EVENT)
        .bind(&ack.fence.id).bind(event_n(ack.fence.attempt)).bind(ack.at_ms).bind(ack.started_ms)
        .bind(ack.fence.attempt).bind(state).bind(&ack.error).bind(&ack.fence.owner)
        .execute(&mut *conn).await.map(drop))?;
    Ok(true)
}

/// Writes progress and log lines of a running attempt; false when the row belongs to another attempt.
pub async fn report(
    tx: &mut Tx,
    fence: &Fence,
    progress: Option<&(f64, String)>,
    notes: &[Note],
) -> sqlx::Result<bool> {
    let (fraction, note) = progress.map_or((None, None), |(f, n)| (Some(*f), Some(n)));
    let changed = on!(tx, conn => sqlx::query(
        "update jobs set progress = coalesce($1, progress), progress_note = coalesce($2, progress_note) \
         where id = $3 and attempt = $4 and worker = $5 and finished_ms is null")
        .bind(fraction).bind(note).bind(&fence.id).bind(fence.attempt).bind(&fence.owner)
        .execute(&mut *conn).await.map(|done| done.rows_affected()))?;
    if changed == 1 {
        lines(tx, fence, notes).await?;
    }
    Ok(changed == 1)
}

async fn lines(tx: &mut Tx, fence: &Fence, notes: &[Note]) -> sqlx::Result<()> {
    for note in notes {
        on!(tx, conn => sqlx::query(EVENT)
            .bind(&fence.id).bind(fence.attempt * EVENTS_PER_ATTEMPT + note.n).bind(note.at_ms)
            .bind(None::<i64>).bind(fence.attempt).bind("log").bind(&note.text).bind(&fence.owner)
            .execute(&mut *conn).await.map(drop))?;
    }
    Ok(())
}

/// The next job of a desk in the order (run at, priority, id), whatever its kind among `kinds`; for drains.
pub async fn claim_next(
    tx: &mut Tx,
    desk: &str,
    kinds: &[&'static str],
    owner: &str,
    now_ms: i64,
    lease_until_ms: i64,
) -> sqlx::Result<Option<Claimed>> {
    promote(tx, desk, now_ms).await?;
    let kinds = kinds.join("', '");
    let pick = format!(
        "select id from jobs where desk = $4 and kind in ('{kinds}') \
         and state = 'available' and run_at_ms <= $3 \
         and queue not in (select queue from queues where paused) \
         order by run_at_ms, priority desc, id limit 1"
    );
    claim_where(tx, &pick, owner, lease_until_ms, now_ms, desk).await
}

/// One waiting job by its id, due or not; for commands that run a job themselves.
pub async fn claim_one(
    tx: &mut Tx,
    id: &str,
    owner: &str,
    now_ms: i64,
    lease_until_ms: i64,
) -> sqlx::Result<Option<Claimed>> {
    let pick =
        "select id from jobs where id = $4 and state in ('available', 'scheduled', 'failed')";
    claim_where(tx, pick, owner, lease_until_ms, now_ms, id).await
}

async fn claim_where(
    tx: &mut Tx,
    pick: &str,
    owner: &str,
    lease_until_ms: i64,
    now_ms: i64,
    key: &str,
) -> sqlx::Result<Option<Claimed>> {
    let lock = if tx.is_postgres() {
        " for update skip locked"
    } else {
        ""
    };
    let sql = format!(
        "update jobs set state = 'running', attempt = attempt + 1, worker = $1, lease_until_ms = $2, \
         started_ms = $3, progress = 0 where id = ({pick}{lock}) returning {CLAIMED}"
    );
    on!(tx, conn => sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(owner).bind(lease_until_ms).bind(now_ms)
        .bind(key).fetch_optional(&mut *conn).await)
}

/// Jobs whose time has come become available; true when there were some.
pub async fn promote(tx: &mut Tx, desk: &str, now_ms: i64) -> sqlx::Result<bool> {
    let changed = on!(tx, conn => sqlx::query(
        "update jobs set state = 'available' \
         where desk = $1 and state in ('scheduled', 'failed') and run_at_ms <= $2")
        .bind(desk).bind(now_ms).execute(&mut *conn).await.map(|done| done.rows_affected()))?;
    if changed > 0 {
        tx.wake_on_commit();
    }
    Ok(changed > 0)
}

/// When the next waiting job of a desk is due; `None` when none waits.
pub async fn next_due_ms(db: &Db, desk: &str) -> sqlx::Result<Option<i64>> {
    read!(db, pool => sqlx::query_scalar(
        "select min(run_at_ms) from jobs where desk = $1 and state in ('scheduled', 'failed')")
        .bind(desk).fetch_one(pool).await)
}

/// Events an attempt may write: log lines from 1 on, its end at one half, what people do behind that.
const EVENTS_PER_ATTEMPT: i64 = 1_000_000;

pub(in crate::db) fn event_n(attempt: i64) -> i64 {
    attempt * EVENTS_PER_ATTEMPT + EVENTS_PER_ATTEMPT / 2
}

// A job that would run again ends or pauses here when somebody asked for it, even if its worker had not seen that.
// Never add `state = 'running'` to the fence: Postgres then picks a partial index and loops over it.
// SQLite numbers parameters in the order in which they first appear, whatever stands behind the `$`.
const ACK: &str = "update jobs set max_attempts = max_attempts + $1, run_at_ms = coalesce($2, run_at_ms), \
     started_ms = $3, finished_ms = case when cancel_requested then coalesce($4, $5) else $4 end, \
     state = case when $4 is not null then $6 when cancel_requested then 'cancelled' \
       when pause_requested then 'paused' else $6 end, \
     progress = coalesce($7, progress), progress_note = coalesce($8, progress_note), result = $9, error = $10, \
     lease_until_ms = null where id = $11 and attempt = $12 and worker = $13 and finished_ms is null";

pub(in crate::db) const EVENT: &str = "insert into job_events (job, n, at_ms, started_ms, attempt, event, message, worker) \
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (job, n) do nothing";

const CLAIMED: &str = "id, kind, cast(args as text) as args, attempt, max_attempts, priority, run_at_ms, \
     expires_at_ms, slot_ms, parent";

impl Ack {
    fn result_value(&self) -> Option<sqlx::types::Json<Box<serde_json::value::RawValue>>> {
        let json = self.result.clone()?;
        serde_json::value::RawValue::from_string(json)
            .ok()
            .map(sqlx::types::Json)
    }
}
