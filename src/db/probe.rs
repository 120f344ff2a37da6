//! Is there work? A read-only look, and Postgres's notifications, so that idle workers take no write lock.

use crate::db::{Db, Tx};
use sqlx::postgres::PgListener;
use std::fmt::Write as _;

/// What waits for a desk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Kinds with a job that could start now.
    pub kinds: Vec<String>,
    /// True when a scheduled or failed job has become due.
    pub due: bool,
}

/// Looks for work of the given kinds without writing. With each kind comes whether it is serial: its jobs
/// wait while another one of their queue runs.
pub async fn look(
    db: &Db,
    desk: &str,
    kinds: &[(&'static str, bool)],
    now_ms: i64,
) -> sqlx::Result<Waiting> {
    let mut sql = String::from(
        "select '' as kind where exists (select 1 from jobs where desk = $1 \
         and state in ('scheduled', 'failed') and run_at_ms <= $2)",
    );
    for (kind, serial) in kinds {
        let busy = if *serial {
            format!(
                " and queue not in (select queue from jobs where state = 'running' and desk = $1 and kind = '{kind}')"
            )
        } else {
            String::new()
        };
        let _ = write!(
            sql,
            " union all select '{kind}' where exists (select 1 from jobs where desk = $1 and kind = '{kind}' \
             and state = 'available' and queue not in (select queue from queues where paused){busy})"
        );
    }
    let mut found: Vec<String> = read!(db, pool => sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(desk).bind(now_ms).fetch_all(pool).await)?;
    let before = found.len();
    found.retain(|kind| !kind.is_empty());
    Ok(Waiting {
        due: found.len() < before,
        kinds: found,
    })
}

/// Makes due jobs available, in a transaction of its own.
pub async fn promote(db: &Db, desk: &str, now_ms: i64) -> sqlx::Result<()> {
    let mut tx: Tx = db.begin().await?;
    super::jobs_turn::promote(&mut tx, desk, now_ms).await?;
    tx.commit().await
}

/// Wakes this process's workers whenever another process enqueues; on SQLite it never returns anything
/// to do, since other processes' rows are found by looking. Ends with an error when the connection is lost.
pub async fn listen(db: &Db) -> sqlx::Result<()> {
    let Db::Postgres(postgres) = db else {
        return std::future::pending().await;
    };
    let mut listener = PgListener::connect_with(&postgres.pool).await?;
    listener.listen("thetaq_jobs").await?;
    loop {
        // At the start and after a lost connection (`None`) as well: what was notified meanwhile is gone.
        db.wake().notify_waiters();
        listener.try_recv().await?;
    }
}
