//! `kill -9` in the middle of an export: it goes on, and its files are those of an undisturbed one.

use super::{Desk, files, of_dataset};
use crate::support::dataset::{run, seed};
use crate::support::sqlite;
use crate::support::thetaq;
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use thetaq::clock::Stopwatch;
use thetaq::db::{exports, jobs};
use thetaq::jobs::{Options, enqueue};

/// Rows of the made-up dataset, times [`COPIES`] by a statement.
const ROWS: i64 = 2_000;
const COPIES: i64 = 150;
const PER_FILE: i64 = 20_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_export_goes_on_and_ends_as_an_undisturbed_one() {
    let test = sqlite().await;
    seed(&test.url, ROWS).await;
    multiply(&test.url).await;
    let desk = Desk::over(&test);
    let args = of_dataset(
        "transitions",
        "csv",
        json!({"rows_per_file": PER_FILE, "lint": {"allow": ["duplicate", "chain_across_splits"]}}),
    );
    let undisturbed = desk.export(args.clone()).await;
    let id = enqueued(&desk, args).await;
    let mut killed = worker(&desk, &test.url);
    let noted = until(async || {
        let files = exports::files(&desk.ctx.db, &id).await.unwrap();
        (files.len() >= 3).then_some(files)
    })
    .await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    let at_kill = exports::files(&desk.ctx.db, &id).await.unwrap();
    assert!(at_kill.len() < 15, "it was killed in the middle");
    let times = |noted: &[exports::ExportFile]| -> Vec<_> {
        let folder = desk.folder.path().join("exports").join(&id);
        let time = |file: &exports::ExportFile| {
            std::fs::metadata(folder.join(&file.path))
                .unwrap()
                .modified()
                .unwrap()
        };
        noted.iter().map(time).collect()
    };
    let before = times(&noted);
    // Rows that come later are no part of it.
    run(&test.url, "insert into training_rows select dataset, n + 1000000, underlying, profile, episode, step, decision, \
        chain, at_ms, split, price_source, regime, index_price, observation, legal_actions, proposed_action, action, \
        instrument, rolled_from, size_e8, propensity, explored, refusal, fills, fees_e8, reward_coin, reward_usd, \
        reward_versus_holding, next_at_ms, next_observation, terminated, truncated, discount, error \
        from training_rows where n < 500").await;
    let mut second = worker(&desk, &test.url);
    let row = until(async || {
        let row = jobs::get(&desk.ctx.db, &id).await.unwrap().unwrap();
        row.is_finished().then_some(row)
    })
    .await;
    second.kill().unwrap();
    second.wait().unwrap();
    assert_eq!(row.state, "succeeded", "{:?}", row.error);
    assert!(row.attempt > 1, "another worker took it over");
    let report = row.result.unwrap();
    assert_eq!(files(&report), files(&undisturbed));
    assert_eq!(report["rows"], ROWS * COPIES);
    assert_eq!(times(&noted), before, "finished files are kept");
}

/// The rows again under other numbers, so that there is a middle in which to kill.
async fn multiply(url: &str) {
    let sql = format!(
        "with recursive copies as (select 1 as copy union all select copy + 1 from copies where copy + 1 < {COPIES}) \
         insert into training_rows select dataset, n + copy * {ROWS}, underlying, profile, episode, step, decision, \
         chain, at_ms, split, price_source, regime, index_price + copy, observation, legal_actions, proposed_action, \
         action, instrument, rolled_from, size_e8, propensity, explored, refusal, fills, fees_e8, reward_coin, \
         reward_usd, reward_versus_holding, next_at_ms, next_observation, terminated, truncated, discount, error \
         from training_rows, copies"
    );
    run(url, &sql).await;
}

async fn enqueued(desk: &Desk, args: Value) -> String {
    let job: thetaq::jobs::export::Export = serde_json::from_value(args).unwrap();
    let mut tx = desk.ctx.db.begin().await.unwrap();
    let made = enqueue(&mut tx, &desk.ctx, &job, Options::default())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    made.id
}

/// `thetaq work` in the desk's folder, with a lease that is soon over.
fn worker(desk: &Desk, url: &str) -> Child {
    let dir = desk.folder.path().join("exports");
    let text = format!(
        "[queue]\nlease_ms = 2000\n[export]\ndir = \"{}\"",
        dir.display()
    );
    std::fs::write(desk.folder.path().join("workers.toml"), text).unwrap();
    let mut command: Command = thetaq();
    command
        .current_dir(desk.folder.path())
        .args(["work", "--kinds", "export", "--database-url", url])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().unwrap()
}

async fn until<T>(look: impl AsyncFn() -> Option<T>) -> T {
    let watch = Stopwatch::start();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(
            watch.elapsed() < Duration::from_mins(2),
            "it takes too long"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
