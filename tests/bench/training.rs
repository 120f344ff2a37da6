//! Training rows: made over a synthetic half year, and stored in SQLite and Postgres, against what each engine takes
//! to copy the same rows from table to table by itself, in the same run. One JSON line per figure.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and fails by panicking"
)]

#[path = "../it/support/postgres.rs"]
mod postgres;

use serde_json::json;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use std::collections::BTreeMap;
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

    let sqlite = format!("sqlite://{}", home.path().join("bench.db").display());
    for url in [sqlite, postgres::fresh_database().await] {
        insert(&url, &plan, &rows).await;
    }
}

/// Stores steps alone, then steps with the calls they could choose from.
async fn insert(url: &str, plan: &Plan, rows: &[Row]) {
    let db = Db::open(url).await.unwrap();
    db.migrate().await.unwrap();
    let steps: Vec<Row> = rows
        .iter()
        .cycle()
        .take(BATCH)
        .map(|row| Row {
            offers: Vec::new(),
            ..row.clone()
        })
        .collect();
    let reference = "the engine copies the same steps from table to table, rows";
    let stored = store(&db, plan, "steps", &steps).await;
    let copied = copied(url).await;
    let name = format!("{}_insert_rows_per_second", db.engine());
    print(&name, stored, reference, copied);

    let with_calls: Vec<Row> = rows.iter().cycle().take(BATCH).cloned().collect();
    let calls: usize = with_calls.iter().map(|row| row.offers.len()).sum();
    let all = (BATCH + calls) as f64 / BATCH as f64;
    let stored = store(&db, plan, "calls", &with_calls).await;
    let name = format!("{}_insert_rows_and_candidates_per_second", db.engine());
    print(&name, all * stored, reference, copied);
    db.close().await;
}

/// Steps a second that the engine takes from one table to another like it, in batches of their own transactions.
async fn copied(url: &str) -> f64 {
    let made = match url.strip_prefix("sqlite://") {
        Some(_) => {
            "create table bare as select * from training_rows where false; \
            create unique index bare_key on bare (dataset, n)"
        }
        None => "create table bare (like training_rows including all)",
    };
    run(url, &[made.to_owned()]).await;
    let batches = (0..ROWS / BATCH).map(|n| {
        let (from, to) = (n * BATCH, (n + 1) * BATCH);
        format!("insert into bare select * from training_rows where dataset = 'steps' and n >= {from} and n < {to}")
    });
    let batches: Vec<String> = batches.collect();
    settle();
    let watch = Stopwatch::start();
    run(url, &batches).await;
    ROWS as f64 / watch.elapsed().as_secs_f64()
}

/// Runs statements, each in a transaction of its own.
async fn run(url: &str, statements: &[String]) {
    if let Some(path) = url.strip_prefix("sqlite://") {
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(path)
            .synchronous(sqlx::sqlite::SqliteSynchronous::Normal)
            .pragma("cache_size", "-65536");
        let mut connection = options.connect().await.unwrap();
        for sql in statements {
            let sql = AssertSqlSafe(sql.clone());
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        }
        return;
    }
    let mut connection = PgConnection::connect(url).await.unwrap();
    for sql in statements {
        let sql = AssertSqlSafe(sql.clone());
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    }
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
    settle();
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

/// Waits until the disk has what was written before: the next figure does not pay for it.
fn settle() {
    let done = std::process::Command::new("sync").status().unwrap();
    assert!(done.success());
}
