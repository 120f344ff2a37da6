//! Jobs that a person pauses: stored and let go of by a real process, taken up by another, on both engines.

use crate::support::process::Process;
use crate::support::queue::{Desk, Probe, on_each_engine};
use serde_json::json;
use std::time::Duration;
use thetaq::clock::Stopwatch;
use thetaq::db::backtests;
use thetaq::db::jobs::JobRow;
use thetaq::jobs::backtest::Backtest;
use thetaq::jobs::pause::{pause, resume};
use thetaq::jobs::{Options, enqueue, registry};

/// 2026-01-05 09:00 UTC.
const FROM_MS: i64 = 1_767_603_600_000;
const DAY_MS: i64 = 86_400_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_run_outlives_its_process_and_ends_with_the_rows_of_an_undisturbed_one() {
    on_each_engine(async |desk: Desk| {
        let folder = tempfile::tempdir().unwrap();
        let id = put(&desk).await;
        let first = Process::thetaq_work(&desk, folder.path(), "backtest");
        under_way(&desk, &id).await;
        let asked = pause_now(&desk, &id).await.unwrap();
        assert!(asked.state == "running" && asked.pause_requested);
        let row = desk.in_state(&id, "paused").await;
        assert!(row.lease_until_ms.is_none() && row.finished_ms.is_none() && row.progress > 0.0);
        assert_eq!(
            row.max_attempts - row.attempt,
            3,
            "the attempt does not count"
        );
        drop(first);
        let kept = backtests::of_job(&desk.ctx.db, &id).await.unwrap().unwrap();
        assert!(0 < kept.steps_done && kept.steps_done < kept.steps);

        let _heir = Process::thetaq_work(&desk, folder.path(), "backtest");
        let other = put(&desk).await;
        assert_eq!(desk.finished(&other).await.state, "succeeded");
        assert_eq!(desk.in_state(&id, "paused").await, row);
        resume_now(&desk, &id).await.unwrap();
        let row = desk.finished(&id).await;
        assert_eq!((row.state.as_str(), row.attempt), ("succeeded", 2));
        assert!(rows(&desk, &id).await == rows(&desk, &other).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stores_nothing_is_not_paused_while_it_runs_and_what_waits_is_at_once() {
    on_each_engine(async |desk: Desk| {
        let id = desk.enqueue(Probe::new("wait"), Options::default()).await;
        let held = pause_now(&desk, &id).await.unwrap();
        assert_eq!(
            (held.state.as_str(), held.pause_requested),
            ("paused", false)
        );
        let _worker = Process::worker(&desk);
        let cancelled = desk.enqueue(Probe::new("wait"), Options::default()).await;
        desk.in_state(&cancelled, "running").await;
        assert_eq!(desk.in_state(&id, "paused").await, held);
        resume_now(&desk, &id).await.unwrap();
        desk.in_state(&id, "running").await;
        let error = pause_now(&desk, &id).await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("a probe job cannot be paused while it runs"),
            "{error}"
        );
        let error = resume_now(&desk, &id).await.unwrap_err();
        assert!(error.to_string().contains("only a paused job"), "{error}");
        desk.cancel(&id).await;
        desk.cancel(&cancelled).await;
        assert_eq!(desk.finished(&id).await.state, "cancelled");
        let waiting = desk.enqueue(Probe::new("nap"), Options::default()).await;
        desk.finished(&waiting).await;
        let error = pause_now(&desk, &waiting).await.unwrap_err();
        assert!(
            error.to_string().contains("the job is succeeded"),
            "{error}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_job_is_cancelled_at_once() {
    on_each_engine(async |desk: Desk| {
        let id = desk.enqueue(Probe::new("nap"), Options::default()).await;
        pause_now(&desk, &id).await.unwrap();
        desk.cancel(&id).await;
        let row = desk.finished(&id).await;
        assert_eq!((row.state.as_str(), row.attempt), ("cancelled", 0));
        let error = resume_now(&desk, &id).await.unwrap_err();
        assert!(
            error.to_string().contains("the job is cancelled"),
            "{error}"
        );
    })
    .await;
}

/// Three synthetic days, a decision every ten minutes, a checkpoint after each.
async fn put(desk: &Desk) -> String {
    let run = Backtest {
        source: "synthetic".to_owned(),
        settings: json!({
            "from_ms": FROM_MS, "to_ms": FROM_MS + 3 * DAY_MS, "interval_ms": DAY_MS / 144,
            "score_min": 0, "ivrv_min": 0,
        }),
        market_seed: Some("pause".to_owned()),
        checkpoint_steps: Some(1),
    };
    let mut tx = desk.ctx.db.begin().await.unwrap();
    let options = Options::default();
    let done = enqueue(&mut tx, &desk.ctx, &run, options).await.unwrap();
    tx.commit().await.unwrap();
    done.id
}

async fn under_way(desk: &Desk, id: &str) {
    let watch = Stopwatch::start();
    loop {
        let row = backtests::of_job(&desk.ctx.db, id).await.unwrap();
        if row.is_some_and(|row| row.steps_done > 3) {
            return;
        }
        assert!(
            watch.elapsed() < Duration::from_mins(1),
            "no step was taken"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn pause_now(desk: &Desk, id: &str) -> anyhow::Result<JobRow> {
    let kinds = registry::all().register::<Probe>();
    let mut tx = desk.ctx.db.begin().await?;
    let row = pause(&mut tx, &desk.ctx.clock, &kinds, id).await?;
    tx.commit().await?;
    Ok(row)
}

async fn resume_now(desk: &Desk, id: &str) -> anyhow::Result<JobRow> {
    let mut tx = desk.ctx.db.begin().await?;
    let row = resume(&mut tx, &desk.ctx.clock, id).await?;
    tx.commit().await?;
    Ok(row)
}

/// What a run has written, without its name.
async fn rows(desk: &Desk, job: &str) -> Vec<String> {
    let db = &desk.ctx.db;
    let run = backtests::of_job(db, job).await.unwrap().unwrap();
    let equity = backtests::equity(db, &run.id).await.unwrap();
    let decisions = backtests::decisions(db, &run.id).await.unwrap();
    let equity = equity.iter().map(|row| format!("{row:?}"));
    let all = equity.chain(decisions.iter().map(|row| format!("{row:?}")));
    all.map(|line| line.replace(&run.id, "")).collect()
}
