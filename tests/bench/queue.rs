//! The queue against a bare batched claim-and-acknowledge loop over the same rows, measured in one run.
//!
//! Prints one JSON line per figure: bench, value, unit, reference, reference_value, ratio.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking and prints its figures"
)]

#[path = "../it/support/postgres.rs"]
mod postgres;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use thetaq::clock::{Clock, Stopwatch};
use thetaq::config::Config;
use thetaq::ctx::Ctx;
use thetaq::db::Db;
use thetaq::db::jobs_turn::{Ack, Claim, Fence, turn};
use thetaq::jobs::{Defaults, Done, Job, JobError, Options, Registry, Running, enqueue, work};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const BACKLOG: u64 = 20_000;
const BATCH: i64 = 500;

#[derive(Clone, Serialize, Deserialize)]
struct Noop {
    n: u64,
}

static DONE: AtomicU64 = AtomicU64::new(0);
static STARTED_NS: AtomicI64 = AtomicI64::new(0);
static STARTED: Notify = Notify::const_new();
static WATCH: LazyLock<Stopwatch> = LazyLock::new(Stopwatch::start);

impl Job for Noop {
    const KIND: &'static str = "noop";
    const DEFAULTS: Defaults = Defaults {
        concurrency: 64,
        prefetch: 936,
        ..Defaults::STANDARD
    };

    async fn run(self, _: Ctx, _: &mut Running) -> Result<Done, JobError> {
        STARTED_NS.store(WATCH.elapsed().as_nanos() as i64, Ordering::Relaxed);
        STARTED.notify_one();
        DONE.fetch_add(1, Ordering::Relaxed);
        Ok(Value::Null)
    }
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite://{}", folder.path().join("bench.db").display());
    let sqlite = open(&sqlite).await;
    throughput("sqlite", &sqlite).await;
    enqueue_rate(&sqlite).await;
    latency("sqlite", &sqlite).await;
    let postgres = open(&postgres::fresh_database().await).await;
    throughput("postgres", &postgres).await;
    latency("postgres", &postgres).await;
}

async fn open(url: &str) -> Ctx {
    let db = Db::open(url).await.unwrap();
    db.migrate().await.unwrap();
    Ctx::with_clock(db, "live", Clock::real(), Arc::new(Config::default()))
}

/// No-op jobs a second with a backlog, rows and events kept; best of three against the bare loop's best.
async fn throughput(engine: &str, ctx: &Ctx) {
    let (mut ours, mut bare) = (0.0_f64, 0.0_f64);
    for _ in 0..3 {
        backlog(ctx).await;
        bare = bare.max(bare_loop(ctx).await);
        backlog(ctx).await;
        ours = ours.max(workers(ctx).await);
    }
    print(
        &format!("queue {engine} jobs"),
        ours,
        "jobs/s",
        "bare loop",
        bare,
    );
}

async fn backlog(ctx: &Ctx) {
    let mut tx = ctx.db.begin().await.unwrap();
    for n in 0..BACKLOG {
        enqueue(&mut tx, ctx, &Noop { n }, Options::default())
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
}

/// The same statements without workers: claim a batch, acknowledge it with the next claim.
async fn bare_loop(ctx: &Ctx) -> f64 {
    let watch = Stopwatch::start();
    let (mut acks, mut count) = (Vec::new(), 0);
    loop {
        let now_ms = ctx.clock.wall_ms();
        let claim = Claim {
            desk: "live".to_owned(),
            kind: "noop",
            owner: "bare".to_owned(),
            now_ms,
            lease_until_ms: now_ms + 20_000,
            limit: BATCH,
            serial: false,
        };
        let claimed = turn(&ctx.db, &Arc::new(std::mem::take(&mut acks)), Some(claim))
            .await
            .unwrap();
        if claimed.is_empty() {
            return f64::from(count) / watch.elapsed().as_secs_f64();
        }
        count += claimed.len() as u32;
        let fence = |id, attempt| Fence {
            id,
            attempt,
            owner: "bare".to_owned(),
        };
        acks.extend(
            claimed
                .into_iter()
                .map(|job| Ack::succeeded(fence(job.id, job.attempt), now_ms, &Value::Null)),
        );
    }
}

async fn workers(ctx: &Ctx) -> f64 {
    DONE.store(0, Ordering::Relaxed);
    let watch = Stopwatch::start();
    let (stop, task) = start(ctx);
    while DONE.load(Ordering::Relaxed) < BACKLOG {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Ends after the last acknowledgement is written.
    stop.cancel();
    task.await.unwrap().unwrap();
    BACKLOG as f64 / watch.elapsed().as_secs_f64()
}

fn start(ctx: &Ctx) -> (CancellationToken, JoinHandle<anyhow::Result<()>>) {
    let stop = CancellationToken::new();
    let registry = Arc::new(Registry::new().register::<Noop>());
    (
        stop.clone(),
        tokio::spawn(work(ctx.clone(), registry, stop)),
    )
}

/// One job, one transaction.
async fn enqueue_rate(ctx: &Ctx) {
    const COUNT: u64 = 20_000;
    let watch = Stopwatch::start();
    for n in 0..COUNT {
        one(ctx, n).await;
    }
    let rate = COUNT as f64 / watch.elapsed().as_secs_f64();
    print(
        "queue sqlite enqueue",
        rate,
        "jobs/s",
        "floor of the issue",
        10_000.0,
    );
    workers(ctx).await;
}

async fn one(ctx: &Ctx, n: u64) {
    let mut tx = ctx.db.begin().await.unwrap();
    enqueue(&mut tx, ctx, &Noop { n }, Options::default())
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// From before the enqueue to the first line of the handler, with idle workers; the median.
async fn latency(engine: &str, ctx: &Ctx) {
    let (stop, task) = start(ctx);
    // Forgets a start that was noted before.
    drop(tokio::time::timeout(Duration::from_millis(50), STARTED.notified()).await);
    let mut waits_ms = Vec::new();
    for n in 0..300 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let from = WATCH.elapsed().as_nanos() as i64;
        one(ctx, n).await;
        STARTED.notified().await;
        waits_ms.push((STARTED_NS.load(Ordering::Relaxed) - from) as f64 / 1e6);
    }
    stop.cancel();
    task.await.unwrap().unwrap();
    waits_ms.sort_by(f64::total_cmp);
    let limit = if engine == "sqlite" { 1.2 } else { 2.5 };
    print(
        &format!("queue {engine} enqueue-to-start p50"),
        waits_ms[waits_ms.len() / 2],
        "ms",
        "limit of the issue",
        limit,
    );
}

fn print(bench: &str, value: f64, unit: &str, reference: &str, reference_value: f64) {
    let ratio = value / reference_value;
    println!(
        "{}",
        json!({"bench": bench, "value": value, "unit": unit, "reference": reference,
               "reference_value": reference_value, "ratio": ratio})
    );
}
