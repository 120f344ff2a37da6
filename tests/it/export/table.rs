//! The rows of exports themselves, on both engines.

use crate::support::dataset::{DATASET, seed};
use crate::support::each_db;
use serde_json::{Value, json};
use thetaq::db::exports::{self, ExportFile, NewExport};
use thetaq::db::scan::{self, Column, Scan, Type};

fn file(n: i64, part: &str, rows: i64) -> ExportFile {
    ExportFile {
        n,
        part: part.to_owned(),
        path: format!("{part}-{n:05}.csv"),
        rows,
        bytes: rows * 10,
        sha256: "00".to_owned(),
        last_key: Some(format!("[{rows}]")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_and_its_files_read_back() {
    each_db(async |test| {
        let db = &test.db;
        let plan = json!({"sql": "select 1", "upto": 7});
        let new = NewExport {
            job: "j1",
            source: DATASET,
            kind: "transitions",
            format: "csv",
            folder: "/x/j1",
            plan: &plan,
            at_ms: 5,
        };
        let mut tx = db.begin().await.unwrap();
        exports::begin(&mut tx, &new).await.unwrap();
        for file in [
            file(0, "test", 3),
            file(0, "train", 9),
            file(1, "train", 4),
            file(1, "train", 5),
        ] {
            exports::file_done(&mut tx, "j1", &file, 6).await.unwrap();
        }
        exports::linted(&mut tx, "j1", &json!([1]), &json!([]), 17, 6)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let row = exports::of_job(db, "j1").await.unwrap().unwrap();
        assert_eq!(
            (row.state.as_str(), row.rows, row.bytes, row.rows_expected),
            ("running", 17, 170, 17)
        );
        assert_eq!(row.plan::<Value>().unwrap(), plan);
        assert_eq!(
            row.linted::<Value, Value>().unwrap(),
            Some((json!([1]), json!([])))
        );
        let files = exports::files(db, "j1").await.unwrap();
        assert_eq!(
            files,
            [file(0, "train", 9), file(1, "train", 5), file(0, "test", 3)]
        );
        assert_eq!(
            exports::owner_of(db, "/x/j1").await.unwrap().as_deref(),
            Some("j1")
        );
        assert_eq!(exports::owner_of(db, "/x").await.unwrap(), None);
        let mut tx = db.begin().await.unwrap();
        exports::forget_files(&mut tx, "j1", "train", 1)
            .await
            .unwrap();
        exports::end(&mut tx, "j1", "failed", Some("no space"), 8)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let ended = exports::of_job(db, "j1").await.unwrap().unwrap();
        assert_eq!(
            (
                ended.state.as_str(),
                ended.error.as_deref(),
                ended.finished_ms
            ),
            ("failed", Some("no space"), Some(8))
        );
        let mut tx = db.begin().await.unwrap();
        exports::resume(&mut tx, "j1", 9).await.unwrap();
        tx.commit().await.unwrap();
        let latest = exports::latest(db, 5).await.unwrap();
        assert_eq!(
            (
                latest.len(),
                latest[0].error.as_deref(),
                latest[0].finished_ms
            ),
            (1, None, None)
        );
        assert_eq!(exports::files(db, "j1").await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_describes_itself() {
    each_db(async |test| {
        assert_eq!(exports::dataset(&test.db, DATASET).await.unwrap(), None);
        assert_eq!(exports::last_row(&test.db, DATASET).await.unwrap(), -1);
        seed(&test.url, 12).await;
        let found = exports::dataset(&test.db, DATASET).await.unwrap().unwrap();
        assert_eq!(
            (&found["features"][1]["name"], &found["seed"]),
            (&json!("iv"), &json!("x"))
        );
        assert_eq!(exports::dataset_ids(&test.db, 5).await.unwrap(), [DATASET]);
        assert_eq!(exports::last_row(&test.db, DATASET).await.unwrap(), 11);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_knows_its_columns_without_running() {
    each_db(async |test| {
        let scan = Scan {
            sql: "select n, reward_usd, explored, error from training_rows where n > $1".to_owned(),
            parameters: vec![json!(3)],
            ..Scan::default()
        };
        let column = |name: &str, declared| Column {
            name: name.to_owned(),
            declared,
        };
        assert_eq!(
            scan::columns(&test.db, scan).await.unwrap(),
            [
                column("n", Type::Int),
                column("reward_usd", Type::Float),
                column("explored", Type::Bool),
                column("error", Type::Text)
            ]
        );
    })
    .await;
}
