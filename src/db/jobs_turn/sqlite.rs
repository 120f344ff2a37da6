//! The queue on SQLite, on a blocking connection of its own: a turn is one immediate transaction, a job that
//! comes alone one statement.

use super::{ACK, Ack, CLAIMED, Claim, Claimed, EVENT, EVENTS_PER_ATTEMPT, event_n};
use crate::db::blocking::{BUSY, on_connection, with_writer};
use crate::db::engine::SqliteDb;
use crate::db::jobs::{INSERT, NewJob};
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, params};
use std::sync::Arc;
use std::time::Duration;

pub(super) async fn turn(
    db: &SqliteDb,
    acks: Arc<Vec<Ack>>,
    claim: Option<Claim>,
) -> sqlx::Result<Vec<Claimed>> {
    with_writer(db, move |connection| {
        transact(connection, &acks, claim.as_ref())
    })
    .await
}

/// Writes one job; false when its unique key is taken.
///
/// At once where the caller stands, when nobody else writes: that takes less than waking another thread and
/// being woken. Otherwise in turn behind the other writers.
pub(in crate::db) async fn insert(
    db: &SqliteDb,
    id: &str,
    job: &NewJob,
    now_ms: i64,
) -> sqlx::Result<bool> {
    if let Some(written) = at_once(db, id, job, now_ms) {
        return written.map_err(|error| sqlx::Error::Protocol(error.to_string()));
    }
    let (id, job) = (id.to_owned(), job.clone());
    with_writer(db, move |connection| row(connection, &id, &job, now_ms)).await
}

/// `None` when it would have to wait for another writer, of this process or of another.
fn at_once(db: &SqliteDb, id: &str, job: &NewJob, now_ms: i64) -> Option<rusqlite::Result<bool>> {
    let mut slot = db.queue.try_lock().ok()?;
    let written = on_connection(&mut slot, &db.path, |connection| {
        connection.busy_timeout(Duration::ZERO)?;
        let written = row(connection, id, job, now_ms);
        connection.busy_timeout(BUSY)?;
        match written {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(None),
            written => written.map(Some),
        }
    });
    written.transpose()
}

fn row(connection: &Connection, id: &str, job: &NewJob, now_ms: i64) -> rusqlite::Result<bool> {
    let written = connection.prepare_cached(INSERT)?.execute(params![
        id,
        job.desk,
        job.kind,
        job.queue,
        job.args.to_string(),
        job.state_at(now_ms),
        job.priority,
        job.run_at_ms,
        job.expires_at_ms,
        job.max_attempts,
        job.unique_key,
        job.parent,
        job.slot_ms,
        now_ms,
    ])?;
    Ok(written == 1)
}

fn transact(
    connection: &mut Connection,
    acks: &[Ack],
    claim: Option<&Claim>,
) -> rusqlite::Result<Vec<Claimed>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    acknowledge(&transaction, acks)?;
    let claimed = claim.map_or(Ok(Vec::new()), |claim| take(&transaction, claim))?;
    transaction.commit()?;
    Ok(claimed)
}

fn acknowledge(transaction: &Transaction<'_>, acks: &[Ack]) -> rusqlite::Result<()> {
    let mut update = transaction.prepare_cached(ACK)?;
    let mut event = transaction.prepare_cached(EVENT)?;
    for ack in acks {
        let fence = &ack.fence;
        let changed = update.execute(params![
            ack.granted,
            ack.run_at_ms,
            ack.started_ms,
            ack.finished_ms,
            ack.at_ms,
            ack.state,
            ack.progress,
            ack.progress_note,
            ack.result,
            ack.error,
            fence.id,
            fence.attempt,
            fence.owner
        ])?;
        if changed == 0 {
            continue;
        }
        for note in &ack.lines {
            event.execute(params![
                fence.id,
                fence.attempt * EVENTS_PER_ATTEMPT + note.n,
                note.at_ms,
                None::<i64>,
                fence.attempt,
                "log",
                note.text,
                fence.owner
            ])?;
        }
        let state = if ack.runs_again() {
            entered(transaction, &fence.id)?
        } else {
            ack.state.to_owned()
        };
        event.execute(params![
            fence.id,
            event_n(fence.attempt),
            ack.at_ms,
            ack.started_ms,
            fence.attempt,
            state,
            ack.error,
            fence.owner
        ])?;
    }
    Ok(())
}

