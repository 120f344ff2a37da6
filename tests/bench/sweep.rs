//! A sweep of a thousand settings by the workers of one process over the recorded chains, rows included,
//! against the same runs in a bare loop on one core. One JSON line per figure.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and fails by panicking"
)]

use serde_json::json;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use thetaq::backtest::sweep::{Axis, Currency, Plan, try_one};
use thetaq::clock::{Clock, Stopwatch};
use thetaq::config::Config;
use thetaq::ctx::Ctx;
use thetaq::db::{Db, backtest_data, chains, jobs, sweeps};
use thetaq::domain::coin::Coin;
use thetaq::import::{Silent, import};
use thetaq::jobs::sweep::Sweep;
use thetaq::jobs::{Options, enqueue_alone, registry, work};
use tokio_util::sync::CancellationToken;

const RANGE: (i64, i64) = (0, i64::MAX);

#[tokio::main]
async fn main() {
    let shared = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    if !shared.exists() {
        eprintln!("skipped: {} is not there", shared.display());
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", home.path().join("bench.db").display());
    let db = Db::open(&url).await.unwrap();
    db.migrate().await.unwrap();
    let mut paths = vec![shared.join("settlement"), shared.join("dvol")];
    let files = std::fs::read_dir(shared.join("chains")).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    paths.extend(files.filter(|path| path.display().to_string().contains("6h_btc")));
    import(&db, &paths, &mut Silent).await.unwrap();
    let plan = plan();
    // Before the bare loop has its own copy of the market.
    let (seconds, runs) = swept(&db, plan.clone()).await;
    let peak = memory();
    let bare = bare(&db, &plan).await;
    let name = format!("sweep_of_{runs}_settings");
    print(
        &name,
        seconds,
        "s",
        "the same runs in a loop on one core, nothing stored",
        bare,
    );
    print(
        "sweep_peak_memory",
        peak,
        "MB",
        "what a worker may take",
        400.0,
    );
    db.close().await;
}

/// 10 x 10 x 5 x 2 settings.
fn plan() -> Plan {
    let axes = [
        "delta_target=0.12..0.39/0.03",
        "take_profit=0.5..0.95/0.05",
        "score_min=0..4/1",
        "rolls_max=1,3",
    ];
    Plan {
        axes: axes.iter().map(|text| Axis::parse(text).unwrap()).collect(),
        ..Plan::default()
    }
}

/// Seconds from the enqueueing to the judgement, and settings tried.
async fn swept(db: &Db, plan: Plan) -> (f64, i64) {
    let ctx = Ctx::with_clock(
        db.clone(),
        "live",
        Clock::real(),
        Arc::new(Config::default()),
    );
    ctx.open().await.unwrap();
    let kinds = registry::all().only(&["sweep".to_owned(), "sweep_part".to_owned()]);
    let stop = CancellationToken::new();
    let worker = tokio::spawn(work(ctx.clone(), Arc::new(kinds.unwrap()), stop.clone()));
    let job = Sweep {
        source: chains::RECORDED.to_owned(),
        settings: serde_json::Map::new(),
        market_seed: None,
        plan,
        currency: Currency::Coin,
        walk_forward: None,
    };
    let watch = Stopwatch::start();
    let id = enqueue_alone(&ctx, &job, Options::default())
        .await
        .unwrap()
        .id;
    let row = loop {
        let row = jobs::get(db, &id).await.unwrap().unwrap();
        if row.is_finished() {
            break row;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let seconds = watch.elapsed().as_secs_f64();
    assert_eq!(row.state, "succeeded", "{row:?}");
    stop.cancel();
    worker.await.unwrap().unwrap();
    let sweep = sweeps::of_job(db, &id).await.unwrap().unwrap();
    assert_eq!((sweep.runs_done, sweep.runs_failed), (sweep.runs, 0));
    (seconds, sweep.runs)
}

async fn bare(db: &Db, plan: &Plan) -> f64 {
    let data = backtest_data::load(db, chains::RECORDED, Coin::Btc, RANGE, |_, _| true);
    let data = data.await.unwrap().unwrap();
    let trials = plan.trials(&serde_json::Map::new()).unwrap();
    let watch = Stopwatch::start();
    for trial in &trials.points {
        black_box(try_one(&data, &trial.setup).unwrap());
    }
    watch.elapsed().as_secs_f64()
}

/// Highest resident memory of this process so far, megabytes.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    kilobytes.parse::<f64>().unwrap() / 1_000.0
}

fn print(bench: &str, value: f64, unit: &str, reference: &str, reference_value: f64) {
    let line = json!({
        "bench": bench, "value": value, "unit": unit, "reference": reference,
        "reference_value": reference_value, "ratio": value / reference_value,
    });
    println!("{line}");
}
