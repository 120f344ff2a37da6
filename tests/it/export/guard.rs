//! A person's SQL in an export: the views and nothing else, one statement, and files only in their folder.

use super::{Desk, of_dataset, of_sql};
use crate::support::dataset::seed;
use crate::support::terminal::Terminal;
use crate::support::{each_db, sqlite};
use serde_json::{Value, json};
use thetaq::export::preview::preview;
use thetaq::export::reading::{Reading, WHOLE};
use thetaq::export::{Compression, Format, Kind, Shape};

#[tokio::test(flavor = "multi_thread")]
async fn attacks_are_refused() {
    each_db(async |test| {
        let desk = Desk::over(&test);
        for sql in [
            "select value from keys",
            "select hash from tokens",
            "with v_desks as (select * from keys) select * from v_desks",
            "select checkpoint from backtests",
            "select 1; select 2",
            "select 1; delete from jobs",
            "delete from jobs",
            "update desks set kill_switch = false returning id",
            "insert into keys values ('x', 'y', 1) returning name",
            "select 1) to stdout; drop table jobs; copy (select 1",
            "select 1) to program 'touch /tmp/thetaq-owned'; --",
            "pragma query_only = 0",
            "vacuum into '/tmp/thetaq-stolen.db'",
            "copy jobs to '/tmp/x'",
            "",
        ] {
            let error = desk.refused(of_sql(sql, "csv")).await;
            assert!(!error.is_empty(), "{sql}");
        }
        assert!(!std::path::Path::new("/tmp/thetaq-owned").exists());
        // A comment at the end is no attack.
        desk.export(of_sql("select id, state from v_jobs -- all of them", "csv"))
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_outside_the_export_folder() {
    let test = sqlite().await;
    seed(&test.url, 20).await;
    let desk = Desk::over(&test);
    let outside = desk.folder.path().join("elsewhere");
    for out in [
        "../elsewhere",
        outside.to_str().unwrap(),
        "/tmp/thetaq-outside",
        "a/../../elsewhere",
    ] {
        let args = of_dataset("transitions", "csv", json!({"out": out}));
        let error = desk.refused(args).await;
        assert!(error.contains("[export] dir"), "{error}");
    }
    assert!(!outside.exists());
    let here = Terminal::on(&test.url);
    let ran = here.run(&["export", "--dataset", "made-up", "--out", "../up"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.err.contains("--out ../up: exports are written inside"),
        "{}",
        ran.err
    );
    // Another export's files are not written over.
    let first = of_dataset("transitions", "csv", json!({"out": "one"}));
    desk.export(first.clone()).await;
    let error = desk.refused(first).await;
    assert!(error.contains("holds the files of export"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_wishes_are_told_before_anything_runs() {
    let test = sqlite().await;
    let here = Terminal::on(&test.url);
    for (line, words) in [
        (
            &[
                "export",
                "--dataset",
                "x",
                "--kind",
                "chat",
                "--format",
                "csv",
            ][..],
            "chat is jsonl",
        ),
        (
            &["export", "--sql", "select 1", "--kind", "chat"],
            "needs a dataset",
        ),
        (&["export"], "--dataset"),
        (
            &["export", "--dataset", "x", "--allow", "leaks"],
            "reward_in_prompt",
        ),
        (
            &[
                "export",
                "--dataset",
                "x",
                "--format",
                "parquet",
                "--compress",
                "gzip",
            ],
            "compressed inside",
        ),
    ] {
        let ran = here.run(line);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains(words), "{}", ran.err);
    }
    let ran = here.run(&["export", "--dataset", "nowhere"]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err
            .contains("there is no dataset nowhere; `thetaq train` makes one"),
        "{}",
        ran.err
    );
    let ran = here.run(&[
        "export",
        "--sql",
        "select a.id, b.id from v_jobs a, v_jobs b",
        "--format",
        "csv",
    ]);
    assert!(ran.err.contains("two columns are named id"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_get_one_document() {
    let test = sqlite().await;
    seed(&test.url, 100).await;
    let here = Terminal::on(&test.url);
    let document = here.json(&[
        "export",
        "--dataset",
        "made-up",
        "--format",
        "parquet",
        "--split",
        "--out",
        "x",
    ]);
    assert_eq!(
        (&document["kind"], &document["dataset"]),
        (&json!("transitions"), &json!("made-up"))
    );
    assert_eq!(
        (&document["format"], &document["rows"]),
        (&json!("parquet"), &json!(100))
    );
    let first = &document["files"][0];
    assert_eq!(first["sha256"].as_str().unwrap().len(), 64);
    assert!(
        first["path"]
            .as_str()
            .unwrap()
            .ends_with("data/exports/x/train-00000.parquet"),
        "{first}"
    );
    assert!(
        document["manifest"].is_string()
            && document["lint"].is_array()
            && document["job"].is_string()
    );
    let document: Value = here.json(&["export", "--query", "slow_jobs", "--format", "csv"]);
    assert_eq!(
        (&document["kind"], &document["dataset"]),
        (&json!("rows"), &Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_shows_what_would_come() {
    each_db(async |test| {
        seed(&test.url, 100).await;
        let shape = Shape {
            format: Format::Jsonl,
            compression: Compression::None,
            rows_per_file: 1_000,
            neutralise: false,
        };
        for (kind, rows) in [
            (Kind::Transitions, 100),
            (Kind::Candidates, 200),
            (Kind::Chat, 99),
        ] {
            let reading = Reading::dataset(&test.db, "made-up", kind)
                .await
                .unwrap()
                .unwrap();
            let shown = preview(&test.db, &reading, WHOLE, &shape, 3).await.unwrap();
            assert_eq!((shown.rows, shown.first.len()), (rows, 3), "{kind:?}");
            assert!(
                shown.bytes_estimate > rows * 50 && !shown.columns.is_empty(),
                "{shown:?}"
            );
        }
        let reading = Reading::query("sql", "select id, 1.5 as x from v_desks", Vec::new());
        let shown = preview(&test.db, &reading, WHOLE, &shape, 3).await.unwrap();
        assert_eq!((shown.rows, shown.columns.len()), (0, 2));
    })
    .await;
}