/// The state that an acknowledgement led to: a cancelled job does not run again.
fn entered(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<String> {
    let mut select = transaction.prepare_cached("select state from jobs where id = $1")?;
    select.query_row([id], |row| row.get(0))
}

fn take(transaction: &Transaction<'_>, claim: &Claim) -> rusqlite::Result<Vec<Claimed>> {
    let pick = if claim.serial { PICK_SERIAL } else { PICK };
    let mut statement = transaction.prepare_cached(&format!(
        "update jobs set state = 'running', attempt = attempt + 1, worker = $1, lease_until_ms = $2, \
         started_ms = $3, progress = 0 where id in ({pick}) returning {CLAIMED}"
    ))?;
    let rows = statement.query_map(
        params![
            claim.owner,
            claim.lease_until_ms,
            claim.now_ms,
            claim.desk,
            claim.kind,
            claim.limit
        ],
        |row| {
            Ok(Claimed {
                id: row.get(0)?,
                kind: row.get(1)?,
                // Bytes that are no text must not stop the turn: their job is discarded when it runs.
                args: String::from_utf8_lossy(row.get_ref(2)?.as_bytes()?).into_owned(),
                attempt: row.get(3)?,
                max_attempts: row.get(4)?,
                priority: row.get(5)?,
                run_at_ms: row.get(6)?,
                expires_at_ms: row.get(7)?,
                slot_ms: row.get(8)?,
                parent: row.get(9)?,
            })
        },
    )?;
    rows.collect()
}

const PICK: &str = "select id from jobs where desk = $4 and kind = $5 and state = 'available' \
     and queue not in (select queue from queues where paused) \
     order by priority desc, run_at_ms, id limit $6";

const PICK_SERIAL: &str = "select id from (select id, priority, run_at_ms, \
       row_number() over (partition by queue order by priority desc, run_at_ms, id) as place \
     from jobs where desk = $4 and kind = $5 and state = 'available' \
       and queue not in (select queue from queues where paused) \
       and queue not in (select queue from jobs where state = 'running' and desk = $4 and kind = $5)) \
     where place = 1 order by priority desc, run_at_ms, id limit $6";

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::params_from_iter;

    /// The steps in which SQLite would run a statement.
    fn plan(connection: &Connection, sql: &str) -> String {
        let mut explain = connection
            .prepare(&format!("explain query plan {sql}"))
            .expect(sql);
        let nothing = vec![None::<i64>; explain.parameter_count()];
        let rows = explain.query_map(params_from_iter(nothing), |row| row.get::<_, String>(3));
        let steps: rusqlite::Result<Vec<_>> = rows.expect(sql).collect();
        steps.expect(sql).join("; ")
    }

    #[test]
    fn a_backlog_is_claimed_by_its_index_without_sorting_it() {
        let connection = Connection::open_in_memory().expect("memory");
        for schema in [
            include_str!("../../../migrations/0001_jobs.sql"),
            include_str!("../../../migrations/0012_pause.sql"),
        ] {
            connection.execute_batch(schema).expect("schema");
        }
        for size in ["", "analyze"] {
            connection.execute_batch(size).expect("analyze");
            let claim = plan(&connection, PICK);
            assert!(
                claim.contains("SEARCH jobs USING INDEX jobs_ready (desk=? AND kind=?)"),
                "{claim}"
            );
            assert!(!claim.contains("TEMP B-TREE"), "{claim}");
            let ack = plan(&connection, ACK);
            assert!(
                ack.contains("SEARCH jobs USING INDEX sqlite_autoindex_jobs_1 (id=?)"),
                "{ack}"
            );
        }
    }
}
