//! Training rows: made over a synthetic half year, and stored, against bare loops in the same run. One JSON line
//! per figure.
//!
//! `THETAQ_DATABASE_URL` names a fresh database; without it a SQLite file in a temporary folder is used.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and fails by panicking"
)]

use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write as _;
use thetaq::backtest::{Data, Setup, synthetic};
use thetaq::clock::Stopwatch;
use thetaq::db::Db;
use thetaq::db::training::{self, NewDataset, Progress};
use thetaq::domain::coin::Coin;
use thetaq::policy::profiles::standard;
use thetaq::training::{Plan, Row, Splits, Walk, WalkState};

const FROM_MS: i64 = 1_767_571_200_000;
const DAY_MS: i64 = 86_400_000;
const DAYS: i64 = 180;
/// Rows stored, in batches as a job's checkpoints make them.
const ROWS: usize = 500_000;
const BATCH: usize = 50_000;

#[tokio::main]
async fn main() {
    let home = tempfile::tempdir().unwrap();
    let fresh = format!("sqlite://{}", home.path().join("bench.db").display());
    let url = std::env::var("THETAQ_DATABASE_URL").unwrap_or(fresh);
    let db = Db::open(&url).await.unwrap();
    db.migrate().await.unwrap();

    let data = synthetic(
        "bench",
        Coin::Btc,
        FROM_MS,
        FROM_MS + DAYS * DAY_MS,
        DAY_MS / 8,
    );
    let plan = plan();
    let (rows, seconds) = made(&data, &plan);
    let bare = bare_scan(&data);
    print(
        "walk_rows_per_second",
        rows.len() as f64 / seconds,
        "bare scan of the same quotes, rows",
        rows.len() as f64 / bare,
    );

    let steps: Vec<Row> = rows
        .iter()
        .cycle()
        .take(BATCH)
        .map(|row| Row {
            offers: Vec::new(),
            ..row.clone()
        })
        .collect();
    let written = bare_write(home.path(), &steps);
    let stored = store(&db, &plan, "steps", &steps).await;
    let name = format!("{}_insert_rows_per_second", db.engine());
    print(
        &name,
        stored,
        "the same rows as JSON lines into a file",
        written,
    );

    let with_calls: Vec<Row> = rows.iter().cycle().take(BATCH).cloned().collect();
    let calls: usize = with_calls.iter().map(|row| row.offers.len()).sum();
    let all = (BATCH + calls) as f64 / BATCH as f64;
    let stored = store(&db, &plan, "calls", &with_calls).await;
    let name = format!("{}_insert_rows_and_candidates_per_second", db.engine());
    print(
        &name,
        all * stored,
        "the same rows as JSON lines into a file",
        written,
    );
    db.close().await;
}

fn print(bench: &str, value: f64, reference: &str, reference_value: f64) {
    let line = json!({
        "bench": format!("training_{bench}"), "value": value, "unit": "rows/s", "reference": reference,
        "reference_value": reference_value, "ratio": value / reference_value,
    });
    println!("{line}");
}

fn plan() -> Plan {
    let profiles = standard().map(|(name, profile)| (name.to_owned(), profile));
    Plan {
        underlyings: vec![Coin::Btc],
        profiles: profiles.to_vec(),
        ladder: 1,
        train_share: 0.7,
        validation_share: 0.15,
        discount_per_day: 1.0,
        setup: Setup {
            explore_prob: 0.25,
            interval_ms: DAY_MS / 8,
            ..Setup::default()
        },
    }
}

fn made(data: &Data, plan: &Plan) -> (Vec<Row>, f64) {
    let splits = plan.splits(FROM_MS, FROM_MS + DAYS * DAY_MS);
    let (mut rows, mut state) = (Vec::new(), WalkState::default());
    let watch = Stopwatch::start();
    let walk = Walk::new(data, plan, splits);
    assert!(walk.advance(&mut state, usize::MAX, &mut rows).unwrap());
    (rows, watch.elapsed().as_secs_f64())
}

/// Seconds to look at every quote once.
fn bare_scan(data: &Data) -> f64 {
    let watch = Stopwatch::start();
    let mut sum = 0.0;
    for snapshot in data.snapshots() {
        let bids = snapshot.chain.quotes.iter().filter_map(|quote| quote.bid);
        sum += bids.sum::<f64>();
    }
    assert!(std::hint::black_box(sum) > 0.0);
    watch.elapsed().as_secs_f64()
}

/// Rows a second into a file.
fn bare_write(folder: &std::path::Path, rows: &[Row]) -> f64 {
    let file = std::fs::File::create(folder.join("rows.jsonl")).unwrap();
    let mut file = std::io::BufWriter::new(file);
    let watch = Stopwatch::start();
    for row in rows {
        serde_json::to_writer(&mut file, row).unwrap();
        file.write_all(b"\n").unwrap();
    }
    file.flush().unwrap();
    rows.len() as f64 / watch.elapsed().as_secs_f64()
}

/// Steps a second into the database, in batches of their own transactions.
async fn store(db: &Db, plan: &Plan, dataset: &str, rows: &[Row]) -> f64 {
    let splits = Splits::cut(0, 1, 1.0, 0.0);
    let new = NewDataset {
        id: dataset,
        job: dataset,
        desk: None,
        source: "bench",
        range: (0, 1),
        plan,
        splits: &splits,
        config_hash: "",
        fingerprints: &BTreeMap::new(),
        steps: 1,
        policy: ("profiles", "1.0"),
        code_version: "bench",
        checkpoint: None,
        at_ms: 0,
    };
    let mut tx = db.begin().await.unwrap();
    training::begin(&mut tx, &new).await.unwrap();
    tx.commit().await.unwrap();
    let mut seconds = 0.0;
    for n in 0..ROWS / BATCH {
        let batch = rows.to_vec();
        let progress = Progress {
            rows: ((n + 1) * BATCH) as i64,
            ..Progress::default()
        };
        let watch = Stopwatch::start();
        let from = (n * BATCH) as i64;
        let appended = training::append(db, dataset, from, batch, progress).await;
        assert!(appended.unwrap());
        seconds += watch.elapsed().as_secs_f64();
    }
    ROWS as f64 / seconds
}
