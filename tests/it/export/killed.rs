//! `kill -9` in the middle of an export: it goes on, and its files are those of an undisturbed one.
//!
//! `THETAQ_EXPORT_ROWS=2000000 cargo test --test it -- export::killed` does it with more rows.

use super::{Desk, files, of_dataset, of_sql};
use crate::support::dataset::{DATASET, run, seed};
use crate::support::{TestDb, each_db, thetaq};
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};
use thetaq::clock::Stopwatch;
use thetaq::db::exports;
use thetaq::db::jobs::{self, Filter, JobRow};
use thetaq::jobs::{Options, enqueue};

/// Rows of the made-up dataset; [`multiply`] makes all of them.
const ROWS: i64 = 2_000;
/// All rows unless the environment says otherwise.
const DEFAULT: i64 = 300_000;
const FILES: i64 = 15;

fn rows() -> i64 {
    let asked = std::env::var("THETAQ_EXPORT_ROWS").ok();
    let rows = asked.map_or(DEFAULT, |text| {
        text.parse().expect("THETAQ_EXPORT_ROWS is a number")
    });
    // Whole files and whole copies.
    (rows / ROWS / FILES).max(1) * ROWS * FILES
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_export_goes_on_and_ends_as_an_undisturbed_one() {
    each_db(async |test| {
        let all = rows();
        let leave = json!({"allow": ["duplicate", "chain_across_splits"]});
        let more = json!({"rows_per_file": all / FILES, "lint": leave});
        let (desk, whole) = seeded(&test, all).await;
        let args = of_dataset("transitions", "csv", more);
        let undisturbed = desk.export(args.clone()).await;
        let (id, before) = killed(&desk, &test, args).await;
        // Rows that come later are no part of it.
        run(&test.url, &again("n + 100000000", "where n < 500")).await;
        let row = gone_on(&desk, &test, &id).await;
        let report = row.result.unwrap();
        assert_eq!(files(&report), files(&undisturbed));
        assert_eq!(report["rows"], whole);
        assert_eq!(
            times(&desk, &id, before.len()),
            before,
            "finished files are kept"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_export_of_a_query_says_that_it_starts_again_and_loses_nothing() {
    each_db(async |test| {
        let all = rows() / 4;
        let (desk, whole) = seeded(&test, all).await;
        let mut args = of_sql("select * from v_training order by n", "csv");
        args["rows_per_file"] = (all / FILES).into();
        let undisturbed = desk.export(args.clone()).await;
        let (id, before) = killed(&desk, &test, args).await;
        let row = gone_on(&desk, &test, &id).await;
        let report = row.result.unwrap();
        assert_eq!(files(&report), files(&undisturbed));
        assert_eq!(report["rows"], whole);
        assert_ne!(
            times(&desk, &id, before.len()),
            before,
            "every file is written again"
        );
        let said = jobs::events(&desk.ctx.db, &id).await.unwrap();
        let said: Vec<String> = said.into_iter().filter_map(|event| event.message).collect();
        assert!(
            said.iter()
                .any(|text| text.contains("read from its start again")),
            "{said:?}"
        );
    })
    .await;
}

/// The command itself ran the export, and no worker is alive: another command takes it over.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_command_goes_on_in_another_one() {
    each_db(async |test| {
        let all = rows() / 2;
        let (desk, _) = seeded(&test, all).await;
        let per_file = (all / FILES).to_string();
        let line = [
            "export",
            "--dataset",
            DATASET,
            "--format",
            "csv",
            "--rows-per-file",
            &per_file,
            "--allow",
            "duplicate",
            "--allow",
            "chain_across_splits",
        ];
        let undisturbed = said(&mut command(&desk, &test.url, &line));
        for verb in ["wait", "retry"] {
            let id = killed_command(&desk, &test, &line).await;
            let ran = command(&desk, &test.url, &["jobs", verb, &id, "--json"])
                .output()
                .unwrap();
            let told = String::from_utf8(ran.stderr).unwrap();
            assert!(ran.status.success(), "{verb}: {told}");
            for words in [
                "has been silent for",
                "is taken over when its lease ends in",
            ] {
                assert!(told.contains(words), "{verb}: {told}");
            }
            let row: Value = serde_json::from_slice(&ran.stdout).unwrap();
            assert_eq!(
                (&row["state"], &row["attempts"]),
                (&json!("succeeded"), &json!(2))
            );
            assert_eq!(files(&row["result"]), files(&undisturbed), "{verb}");
        }
    })
    .await;
}

/// An export whose own command was killed in its middle.
async fn killed_command(desk: &Desk, test: &TestDb, line: &[&str]) -> String {
    let mut child = command(desk, &test.url, line).spawn().unwrap();
    let id = until(async || {
        let rows = jobs::list(&desk.ctx.db, &Filter::default()).await.unwrap();
        let id = rows.into_iter().find(|row| row.state == "running")?.id;
        let files = exports::files(&desk.ctx.db, &id).await.unwrap();
        (files.len() >= 3).then_some(id)
    })
    .await;
    child.kill().unwrap();
    child.wait().unwrap();
    let row = jobs::get(&desk.ctx.db, &id).await.unwrap().unwrap();
    assert_eq!(row.state, "running", "it was killed in the middle");
    id
}

fn said(command: &mut Command) -> Value {
    let ran = command.arg("--json").output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    serde_json::from_slice(&ran.stdout).unwrap()
}

/// A desk over so many rows of the made-up dataset.
async fn seeded(test: &TestDb, rows: i64) -> (Desk, i64) {
    seed(&test.url, ROWS).await;
    multiply(&test.url, rows / ROWS).await;
    (Desk::over(test), rows / ROWS * ROWS)
}

/// An export that lost its worker when three files were whole, and when those were written.
async fn killed(desk: &Desk, test: &TestDb, args: Value) -> (String, Vec<SystemTime>) {
    let id = enqueued(desk, args).await;
    let mut worker = worker(desk, &test.url);
    until(async || {
        let files = exports::files(&desk.ctx.db, &id).await.unwrap();
        (files.len() >= 3).then_some(())
    })
    .await;
    worker.kill().unwrap();
    worker.wait().unwrap();
    let at_kill = exports::files(&desk.ctx.db, &id).await.unwrap();
    assert!(
        (at_kill.len() as i64) < FILES,
        "it was killed in the middle"
    );
    let before = times(desk, &id, 3);
    (id, before)
}

/// The job once another worker has ended it.
async fn gone_on(desk: &Desk, test: &TestDb, id: &str) -> JobRow {
    let mut second = worker(desk, &test.url);
    let row = until(async || {
        let row = jobs::get(&desk.ctx.db, id).await.unwrap().unwrap();
        row.is_finished().then_some(row)
    })
    .await;
    second.kill().unwrap();
    second.wait().unwrap();
    assert_eq!(row.state, "succeeded", "{:?}", row.error);
    assert!(row.attempt > 1, "another worker took it over");
    row
}

/// When the first files were written.
fn times(desk: &Desk, id: &str, count: usize) -> Vec<SystemTime> {
    let folder = desk.folder.path().join("exports").join(id);
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "csv"));
    paths.sort();
    let written = paths
        .iter()
        .map(|path| std::fs::metadata(path).unwrap().modified().unwrap());
    written.take(count).collect()
}

/// Rows again under another number, which [`multiply`] may make from a copy's.
fn again(n: &str, which: &str) -> String {
    format!(
        "insert into training_rows select dataset, {n}, underlying, profile, episode, step, decision, \
         chain, at_ms, split, price_source, regime, index_price, observation, legal_actions, proposed_action, \
         action, instrument, rolled_from, size_e8, propensity, explored, refusal, fills, fees_e8, reward_coin, \
         reward_usd, reward_versus_holding, next_at_ms, next_observation, terminated, truncated, discount, error \
         from training_rows {which}"
    )
}

/// The rows again under other numbers, so that there is a middle in which to kill.
async fn multiply(url: &str, copies: i64) {
    let counted = format!(
        "cross join (with recursive copies as (select 1 as copy union all select copy + 1 from copies \
         where copy + 1 < {copies}) select copy from copies) as copies"
    );
    run(url, &again(&format!("n + copy * {ROWS}"), &counted)).await;
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

/// `thetaq work` in the desk's folder.
fn worker(desk: &Desk, url: &str) -> Child {
    let mut command = command(desk, url, &["work", "--kinds", "export"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// `thetaq` in the desk's folder, with a lease that is soon over.
fn command(desk: &Desk, url: &str, line: &[&str]) -> Command {
    let dir = desk.folder.path().join("exports");
    let text = format!(
        "[queue]\nlease_ms = 2000\n[export]\ndir = \"{}\"",
        dir.display()
    );
    std::fs::write(desk.folder.path().join("workers.toml"), text).unwrap();
    let mut command: Command = thetaq();
    command
        .current_dir(desk.folder.path())
        .args(line)
        .args(["--database-url", url])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

async fn until<T>(look: impl AsyncFn() -> Option<T>) -> T {
    let watch = Stopwatch::start();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(
            watch.elapsed() < Duration::from_secs(120 + rows().unsigned_abs() / 2_000),
            "it takes too long"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
