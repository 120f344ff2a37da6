//! Several processes over one database: each job, key and slot once; a real `thetaq work` among them.

use crate::support::process::{KEYS, Process, enqueue_keys};
use crate::support::queue::{Desk, Probe, Tiny, on_each_engine};
use crate::support::{postgres, shared_data};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use std::collections::BTreeSet;
use std::time::Duration;
use thetaq::clock::Stopwatch;
use thetaq::config::Missed;
use thetaq::db::jobs::{self, JobRow};
use thetaq::db::probe;
use thetaq::jobs::{Options, enqueue, registry};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_keys_twice_in_a_batch_and_from_three_processes_are_one_row_each() {
    on_each_engine(async |desk: Desk| {
        let mut others = [Process::enqueuer(&desk), Process::enqueuer(&desk)];
        enqueue_keys(&desk).await;
        for other in &mut others {
            assert!(other.ended().await.success());
        }
        let rows = desk.jobs_of("probe").await;
        let keys: BTreeSet<_> = rows.iter().map(|row| row.unique_key.clone()).collect();
        assert_eq!((rows.len(), keys.len()), (KEYS, KEYS));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cron_in_two_processes_makes_one_row_a_slot() {
    on_each_engine(async |mut desk: Desk| {
        desk.schedule("* * * * * *", Missed::RunOnce);
        let workers = [Process::worker(&desk), Process::worker(&desk)];
        desk.workers_when(|rows| rows.len() == 2).await;
        let from = desk.effects().await.len();
        let watch = Stopwatch::start();
        while desk.effects().await.len() < from + 4 {
            assert!(watch.elapsed() < Duration::from_secs(30));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        drop(workers);
        let rows = desk.jobs_of("probe").await;
        let mut slots: Vec<_> = rows.iter().map(|row| row.slot_ms.unwrap()).collect();
        slots.sort_unstable();
        assert!(
            slots.windows(2).all(|pair| pair[1] - pair[0] == 1_000),
            "{slots:?}"
        );
        let ran = rows.iter().filter(|row| row.state == "succeeded").count();
        assert_eq!(desk.effects().await.len(), ran);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_request_reaches_another_process_within_a_second() {
    on_each_engine(async |desk: Desk| {
        let _worker = Process::worker(&desk);
        let mut waits = Vec::new();
        for _ in 0..3 {
            let id = desk.enqueue(Probe::new("wait"), Options::default()).await;
            desk.in_state(&id, "running").await;
            let watch = Stopwatch::start();
            desk.cancel(&id).await;
            assert_eq!(desk.finished(&id).await.state, "cancelled");
            waits.push(watch.elapsed());
        }
        // The best of three: the machine may be busy, the way may not be longer.
        assert!(waits.iter().min().unwrap() < &Duration::from_secs(1));
        assert!(waits.iter().all(|wait| wait < &Duration::from_secs(3)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_waiting_do_not_slow_a_job_down() {
    on_each_engine(async |desk: Desk| {
        let worker = desk.start();
        drain_backlog(&desk, 1_000).await;
        let mut best = f64::INFINITY;
        for _ in 0..3 {
            let few = drain_backlog(&desk, 1_000).await;
            let many = drain_backlog(&desk, 8_000).await;
            best = best.min(many / few);
            if best < 2.5 {
                break;
            }
        }
        worker.stop().await;
        // Quadratic would be eight times as slow a job.
        assert!(best < 2.5, "{best} times the time per job");
    })
    .await;
}

/// Seconds per job of a backlog that was there before the workers could begin.
async fn drain_backlog(desk: &Desk, count: usize) -> f64 {
    desk.pause("tiny", true).await;
    let mut tx = desk.ctx.db.begin().await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..count {
        let done = enqueue(&mut tx, &desk.ctx, &Tiny {}, Options::default()).await;
        ids.push(done.unwrap().id);
    }
    tx.commit().await.unwrap();
    let watch = Stopwatch::start();
    desk.pause("tiny", false).await;
    let db = &desk.ctx.db;
    let kinds = [("tiny", false)];
    while !probe::look(db, "live", &kinds, 0)
        .await
        .unwrap()
        .kinds
        .is_empty()
    {
        assert!(watch.elapsed() < Duration::from_mins(1));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Some of those claimed last; asked one by one, for a count would walk the table.
    for id in ids.iter().rev().step_by(20).take(10) {
        desk.in_state(id, "succeeded").await;
    }
    watch.elapsed().as_secs_f64() / count as f64
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_on_postgres_is_claimed_by_its_index_and_without_deadlocks() {
    const JOBS: usize = 8_000;
    let mut desk = Desk::of(postgres().await);
    // Leases are renewed all the time while batches are acknowledged.
    desk.set_config(|config| config.queue.lease_ms = 750);
    let worker = desk.start();
    // Statements are prepared and planned while the table is small.
    drain_backlog(&desk, 50).await;
    drain_backlog(&desk, JOBS).await;
    worker.stop().await;
    // Closed connections have reported what they read.
    desk.ctx.db.close().await;
    let mut connection = PgConnection::connect(&desk.url).await.unwrap();
    let (walked, deadlocks): (i64, i64) = sqlx::query_as(
        "select idx_tup_read, (select deadlocks from pg_stat_database where datname = current_database()) \
         from pg_stat_user_indexes where indexrelname = 'jobs_ready'",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert!(walked >= JOBS as i64, "{walked} entries of jobs_ready");
    assert_eq!(deadlocks, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_real_workers_share_a_backlog_and_run_each_job_once() {
    on_each_engine(async |desk: Desk| {
        const JOBS: usize = 90;
        let folder = tempfile::tempdir().unwrap();
        desk.pause("sync_instruments", true).await;
        let start = || Process::thetaq_work(&desk, folder.path(), "sync_instruments");
        let mut workers = [start(), start(), start()];
        let ids = enqueue_syncs(&desk, JOBS).await;
        desk.workers_when(|rows| rows.len() == 3).await;
        desk.pause("sync_instruments", false).await;
        let mut owners = BTreeSet::new();
        for id in &ids {
            let row = desk.finished(id).await;
            assert_eq!((row.state.as_str(), row.attempt), ("succeeded", 1));
            let events = jobs::events(&desk.ctx.db, id).await.unwrap();
            assert_eq!(events.len(), 1, "{events:?}");
            owners.insert(row.worker);
        }
        assert_eq!(owners.len(), 3, "every process took part");
        for worker in &mut workers {
            worker.signal("TERM");
            assert_eq!(worker.ended().await.code(), Some(0));
        }
        let rows = desk.workers_when(|_| true).await;
        assert!(rows.iter().all(|row| row.stopped_ms.is_some()));
        let done: i64 = rows.iter().map(|row| row.done).sum();
        let all = desk.jobs_of("sync_instruments").await;
        let ended = all.iter().filter(|row| row.state == "succeeded").count();
        assert_eq!(done, ended as i64, "scheduled ones included");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_short_jobs_finish_gives_the_rest_back_and_exits_with_zero() {
    on_each_engine(async |desk: Desk| {
        let folder = tempfile::tempdir().unwrap();
        let settings = "[queue]\nshutdown_ms = 4000\n[jobs.sync_instruments]\nschedule = \"off\"\n";
        std::fs::write(folder.path().join("workers.toml"), settings).unwrap();
        let long = enqueue_import(&desk).await;
        let ids = enqueue_syncs(&desk, 400).await;
        let mut worker = Process::thetaq_work(&desk, folder.path(), "import,sync_instruments");
        if let Some(long) = &long {
            desk.in_state(long, "running").await;
        }
        desk.finished(&ids[3]).await;
        worker.signal("TERM");
        assert_eq!(worker.ended().await.code(), Some(0));
        let (mut ran, mut left) = (0, 0);
        for row in desk.jobs_of("sync_instruments").await {
            match (row.state.as_str(), row.max_attempts - row.attempt) {
                ("succeeded", 2) => ran += 1,
                // Never claimed, or claimed and given back before it began: either way no attempt is used up.
                ("available", 3) => left += 1,
                _ => panic!("{row:?}"),
            }
        }
        assert!(ran > 0 && left > 0, "{ran} ran, {left} are left");
        if let Some(long) = &long {
            given_back(&desk, long).await;
        }
        let _heir = Process::thetaq_work(&desk, folder.path(), "sync_instruments");
        for id in &ids {
            let row = desk.finished(id).await;
            let unused = row.max_attempts - row.attempt;
            assert_eq!((row.state.as_str(), unused), ("succeeded", 2));
        }
    })
    .await;
}

async fn given_back(desk: &Desk, id: &str) {
    let row: JobRow = jobs::get(&desk.ctx.db, id).await.unwrap().unwrap();
    assert_eq!(row.state, "available");
    assert_eq!((row.attempt, row.max_attempts), (1, 4), "it does not count");
    assert_eq!(row.lease_until_ms, None);
}

async fn enqueue_syncs(desk: &Desk, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    let registry = registry::all();
    let mut tx = desk.ctx.db.begin().await.unwrap();
    for n in 0..count {
        let coin = ["BTC", "ETH"][n % 2];
        let args = json!({"underlying": coin});
        let options = Options::default();
        let done = registry.enqueue(&mut tx, &desk.ctx, "sync_instruments", args, options);
        ids.push(done.await.unwrap().id);
    }
    tx.commit().await.unwrap();
    ids
}

/// A job of minutes: all recorded chains.
async fn enqueue_import(desk: &Desk) -> Option<String> {
    let args = json!({"paths": [shared_data("chains")?]});
    let mut tx = desk.ctx.db.begin().await.unwrap();
    let options = Options::default();
    let registry = registry::all();
    let done = registry.enqueue(&mut tx, &desk.ctx, "import", args, options);
    let id = done.await.unwrap().id;
    tx.commit().await.unwrap();
    Some(id)
}
