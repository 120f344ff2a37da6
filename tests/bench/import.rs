//! Import of all recorded chains and reading them back, against a bare Parquet decode of the same
//! files in the same run. One JSON line per figure.
//!
//! `THETAQ_DATABASE_URL` names a fresh database; without it a SQLite file in a temporary folder is used.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and fails by panicking"
)]

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;
use std::path::{Path, PathBuf};
use thetaq::clock::Stopwatch;
use thetaq::db::{Db, chains};
use thetaq::domain::coin::Coin;
use thetaq::import::{Silent, import};

#[tokio::main]
async fn main() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/chains");
    if !folder.exists() {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let fresh = format!("sqlite://{}", home.path().join("bench.db").display());
    let url = std::env::var("THETAQ_DATABASE_URL").unwrap_or(fresh);
    let db = Db::open(&url).await.unwrap();
    db.migrate().await.unwrap();
    let (bare_rows, bare_seconds) = bare_decode(&folder);
    let bare = bare_rows as f64 / bare_seconds;

    let first = import(&db, std::slice::from_ref(&folder), &mut Silent)
        .await
        .unwrap();
    assert_eq!(
        first.inserted, bare_rows as u64,
        "the database was not fresh"
    );
    print(
        &db,
        "import_quotes_per_second",
        first.inserted as f64 / first.seconds,
        bare,
    );
    print(&db, "import_seconds", first.seconds, bare_seconds);
    let again = import(&db, &[folder], &mut Silent).await.unwrap();
    assert_eq!((again.inserted, again.existing), (0, first.inserted));
    print(&db, "import_again_seconds", again.seconds, bare_seconds);

    let watch = Stopwatch::start();
    let quotes = scan_all(&db).await;
    let seconds = watch.elapsed().as_secs_f64();
    assert_eq!(quotes, bare_rows);
    print(&db, "load_quotes_per_second", quotes as f64 / seconds, bare);
    db.close().await;
}

fn print(db: &Db, bench: &str, value: f64, reference_value: f64) {
    let unit = if bench.ends_with("_per_second") {
        "quotes/s"
    } else {
        "s"
    };
    let line = json!({
        "bench": format!("{}_{bench}", db.engine()),
        "value": value,
        "unit": unit,
        "reference": "bare parquet decode",
        "reference_value": reference_value,
        "ratio": value / reference_value,
    });
    println!("{line}");
}

/// Every column of every file into record batches and no further: rows and seconds.
fn bare_decode(folder: &Path) -> (usize, f64) {
    let watch = Stopwatch::start();
    let mut rows = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = std::fs::File::open(entry.unwrap().path()).unwrap();
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let batches = builder.with_batch_size(8_192).build().unwrap();
        rows += batches
            .map(|batch| batch.unwrap().num_rows())
            .sum::<usize>();
    }
    (rows, watch.elapsed().as_secs_f64())
}

async fn scan_all(db: &Db) -> usize {
    let mut quotes = 0;
    for coin in Coin::ALL {
        let mut scan = chains::scan(db, chains::RECORDED, coin, 0, i64::MAX);
        while let Some(chain) = scan.next().await {
            quotes += chain.unwrap().quotes.len();
        }
    }
    quotes
}
