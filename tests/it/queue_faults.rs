//! The faults of a worker, with real processes on both engines: this test binary runs itself as the worker.

use crate::support::queue::{Desk, Probe, on_each_engine};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use thetaq::clock::Stopwatch;
use thetaq::db::Db;
use thetaq::db::jobs::{self, Filter};
use thetaq::jobs::Options;

const URL: &str = "THETAQ_TEST_WORKER";

/// Not a test of its own: the worker process that the other tests start. Does nothing without its variable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_process() {
    let Ok(url) = std::env::var(URL) else {
        return;
    };
    let desk = Desk::over(Db::open(&url).await.unwrap(), &url);
    let worker = desk.start();
    tokio::time::sleep(Duration::from_mins(1)).await;
    worker.stop().await;
}

/// A worker in a process of its own; killed when dropped.
struct Process(Child);

impl Process {
    fn start(desk: &Desk) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "queue_faults::worker_process", "--nocapture"])
            .env(URL, &desk.url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGKILL, as by `kill -9`.
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_job_it_runs_again_with_its_effects_once() {
    on_each_engine(async |desk: Desk| {
        const ROUNDS: usize = 13;
        const JOBS: usize = 4;
        let mut killed = 0;
        for round in 0..ROUNDS {
            let victim = Process::start(&desk);
            let mut ids = Vec::new();
            for _ in 0..JOBS {
                ids.push(desk.enqueue(Probe::new("short"), Options::default()).await);
            }
            for id in &ids {
                desk.in_state(id, "running").await;
            }
            drop(victim);
            let watch = Stopwatch::start();
            let _heir = Process::start(&desk);
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
async fn two_healthy_workers_run_jobs_longer_than_the_lease_once() {
    on_each_engine(async |desk: Desk| {
        let _workers = [Process::start(&desk), Process::start(&desk)];
        let mut ids = Vec::new();
        for _ in 0..8 {
            ids.push(desk.enqueue(Probe::new("slow"), Options::default()).await);
        }
        for id in &ids {
            assert_eq!(desk.finished(id).await.attempt, 1);
        }
        assert_eq!(desk.effects().await.len(), 8);
        let probes = Filter {
            kind: Some("probe".to_owned()),
            ..Filter::default()
        };
        let rows = jobs::list(&desk.ctx.db, &probes).await.unwrap();
        let mut owners: Vec<_> = rows.into_iter().map(|row| row.worker).collect();
        owners.sort();
        owners.dedup();
        assert_eq!(owners.len(), 2, "both processes took part");
    })
    .await;
}
