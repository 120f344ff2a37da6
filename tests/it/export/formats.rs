//! Every kind and format: equal bytes on both engines, and what other readers find in them.

use super::{Desk, files, of_dataset, of_sql, paths};
use crate::support::dataset::seed;
use crate::support::{postgres, sqlite};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Read;
use thetaq::db::json::exact;

const ROWS: i64 = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn both_engines_give_the_same_bytes() {
    let (lite, server) = (sqlite().await, postgres().await);
    for test in [&lite, &server] {
        seed(&test.url, ROWS).await;
    }
    let (ours, theirs) = (Desk::over(&lite), Desk::over(&server));
    for (kind, format, more) in [
        ("transitions", "csv", json!({})),
        (
            "transitions",
            "jsonl",
            json!({"split": true, "rows_per_file": 300}),
        ),
        ("transitions", "parquet", json!({"split": true})),
        ("transitions", "jsonl", json!({"compression": "gzip"})),
        ("transitions", "csv", json!({"compression": "zstd"})),
        ("candidates", "csv", json!({"rows_per_file": 777})),
        ("candidates", "parquet", json!({})),
        ("chat", "jsonl", json!({})),
        ("preference", "jsonl", json!({})),
        ("preference", "parquet", json!({})),
    ] {
        let args = of_dataset(kind, format, more);
        let (first, second) = (
            ours.export(args.clone()).await,
            theirs.export(args.clone()).await,
        );
        assert_eq!(files(&first), files(&second), "{args}");
        let rows: i64 = files(&first).iter().map(|file| file.1).sum();
        match kind {
            "transitions" => assert_eq!(rows, ROWS),
            "candidates" => assert_eq!(rows, 2 * ROWS),
            // Steps that failed are nothing to learn from.
            "chat" => assert_eq!(rows, ROWS - 11),
            _ => assert!(rows > 100, "{rows}"),
        }
        assert_eq!(first["rows"], rows);
        for file in first["files"].as_array().unwrap() {
            let bytes = std::fs::read(file["path"].as_str().unwrap()).unwrap();
            assert_eq!(file["bytes"], bytes.len());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_has_the_same_bytes_on_both_engines() {
    let (lite, server) = (sqlite().await, postgres().await);
    let (ours, theirs) = (Desk::over(&lite), Desk::over(&server));
    for desk in [&ours, &theirs] {
        desk.ctx.open().await.unwrap();
    }
    // Expressions have no declared type on SQLite, sums of integers are numeric on Postgres.
    let sql = "select name, length(name) as letters, cast(0.1 as double precision) + cast(0.2 as double precision) as sum, sum(2) over () as total, speed, \
        null as empty, 'a,\"b\"' as odd from (select id as name, cast(0.1 as double precision) as speed from v_desks) x;";
    for format in ["csv", "jsonl", "parquet"] {
        let args = of_sql(sql, format);
        let (first, second) = (ours.run(args.clone()).await, theirs.run(args).await);
        let (first, second) = (first.result.unwrap(), second.result.unwrap());
        assert_eq!(first["rows"], 1, "{first}");
        let text = |report: &Value| std::fs::read(&paths(report)[0]).unwrap();
        if format != "parquet" {
            let (first, second) = (text(&first), text(&second));
            let (first, second) = (
                String::from_utf8(first).unwrap(),
                String::from_utf8(second).unwrap(),
            );
            assert_eq!(first, second);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_readers_find_every_value() {
    let test = sqlite().await;
    seed(&test.url, ROWS).await;
    let desk = Desk::over(&test);
    let json = desk
        .export(of_dataset("transitions", "jsonl", json!({})))
        .await;
    let text = std::fs::read_to_string(&paths(&json)[0]).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| exact(line).unwrap()).collect();
    let csv = desk
        .export(of_dataset("transitions", "csv", json!({})))
        .await;
    let mut csv = csv::Reader::from_path(&paths(&csv)[0]).unwrap();
    let names: Vec<String> = csv.headers().unwrap().iter().map(str::to_owned).collect();
    for (record, row) in csv.records().zip(&rows) {
        for (name, field) in names.iter().zip(&record.unwrap()) {
            let expect = match &row[name] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                other => other.to_string(),
            };
            assert_eq!(field, expect, "{name}");
        }
    }
    assert_eq!(rows.len() as i64, ROWS);
    assert_eq!(
        (&rows[0]["size"], &rows[1]["fees"]),
        (&json!(0.1), &json!(0.000_012_5))
    );
    let failed = &rows[5];
    assert!(
        failed["action"].is_null() && failed["reward_coin"].is_null(),
        "{failed}"
    );
    let expect = (500.0_f64 / 11.0).sin() / 1_000.0;
    assert_eq!(rows[500]["reward_coin"].as_f64(), Some(expect));
    let parquet = desk
        .export(of_dataset("transitions", "parquet", json!({})))
        .await;
    let file = File::open(&paths(&parquet)[0]).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let schema = format!("{:?}", reader.schema());
    assert!(
        schema.contains("Decimal128(18, 8)") && schema.contains("List("),
        "{schema}"
    );
    let read: usize = reader
        .build()
        .unwrap()
        .map(|batch| batch.unwrap().num_rows())
        .sum();
    assert_eq!(read as i64, ROWS);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_proves_and_the_card_explains() {
    let test = sqlite().await;
    seed(&test.url, 200).await;
    let desk = Desk::over(&test);
    let more = json!({"split": true, "compression": "gzip", "out": "july"});
    let report = desk.export(of_dataset("transitions", "jsonl", more)).await;
    let path = report["manifest"].as_str().unwrap();
    let manifest: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(manifest["rows"], 200);
    assert_eq!(
        manifest["feature_names"],
        json!(["index_usd", "iv", "dvol"])
    );
    assert_eq!(manifest["reward_definition"]["id"], "r1");
    assert_eq!(manifest["action_map"][1]["action"], "OPEN_COVERED_CALL");
    assert_eq!(
        (&manifest["config_hash"], &manifest["query"]["upto"]),
        (&json!("c0ffee"), &json!(199))
    );
    let units = manifest["schema"].as_array().unwrap().iter();
    let size = units
        .clone()
        .find(|column| column["name"] == "size")
        .unwrap();
    assert_eq!(
        (&size["unit"], &size["type"]),
        (&json!("coin"), &json!("e8"))
    );
    assert_eq!(manifest["files"].as_array().unwrap().len(), 3);
    let mut text = String::new();
    let gzip = flate2::read::GzDecoder::new(File::open(&paths(&report)[0]).unwrap());
    std::io::BufReader::new(gzip)
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text.lines().count(), 160);
    let card = std::fs::read_to_string(desk.folder.path().join("exports/july/README.md")).unwrap();
    assert!(
        card.starts_with("---\nconfigs:") && card.contains("path: train-*.jsonl.gz"),
        "{card}"
    );
    let left: Vec<_> = std::fs::read_dir(desk.folder.path().join("exports/july"))
        .unwrap()
        .collect();
    assert_eq!(left.len(), 5, "no temporary file is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn prompts_hold_what_was_known_and_answers_what_was_done() {
    let test = sqlite().await;
    seed(&test.url, 100).await;
    let desk = Desk::over(&test);
    let report = desk.export(of_dataset("chat", "jsonl", json!({}))).await;
    let text = std::fs::read_to_string(&paths(&report)[0]).unwrap();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let said = |at: usize| first["messages"][at]["content"].as_str().unwrap();
    let roles: Vec<&Value> = (0..3).map(|at| &first["messages"][at]["role"]).collect();
    assert_eq!(roles, ["system", "user", "assistant"]);
    assert!(
        said(1).contains("- iv: 0.5 fraction") && said(1).contains("dvol: not known"),
        "{}",
        said(1)
    );
    assert!(
        said(1).contains("Actions: DO_NOTHING, OPEN_COVERED_CALL")
            && said(1).contains("BTC-30JAN26-110000-C, dte 1,")
    );
    let answer: Value = serde_json::from_str(said(2)).unwrap();
    assert_eq!(
        answer,
        json!({"action": "OPEN_COVERED_CALL", "instrument": "BTC-30JAN26-100000-C", "size": 0.1})
    );
    for word in ["reward", "score", "chosen", "propensity"] {
        assert!(!said(1).contains(word), "{word}");
    }
    let report = desk
        .export(of_dataset("preference", "jsonl", json!({})))
        .await;
    let text = std::fs::read_to_string(&paths(&report)[0]).unwrap();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert!(first["chosen"].as_str().unwrap().contains("100000-C"));
    assert!(first["rejected"].as_str().unwrap().contains("110000-C"));
}
