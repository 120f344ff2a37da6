//! Faults of the database under a worker process: held locks, cut connections, lost notifications.

use crate::support::process::Process;
use crate::support::queue::{Desk, Probe};
use crate::support::{postgres, sqlite};
use sqlx::{Connection, PgConnection};
use std::time::Duration;
use thetaq::clock::Stopwatch;
use thetaq::jobs::Options;

/// Longer than a worker waits for SQLite's write lock, and than the lease of these desks.
const HELD: Duration = Duration::from_secs(11);

#[tokio::test(flavor = "multi_thread")]
async fn a_write_lock_held_past_the_busy_timeout_is_survived() {
    let desk = Desk::of(sqlite().await);
    let mut worker = Process::worker(&desk);
    let jobs = Interrupted::start(&desk).await;
    let path = desk.url.strip_prefix("sqlite://").unwrap();
    let blocker = rusqlite::Connection::open(path).unwrap();
    blocker.busy_timeout(Duration::from_secs(5)).unwrap();
    blocker.execute_batch("begin immediate").unwrap();
    tokio::time::sleep(HELD).await;
    blocker.execute_batch("rollback").unwrap();
    jobs.end(&desk, &mut worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_table_and_cut_connections_are_survived() {
    let desk = Desk::of(postgres().await);
    let mut worker = Process::worker(&desk);
    let jobs = Interrupted::start(&desk).await;
    let mut blocker = PgConnection::connect(&desk.url).await.unwrap();
    sqlx::raw_sql("begin; lock table jobs in access exclusive mode")
        .execute(&mut blocker)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(cut(&mut blocker).await > 0);
    tokio::time::sleep(Duration::from_secs(1)).await;
    sqlx::raw_sql("rollback")
        .execute(&mut blocker)
        .await
        .unwrap();
    jobs.end(&desk, &mut worker).await;
}

/// Jobs that run when the database stops answering, and what must have become of them afterwards.
struct Interrupted {
    worker: String,
    nap: String,
    short: String,
}

impl Interrupted {
    async fn start(desk: &Desk) -> Self {
        let nap = desk.enqueue(Probe::new("nap"), Options::default()).await;
        let short = Probe::new("short");
        let short = desk.enqueue(short, Options::default()).await;
        let row = desk.in_state(&nap, "running").await;
        desk.in_state(&short, "running").await;
        Self {
            worker: row.worker.unwrap(),
            nap,
            short,
        }
    }

    async fn end(self, desk: &Desk, process: &mut Process) {
        // Its outcome was kept until it could be written.
        let nap = desk.finished(&self.nap).await;
        assert_eq!((nap.state.as_str(), nap.attempt), ("succeeded", 1));
        assert_eq!(desk.finished(&self.short).await.state, "succeeded");
        let next = Probe::new("after");
        let next = desk.enqueue(next, Options::default()).await;
        let next = desk.finished(&next).await;
        assert_eq!(next.state, "succeeded");
        assert_eq!(next.worker, Some(self.worker), "the same worker goes on");
        assert!(process.is_alive());
        assert_eq!(desk.effects().await, ["short", "after"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_cut_over_and_over_lose_and_repeat_nothing() {
    const JOBS: usize = 300;
    let desk = Desk::of(postgres().await);
    let mut ids = Vec::new();
    for _ in 0..JOBS {
        let options = Options {
            max_attempts: Some(1_000),
            ..Options::default()
        };
        ids.push(desk.enqueue(Probe::new("mark"), options).await);
    }
    let mut worker = Process::worker(&desk);
    desk.workers_when(|rows| rows.len() == 1).await;
    let mut storm = PgConnection::connect(&desk.url).await.unwrap();
    let mut cuts = 0;
    for _ in 0..20 {
        cuts += cut(&mut storm).await;
        tokio::time::sleep(Duration::from_millis(75)).await;
    }
    assert!(cuts >= 20, "{cuts} connections");
    for id in &ids {
        assert_eq!(desk.finished(id).await.state, "succeeded");
    }
    assert_eq!(desk.effects().await.len(), JOBS);
    assert!(worker.is_alive());
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_come_again_after_their_connection_is_lost() {
    let mut desk = Desk::of(postgres().await);
    // So seldom that only a notification can be the reason for a start.
    desk.set_config(|config| config.queue.probe_ms = 600_000);
    let _worker = Process::worker(&desk);
    desk.workers_when(|rows| rows.len() == 1).await;
    let mut other = PgConnection::connect(&desk.url).await.unwrap();
    for _ in 0..3 {
        listening(&mut other).await;
        let watch = Stopwatch::start();
        let id = desk.enqueue(Probe::new("echo"), Options::default()).await;
        desk.finished(&id).await;
        assert!(watch.elapsed() < Duration::from_secs(5));
        assert!(cut(&mut other).await > 0);
        // Notified while nobody listened, and found nevertheless.
        let id = desk.enqueue(Probe::new("echo"), Options::default()).await;
        desk.finished(&id).await;
    }
}

/// Ends every other connection to the database, as a failing network would; returns how many.
async fn cut(connection: &mut PgConnection) -> usize {
    let ended: Vec<bool> = sqlx::query_scalar(
        "select pg_terminate_backend(pid) from pg_stat_activity \
         where datname = current_database() and pid <> pg_backend_pid()",
    )
    .fetch_all(connection)
    .await
    .unwrap();
    ended.len()
}

/// Waits until some connection waits for notifications.
async fn listening(connection: &mut PgConnection) {
    let watch = Stopwatch::start();
    let listens = "select exists (select 1 from pg_stat_activity where datname = current_database() \
                   and pid <> pg_backend_pid() and query ilike 'listen%')";
    while !sqlx::query_scalar::<_, bool>(listens)
        .fetch_one(&mut *connection)
        .await
        .unwrap()
    {
        assert!(watch.elapsed() < Duration::from_secs(20), "nobody listens");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
