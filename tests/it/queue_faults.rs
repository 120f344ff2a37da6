//! Faults of a worker, with real processes on both engines: killed, restarted, paused, fed with poison.

use crate::support::process::Process;
use crate::support::queue::{Desk, Probe, on_each_engine};
use serde_json::json;
use std::time::Duration;
use thetaq::clock::Stopwatch;
use thetaq::db::jobs;
use thetaq::jobs::Options;

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_job_it_runs_again_with_its_effects_once() {
    on_each_engine(async |desk: Desk| {
        const ROUNDS: usize = 13;
        const JOBS: usize = 4;
        let mut killed = 0;
        for round in 0..ROUNDS {
            let victim = Process::worker(&desk);
            let mut ids = Vec::new();
            for _ in 0..JOBS {
                ids.push(desk.enqueue(Probe::new("short"), Options::default()).await);
            }
            for id in &ids {
                desk.in_state(id, "running").await;
            }
            drop(victim);
            let watch = Stopwatch::start();
            let _heir = Process::worker(&desk);
            for id in &ids {
                let row = desk.finished(id).await;
                assert_eq!(
                    (row.state.as_str(), row.attempt),
                    ("succeeded", 2),
                    "round {round}"
                );
                killed += 1;
            }
            assert!(watch.elapsed() < Duration::from_secs(30));
        }
        assert!(killed >= 50);
        assert_eq!(desk.effects().await.len(), killed);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restarted_under_the_same_name_it_does_not_take_lost_jobs_for_its_own() {
    on_each_engine(async |desk: Desk| {
        let victim = Process::worker(&desk);
        let options = Options {
            max_attempts: Some(20),
            ..Options::default()
        };
        let id = desk.enqueue(Probe::new("short"), options).await;
        desk.in_state(&id, "running").await;
        drop(victim);
        let watch = Stopwatch::start();
        let lost = jobs::get(&desk.ctx.db, &id).await.unwrap().unwrap();
        // The same command line on the same host: its heartbeat must not keep the lost job's lease alive.
        for known in 2..=4 {
            let _again = Process::worker(&desk);
            desk.workers_when(|rows| rows.len() >= known).await;
            let row = jobs::get(&desk.ctx.db, &id).await.unwrap().unwrap();
            assert!(row.worker != lost.worker || row.lease_until_ms == lost.lease_until_ms);
        }
        let _heir = Process::worker(&desk);
        let row = desk.finished(&id).await;
        assert_eq!(row.state, "succeeded");
        assert_ne!(row.worker, lost.worker);
        assert!(row.attempt >= 2 && watch.elapsed() < Duration::from_secs(20));
        assert_eq!(desk.effects().await, ["short"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_healthy_workers_run_jobs_longer_than_the_lease_once() {
    on_each_engine(async |desk: Desk| {
        let _workers = [Process::worker(&desk), Process::worker(&desk)];
        let mut ids = Vec::new();
        for _ in 0..8 {
            ids.push(desk.enqueue(Probe::new("slow"), Options::default()).await);
        }
        for id in &ids {
            assert_eq!(desk.finished(id).await.attempt, 1);
        }
        assert_eq!(desk.effects().await.len(), 8);
        let rows = desk.jobs_of("probe").await;
        let mut owners: Vec<_> = rows.into_iter().map(|row| row.worker).collect();
        owners.sort();
        owners.dedup();
        assert_eq!(owners.len(), 2, "both processes took part");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_past_its_lease_it_cannot_acknowledge_what_another_took_over() {
    on_each_engine(async |desk: Desk| {
        let paused = Process::worker(&desk);
        let id = desk.enqueue(Probe::new("slow"), Options::default()).await;
        let first = desk.in_state(&id, "running").await;
        pause_between_writes(&desk, &paused).await;
        let _heir = Process::worker(&desk);
        let second = desk.row_when(&id, |row| row.attempt == 2).await;
        paused.signal("CONT");
        let row = desk.finished(&id).await;
        assert_eq!((row.state.as_str(), row.attempt), ("succeeded", 2));
        assert_eq!(row.worker, second.worker);
        // The first worker has tried and let go of it.
        let of_first = |id: &String| first.worker.as_ref() == Some(id);
        desk.workers_when(|rows| rows.iter().any(|row| of_first(&row.id) && row.done == 1))
            .await;
        assert_eq!(desk.effects().await, ["slow"]);
        let after = jobs::get(&desk.ctx.db, &id).await.unwrap().unwrap();
        assert_eq!(after, row);
        let events = jobs::events(&desk.ctx.db, &id).await.unwrap();
        let names: Vec<_> = events.into_iter().map(|event| event.event).collect();
        assert_eq!(names, ["available", "succeeded"]);
    })
    .await;
}

/// A process that stands still inside a transaction holds SQLite's only write lock, and nobody could take over.
async fn pause_between_writes(desk: &Desk, process: &Process) {
    loop {
        process.signal("STOP");
        let free = tokio::time::timeout(Duration::from_secs(1), desk.ctx.db.begin()).await;
        if free.is_ok_and(|transaction| transaction.is_ok()) {
            return;
        }
        process.signal("CONT");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_that_does_not_decode_is_discarded_and_blocks_nothing_also_after_a_restart() {
    on_each_engine(async |desk: Desk| {
        for start in ["first", "second"] {
            let mut bad = Vec::new();
            for args in [
                json!({"nonsense": 1}),
                json!({"what": 7}),
                json!([]),
                json!("text"),
            ] {
                bad.push(desk.enqueue_raw(args.clone()).await);
                bad.push(desk.enqueue_raw(args).await);
            }
            let bytes = store_bytes(&desk, start);
            let mut worker = Process::worker(&desk);
            for id in &bad {
                let row = desk.finished(id).await;
                assert_eq!((row.state.as_str(), row.attempt), ("discarded", 1));
                assert!(row.error.unwrap().contains("does not decode"));
            }
            let good = desk.enqueue(Probe::new("echo"), Options::default()).await;
            assert_eq!(desk.finished(&good).await.state, "succeeded");
            if let Some(connection) = bytes {
                let state = "select state from jobs where id = ?1";
                let state: String = connection
                    .query_row(state, [start], |row| row.get(0))
                    .unwrap();
                assert_eq!(state, "discarded");
                connection
                    .execute("delete from jobs where id = ?1", [start])
                    .unwrap();
            }
            assert!(worker.is_alive());
        }
    })
    .await;
}

/// A job in front of all others whose payload is no text at all; only SQLite can hold one.
fn store_bytes(desk: &Desk, id: &str) -> Option<rusqlite::Connection> {
    let path = desk.url.strip_prefix("sqlite://")?;
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    connection
        .execute(
            "insert into jobs (id, desk, kind, queue, args, state, priority, run_at_ms, attempt, max_attempts, \
             progress, cancel_requested, created_ms) \
             values (?1, 'live', 'probe', 'probe', x'ff00c328', 'available', 9, 0, 0, 3, 0, false, 0)",
            [id],
        )
        .unwrap();
    Some(connection)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_panic_or_a_timeout_no_row_stays_running() {
    on_each_engine(async |mut desk: Desk| {
        desk.configure(|probe| probe.timeout_ms = Some(300));
        let mut worker = Process::worker(&desk);
        let mut ids = Vec::new();
        for what in ["panic", "hang", "ignore"] {
            ids.push(desk.enqueue(Probe::new(what), Options::default()).await);
        }
        for (id, error) in ids.iter().zip(["panicked: boom", "timed out", "timed out"]) {
            let row = desk.finished(id).await;
            assert_eq!((row.state.as_str(), row.attempt), ("discarded", 3));
            assert!(row.error.unwrap().contains(error));
            assert_eq!(row.lease_until_ms, None);
        }
        let next = desk.enqueue(Probe::new("echo"), Options::default()).await;
        assert_eq!(desk.finished(&next).await.state, "succeeded");
        assert!(worker.is_alive());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_neither_loops_nor_sticks() {
    on_each_engine(async |desk: Desk| {
        const WAIT_MS: u128 = 300;
        let _workers = [Process::worker(&desk), Process::worker(&desk)];
        desk.workers_when(|rows| rows.len() == 2).await;
        let options = Options {
            max_attempts: Some(10_000),
            ..Options::default()
        };
        let watch = Stopwatch::start();
        let id = desk.enqueue(Probe::new("retry_in"), options).await;
        let row = desk.row_when(&id, |row| row.attempt >= 6).await;
        let most = watch.elapsed().as_millis() / WAIT_MS + 1;
        assert!(row.attempt as u128 <= most, "{} > {most}", row.attempt);
        let events = jobs::events(&desk.ctx.db, &id).await.unwrap();
        for pair in events.windows(2) {
            let gap_ms = pair[1].started_ms.unwrap() - pair[0].at_ms;
            assert!(gap_ms >= WAIT_MS as i64, "{gap_ms} ms");
        }
        desk.cancel(&id).await;
        assert_eq!(desk.finished(&id).await.state, "cancelled");
    })
    .await;
}
