//! Exports of a million rows against the `sqlite3` and `psql` command lines, measured in one run.
//!
//! The rows are like transitions: thirty columns, one of them JSON. Prints one JSON line per figure: bench, value,
//! unit, reference, reference_value, ratio. `THETAQ_BENCH_ROWS` sets another number of rows.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking and prints its figures"
)]

#[path = "../it/support/postgres.rs"]
mod postgres;

use serde_json::json;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use thetaq::clock::{Random, Stopwatch};
use thetaq::db::Db;
use thetaq::db::scan::{self, Scan};
use thetaq::export::schema::{Column, Type};
use thetaq::export::writer::{Count, Plan, Writer};
use thetaq::export::{Compression, Format, Shape};

/// (name, type in the database, type in the export)
const COLUMNS: [(&str, &str, Type); 30] = [
    ("n", "bigint", Type::Int),
    ("episode", "text", Type::Text),
    ("step", "bigint", Type::Int),
    ("decision", "text", Type::Text),
    ("at_ms", "bigint", Type::Int),
    ("underlying", "text", Type::Text),
    ("profile", "text", Type::Text),
    ("split", "text", Type::Text),
    ("regime", "text", Type::Text),
    ("action", "text", Type::Text),
    ("instrument", "text", Type::Text),
    ("observation", "text", Type::Floats),
    ("legal_actions", "bigint", Type::Int),
    ("size_e8", "bigint", Type::E8),
    ("fees_e8", "bigint", Type::E8),
    ("fills", "bigint", Type::Int),
    ("explored", "boolean", Type::Bool),
    ("terminated", "boolean", Type::Bool),
    ("truncated", "boolean", Type::Bool),
    ("index_price", "double precision", Type::Float),
    ("iv", "double precision", Type::Float),
    ("rv", "double precision", Type::Float),
    ("delta", "double precision", Type::Float),
    ("gamma", "double precision", Type::Float),
    ("theta", "double precision", Type::Float),
    ("propensity", "double precision", Type::Float),
    ("reward_coin", "double precision", Type::Float),
    ("reward_usd", "double precision", Type::Float),
    ("reward_versus_holding", "double precision", Type::Float),
    ("discount", "double precision", Type::Float),
];

/// Set in the processes whose memory is measured: the database they export from.
const ALONE: &str = "THETAQ_BENCH_ALONE";

