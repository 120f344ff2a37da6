//! Python's loaders read our exports: Hugging Face `datasets`, minari, pyarrow, DuckDB.

use super::{Desk, of_dataset};
use crate::support::dataset::seed;
use crate::support::sqlite;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

const ROWS: i64 = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn loaders_of_data_sets_read_our_exports() {
    let Some(python) = python() else {
        return;
    };
    let test = sqlite().await;
    seed(&test.url, ROWS).await;
    let desk = Desk::over(&test);
    for (kind, format, more) in [
        ("transitions", "parquet", json!({"split": true})),
        ("transitions", "jsonl", json!({"split": true})),
        ("transitions", "csv", json!({})),
        ("chat", "jsonl", json!({})),
        ("preference", "jsonl", json!({"compression": "gzip"})),
    ] {
        let mut args = of_dataset(kind, format, more);
        args["out"] = if kind == "transitions" { format } else { kind }.into();
        desk.export(args).await;
    }
    let found = load(&python, desk.folder.path());
    let splits = json!({"train": 800, "validation": 100, "test": 100});
    let read = &found["datasets"];
    assert_eq!((&read["parquet"], &read["jsonl"]), (&splits, &splits));
    assert_eq!(read["parquet_observation"], json!([90_000.0, 0.5, null]));
    assert_eq!(read["parquet_observation"], read["jsonl_observation"]);
    assert_eq!(read["parquet_reward"], read["jsonl_reward"]);
    assert_eq!(read["roles"], json!(["system", "user", "assistant"]));
    assert_eq!(read["pair"], json!(["chosen", "prompt", "rejected"]));
    assert_eq!(found["arrow"]["rows"], ROWS);
    assert_eq!(found["arrow"]["size"], "decimal128(18, 8)");
    assert!(
        found["arrow"]["observation"]
            .as_str()
            .unwrap()
            .starts_with("list<")
    );
    let duck = &found["duckdb"];
    assert_eq!(duck["csv"], duck["parquet"], "{duck}");
    assert_eq!(
        (&duck["csv"][0], &duck["csv"][1]),
        (&json!(ROWS), &json!(ROWS - 11))
    );
    assert_eq!(duck["csv"][4], "the quotes were, \"stale\"");
    assert_eq!(found["minari"], json!({"episodes": 89, "steps": 890}));
}

/// The interpreter of the virtual environment; `None`, with the reason printed, where there can be none. CI
/// sets THETAQ_REQUIRE_LOADERS: there it must be.
fn python() -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/loaders/python");
    let made = Command::new(script).output().unwrap();
    if made.status.success() {
        return Some(String::from_utf8(made.stdout).unwrap().trim().to_owned());
    }
    let why = String::from_utf8_lossy(&made.stderr);
    let why = why
        .lines()
        .last()
        .unwrap_or("no reason was printed")
        .to_owned();
    let required = std::env::var_os("THETAQ_REQUIRE_LOADERS").is_some();
    assert!(!required, "Python's loaders are required here: {why}");
    eprintln!("skipped: Python's loaders cannot be installed: {why}");
    None
}

fn load(python: &str, folder: &Path) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/loaders/load.py");
    let (exports, work) = (folder.join("exports"), folder.join("work"));
    let loaded = Command::new(python)
        .args([script.as_path(), &exports, &work])
        .env("HF_HOME", &work)
        .env("HF_HUB_OFFLINE", "1")
        .env("MINARI_DATASETS_PATH", work.join("minari"))
        .output()
        .unwrap();
    assert!(
        loaded.status.success(),
        "{}",
        String::from_utf8_lossy(&loaded.stderr)
    );
    let text = String::from_utf8(loaded.stdout).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}
