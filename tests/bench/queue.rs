//! The queue against a bare batched claim-and-acknowledge loop that leaves the same rows, measured in one run.
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
use sqlx::{Connection, PgConnection};
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use thetaq::clock::{Clock, Stopwatch};
use thetaq::config::Config;
use thetaq::ctx::Ctx;
use thetaq::db::Db;
use thetaq::jobs::{
    Defaults, Done, Job, JobError, Options, Registry, Running, enqueue, enqueue_alone, work,
};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const BACKLOG: u64 = 20_000;

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
    let path = folder.path().join("bench.db");
    let sqlite = open(&format!("sqlite://{}", path.display())).await;
    throughput("sqlite", &sqlite, async || {
        tokio::task::block_in_place(|| bare_sqlite(&path))
    })
    .await;
    enqueue_rate(&sqlite).await;
    latency("sqlite", &sqlite).await;
    let url = postgres::fresh_database().await;
    let postgres = open(&url).await;
    throughput("postgres", &postgres, async || bare_postgres(&url).await).await;
    latency("postgres, straight after the backlogs,", &postgres).await;
    vacuum(&url).await;
    latency("postgres", &postgres).await;
}

/// What autovacuum does within a minute: until then every look for work passes the rows that were waiting.
async fn vacuum(url: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let vacuum = sqlx::query("vacuum analyze jobs");
    vacuum.execute(&mut connection).await.unwrap();
}

async fn open(url: &str) -> Ctx {
    let db = Db::open(url).await.unwrap();
    db.migrate().await.unwrap();
    Ctx::with_clock(db, "live", Clock::real(), Arc::new(Config::default()))
}

/// No-op jobs a second with a backlog, rows and events kept; best of three against the bare loop's best.
async fn throughput(engine: &str, ctx: &Ctx, bare_loop: impl AsyncFn() -> f64) {
    let (mut ours, mut bare) = (0.0_f64, 0.0_f64);
    for _ in 0..3 {
        backlog(ctx).await;
        bare = bare.max(bare_loop().await);
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

// The bare loops share no code with the queue: one connection and the least statements that leave the same
// rows, index entries and events. A transaction acknowledges a batch of 500 and claims the next.

fn bare_sqlite(path: &Path) -> f64 {
    let mut connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch(
            "pragma synchronous = normal; pragma temp_store = memory; pragma cache_size = -65536",
        )
        .unwrap();
    let watch = Stopwatch::start();
    let (mut held, mut count): (Vec<(String, String)>, usize) = (Vec::new(), 0);
    loop {
        let transaction = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .unwrap();
        for (id, _) in &held {
            let mut ack = transaction.prepare_cached(ACK_SQLITE).unwrap();
            ack.execute([id]).unwrap();
            let mut event = transaction.prepare_cached(EVENT_SQLITE).unwrap();
            event.execute([id]).unwrap();
        }
        held = transaction
            .prepare_cached(CLAIM_SQLITE)
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        transaction.commit().unwrap();
        if held.is_empty() {
            return count as f64 / watch.elapsed().as_secs_f64();
        }
        count += held.len();
    }
}

const ACK_SQLITE: &str = "update jobs set state = 'succeeded', finished_ms = 1, progress = 1, \
     lease_until_ms = null where id = ?1 and attempt = 1 and worker = 'bare'";
const EVENT_SQLITE: &str = "insert into job_events (job, n, at_ms, started_ms, attempt, event, worker) \
     values (?1, 1500000, 1, 1, 1, 'succeeded', 'bare')";
const CLAIM_SQLITE: &str = "update jobs set state = 'running', attempt = attempt + 1, worker = 'bare', \
     lease_until_ms = 1, started_ms = 1 where id in (select id from jobs where desk = 'live' and kind = 'noop' \
       and state = 'available' order by priority desc, run_at_ms, id limit 500) returning id, args";

async fn bare_postgres(url: &str) -> f64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let watch = Stopwatch::start();
    let (mut held, mut count): (Vec<String>, usize) = (Vec::new(), 0);
    loop {
        let claimed: Vec<(String, String)> = sqlx::query_as(TURN_POSTGRES)
            .bind(&held)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        if claimed.is_empty() {
            return count as f64 / watch.elapsed().as_secs_f64();
        }
        count += claimed.len();
        held = claimed.into_iter().map(|(id, _)| id).collect();
    }
}

const TURN_POSTGRES: &str = "with acked as ( \
       update jobs set state = 'succeeded', finished_ms = 1, progress = 1, lease_until_ms = null \
       where id = any($1) and attempt = 1 and worker = 'bare' returning id \
     ), ended as ( \
       insert into job_events (job, n, at_ms, started_ms, attempt, event, worker) \
       select id, 1500000, 1, 1, 1, 'succeeded', 'bare' from acked \
     ), picked as ( \
       select id from jobs where desk = 'live' and kind = 'noop' and state = 'available' \
       order by priority desc, run_at_ms, id limit 500 for update skip locked \
     ) update jobs set state = 'running', attempt = attempt + 1, worker = 'bare', lease_until_ms = 1, \
       started_ms = 1 from picked where jobs.id = picked.id returning jobs.id, cast(args as text)";

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

/// One job, one transaction: on its own, and as an order's decision does it, between begin and commit.
async fn enqueue_rate(ctx: &Ctx) {
    const COUNT: u64 = 20_000;
    let watch = Stopwatch::start();
    for n in 0..COUNT {
        alone(ctx, n).await;
    }
    let rate = COUNT as f64 / watch.elapsed().as_secs_f64();
    print("queue sqlite enqueue", rate, "jobs/s", "target", 10_000.0);
    workers(ctx).await;
    let watch = Stopwatch::start();
    for n in 0..COUNT {
        one(ctx, n).await;
    }
    let beside = COUNT as f64 / watch.elapsed().as_secs_f64();
    let name = "queue sqlite begin, enqueue, commit";
    print(name, beside, "jobs/s", "enqueue alone", rate);
    workers(ctx).await;
}

async fn alone(ctx: &Ctx, n: u64) {
    enqueue_alone(ctx, &Noop { n }, Options::default())
        .await
        .unwrap();
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
        alone(ctx, n).await;
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
        "target",
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