#[tokio::main]
async fn main() {
    let rows = std::env::var("THETAQ_BENCH_ROWS").map_or(1_000_000, |rows| rows.parse().unwrap());
    if let Ok(path) = std::env::var(ALONE) {
        return alone(Path::new(&path), rows).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let path = folder.join("bench.db");
    seed(&path, rows);
    let sqlite = Db::open(&format!("sqlite://{}", path.display()))
        .await
        .unwrap();
    let shell = |mode: &str, sql: &str| {
        rate(rows, || {
            let out = File::create(folder.join("reference")).unwrap();
            let mut command = Command::new("sqlite3");
            command
                .arg(&path)
                .arg("-cmd")
                .arg(mode)
                .arg(sql)
                .stdout(out);
            assert!(command.status().unwrap().success());
        })
    };
    let names: Vec<String> = COLUMNS
        .iter()
        .map(|(name, ..)| format!("'{name}', {name}"))
        .collect();
    let object = format!("select json_object({}) from bench_rows", names.join(", "));
    // Ours and theirs take turns; the best of each counts.
    let (mut csv, mut csv_shell, mut jsonl, mut jsonl_shell, mut parquet) =
        (0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64);
    for _ in 0..3 {
        csv = csv.max(export(&sqlite, folder, Format::Csv, rows).await);
        csv_shell = csv_shell.max(shell(".mode csv", "select * from bench_rows"));
        jsonl = jsonl.max(export(&sqlite, folder, Format::Jsonl, rows).await);
        jsonl_shell = jsonl_shell.max(shell(".mode list", &object));
        parquet = parquet.max(export(&sqlite, folder, Format::Parquet, rows).await);
    }
    print("export sqlite csv", csv, "sqlite3 .mode csv", csv_shell);
    print(
        "export sqlite jsonl",
        jsonl,
        "sqlite3 json_object",
        jsonl_shell,
    );
    print("export sqlite parquet zstd", parquet, "target", 350_000.0);
    for format in Format::ALL {
        memory(&path, format);
    }
    against_psql(&sqlite, folder, rows).await;
}

async fn against_psql(sqlite: &Db, folder: &Path, rows: u64) {
    let url = postgres::fresh_database().await;
    copy_over(sqlite, folder, &url, rows).await;
    let postgres = Db::open(&url).await.unwrap();
    let (mut ours, mut theirs) = (0.0_f64, 0.0_f64);
    for _ in 0..3 {
        ours = ours.max(export(&postgres, folder, Format::Csv, rows).await);
        let out = folder.join("reference");
        let copy = format!(
            "\\copy (select * from bench_rows) to '{}' csv header",
            out.display()
        );
        theirs = theirs.max(rate(rows, || psql(&url, &copy)));
    }
    print("export postgres csv", ours, "psql \\copy", theirs);
}

/// Rows a second from the statement to whole files, their hashes taken.
async fn export(db: &Db, folder: &Path, format: Format, rows: u64) -> f64 {
    let column = |(name, _, kind): &(&str, &str, Type)| Column::new(name, *kind);
    let plan = Plan {
        shape: Shape {
            format,
            compression: Compression::None,
            rows_per_file: 1_000_000,
            neutralise: false,
        },
        columns: COLUMNS.iter().map(column).collect(),
        folder: folder.to_owned(),
        part: "data".to_owned(),
        first: 0,
        key: 0,
        hidden: 0,
    };
    let scan = Scan {
        sql: "select * from bench_rows".to_owned(),
        ..Scan::default()
    };
    let watch = Stopwatch::start();
    let count = Count::default();
    let writer = Writer::new(plan, count.clone(), Box::new(drop));
    let writer = scan::run(db, scan, writer).await.unwrap();
    tokio::task::block_in_place(|| writer.finish()).unwrap();
    assert_eq!(count.get(), rows);
    rows as f64 / watch.elapsed().as_secs_f64()
}

fn rate(rows: u64, work: impl FnOnce()) -> f64 {
    let watch = Stopwatch::start();
    work();
    rows as f64 / watch.elapsed().as_secs_f64()
}

fn seed(path: &Path, rows: u64) {
    let mut connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch(&format!("pragma journal_mode = wal; {}", table()))
        .unwrap();
    let transaction = connection.transaction().unwrap();
    {
        let places = vec!["?"; COLUMNS.len()].join(", ");
        let sql = format!("insert into bench_rows values ({places})");
        let mut insert = transaction.prepare(&sql).unwrap();
        let mut random = Random::from_parts(&["bench"]);
        for n in 0..rows {
            insert
                .execute(rusqlite::params_from_iter(values(n as i64, &mut random)))
                .unwrap();
        }
    }
    transaction.commit().unwrap();
}

fn table() -> String {
    let columns: Vec<String> = COLUMNS
        .iter()
        .map(|(name, kind, _)| format!("{name} {kind}"))
        .collect();
    format!("create table bench_rows ({})", columns.join(", "))
}

fn values(n: i64, random: &mut Random) -> Vec<rusqlite::types::Value> {
    use rusqlite::types::Value;
    let mut draw = || (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let observation: Vec<String> = (0..12).map(|_| draw().to_string()).collect();
    let text = |text: String| Value::Text(text);
    COLUMNS
        .iter()
        .map(|(name, kind, _)| match (*name, *kind) {
            ("n", _) => Value::Integer(n),
            ("episode", _) => text(format!("BTC-moderate-{:08}", n / 12)),
            ("decision", _) => text(format!("01KE6Z0V1W3T5Q8R2M{n:08}")),
            ("at_ms", _) => Value::Integer(1_767_603_600_000 + n * 300_000),
            ("underlying", _) => text("BTC".to_owned()),
            ("profile", _) => text("moderate".to_owned()),
            ("split", _) => text("train".to_owned()),
            ("regime", _) => text("calm".to_owned()),
            ("action", _) => text("DO_NOTHING".to_owned()),
            ("instrument", _) if n % 3 > 0 => Value::Null,
            ("instrument", _) => text("BTC-30JAN26-100000-C".to_owned()),
            ("observation", _) => text(format!("[{}]", observation.join(","))),
            ("index_price", _) => Value::Real(90_000.0 + 1_000.0 * draw()),
            (_, "bigint") => Value::Integer(n % 12),
            (_, "boolean") => Value::Integer(n % 2),
            _ => Value::Real(draw() - 0.5),
        })
        .collect()
}

/// The same rows on Postgres, by the way of our own CSV.
async fn copy_over(sqlite: &Db, folder: &Path, url: &str, rows: u64) {
    psql(url, &table());
    let whole = "select n, episode, step, decision, at_ms, underlying, profile, split, regime, action, instrument, \
        observation, legal_actions, size_e8, fees_e8, fills, explored, terminated, truncated, index_price, iv, rv, \
        delta, gamma, theta, propensity, reward_coin, reward_usd, reward_versus_holding, discount from bench_rows";
    let plan = Plan {
        shape: Shape {
            format: Format::Csv,
            compression: Compression::None,
            rows_per_file: rows + 1,
            neutralise: false,
        },
        columns: COLUMNS
            .iter()
            .map(|(name, kind, _)| {
                Column::new(
                    name,
                    if *kind == "bigint" {
                        Type::Int
                    } else {
                        Type::Text
                    },
                )
            })
            .collect(),
        folder: folder.to_owned(),
        part: "copy".to_owned(),
        first: 0,
        key: 0,
        hidden: 0,
    };
    let scan = Scan {
        sql: whole.to_owned(),
        ..Scan::default()
    };
    let writer = Writer::new(plan, Count::default(), Box::new(drop));
    let writer = scan::run(sqlite, scan, writer).await.unwrap();
    tokio::task::block_in_place(|| writer.finish()).unwrap();
    let file = folder.join("copy-00000.csv");
    psql(
        url,
        &format!("\\copy bench_rows from '{}' csv header", file.display()),
    );
    psql(url, "vacuum analyze bench_rows");
}

fn psql(url: &str, sql: &str) {
    let mut command = Command::new("psql");
    command.args(["-q", "-v", "ON_ERROR_STOP=1", "-c", sql, url]);
    assert!(
        command.stdout(Stdio::null()).status().unwrap().success(),
        "{sql}"
    );
}

/// The most memory that a process held which did nothing but one export.
fn memory(path: &Path, format: Format) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .env(ALONE, path)
        .env("THETAQ_BENCH_FORMAT", format.as_str());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let megabytes: f64 = String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let bench = format!("export {} peak memory", format.as_str());
    let line = json!({"bench": bench, "value": megabytes, "unit": "MB", "reference": "limit",
                      "reference_value": 150.0, "ratio": megabytes / 150.0});
    println!("{line}");
}

/// One export, then the peak of this process's resident memory.
async fn alone(path: &Path, rows: u64) {
    let format = std::env::var("THETAQ_BENCH_FORMAT").unwrap();
    let format = Format::ALL.into_iter().find(|one| one.as_str() == format);
    let url = format!("sqlite://{}", path.display());
    let db = Db::open(&url).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    export(&db, folder.path(), format.unwrap(), rows).await;
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.unwrap().trim().trim_end_matches(" kB");
    println!("{}", peak.parse::<f64>().unwrap() / 1_000.0);
}

fn print(bench: &str, value: f64, reference: &str, reference_value: f64) {
    let ratio = value / reference_value;
    let line = json!({"bench": bench, "value": value, "unit": "rows/s", "reference": reference,
                      "reference_value": reference_value, "ratio": ratio});
    println!("{line}");
}
