//! The `sweep` job with real workers: parts shared by processes, killed, stopped and taken up again.

use super::{DAY_MS, FROM_MS, chains_alone, record};
use crate::support::process::Process;
use crate::support::queue::{Desk, on_each_engine};
use crate::support::sqlite;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use thetaq::backtest::sweep::{Axis, Currency, Plan, WalkForwardDays, try_one};
use thetaq::backtest::synthetic;
use thetaq::config::Config;
use thetaq::db::sweeps::{self, SweepRow};
use thetaq::db::{jobs, jobs_control};
use thetaq::domain::coin::Coin;
use thetaq::jobs::sweep::Sweep;
use thetaq::jobs::{Options, enqueue};

const KINDS: &str = "sweep,sweep_part";

fn plan(axes: &[&str]) -> Plan {
    Plan {
        axes: axes.iter().map(|text| Axis::parse(text).unwrap()).collect(),
        ..Plan::default()
    }
}

/// 62 settings over 30 days of a synthetic market.
fn sweep() -> Sweep {
    let settings = json!({
        "from_ms": FROM_MS, "to_ms": FROM_MS + 30 * DAY_MS, "score_min": 0, "ivrv_min": 0, "interval_ms": DAY_MS / 4,
    });
    Sweep {
        source: "synthetic".to_owned(),
        settings: settings.as_object().unwrap().clone(),
        market_seed: Some("sweep".to_owned()),
        plan: plan(&["delta_target=0.1..0.4/0.01", "take_profit=0.5,0.8"]),
        currency: Currency::Usd,
        walk_forward: Some(WalkForwardDays {
            train_days: 10,
            test_days: 5,
            gap_days: 1,
            anchored: true,
        }),
    }
}

async fn put(desk: &Desk, job: &Sweep) -> String {
    let mut tx = desk.ctx.db.begin().await.unwrap();
    let enqueued = enqueue(&mut tx, &desk.ctx, job, Options::default())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    enqueued.id
}

fn worker(desk: &Desk, folder: &Path, kinds: &str) -> Process {
    std::fs::write(folder.join("workers.toml"), "[queue]\nlease_ms = 1500\n").unwrap();
    Process::thetaq_work(desk, folder, kinds)
}

/// Waits until the sweep of a job is as wanted.
async fn when(desk: &Desk, job: &str, wanted: impl Fn(&SweepRow) -> bool) -> SweepRow {
    for _ in 0..2_400 {
        let row = sweeps::of_job(&desk.ctx.db, job).await.unwrap();
        if let Some(row) = row.filter(&wanted) {
            return row;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!(
        "waited for a minute: {:?}",
        sweeps::of_job(&desk.ctx.db, job).await
    );
}

/// Everything but ids, the job and times.
async fn result(desk: &Desk, id: &str) -> Value {
    let mut document = sweeps::document(&desk.ctx.db, id, 1_000)
        .await
        .unwrap()
        .unwrap();
    for key in ["id", "job"] {
        document.as_object_mut().unwrap().remove(key);
    }
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_is_shared_by_processes_and_a_killed_one_ends_with_the_same_rows() {
    on_each_engine(async |desk: Desk| {
        let folder = tempfile::tempdir().unwrap();
        let job = put(&desk, &sweep()).await;
        let (first, second) = (
            worker(&desk, folder.path(), KINDS),
            worker(&desk, folder.path(), KINDS),
        );
        when(&desk, &job, |row| row.runs_done >= 10).await;
        first.signal("KILL");
        let done = desk.finished(&job).await;
        assert_eq!(done.state, "succeeded", "{done:?}");
        drop((first, second));
        let row = sweeps::of_job(&desk.ctx.db, &job).await.unwrap().unwrap();
        assert_eq!((row.runs, row.runs_done, row.runs_failed), (62, 62, 0));
        let parts = jobs::children(&desk.ctx.db, &job).await.unwrap();
        assert_eq!(parts.len(), 7);

        // Each run is what the same settings come to alone.
        let data = synthetic(
            "sweep",
            Coin::Btc,
            FROM_MS,
            FROM_MS + 30 * DAY_MS,
            DAY_MS / 4,
        );
        let asked = sweep();
        let trials = asked.plan.trials(&asked.settings).unwrap();
        let stored = sweeps::tried(&desk.ctx.db, &row.id).await.unwrap();
        assert_eq!(stored.len(), trials.points.len());
        for ((n, stored), trial) in stored.iter().zip(&trials.points).step_by(9) {
            assert_eq!(stored, &try_one(&data, &trial.setup).unwrap(), "run {n}");
        }

        // An undisturbed sweep of the same plan has the same document.
        let again = put(&desk, &sweep()).await;
        let _worker = worker(&desk, folder.path(), KINDS);
        assert_eq!(desk.finished(&again).await.state, "succeeded");
        let other = sweeps::of_job(&desk.ctx.db, &again).await.unwrap().unwrap();
        let (ours, theirs) = (result(&desk, &row.id).await, result(&desk, &other.id).await);
        assert_eq!(ours, theirs);
        let places: BTreeSet<i64> = ours["best"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| run["place"].as_i64().unwrap())
            .collect();
        assert_eq!(places, (1..=62).collect());
        let statistics = &ours["statistics"];
        for name in ["deflated_sharpe", "overfit_probability", "loss_probability"] {
            assert!(
                (0.0..=1.0).contains(&statistics[name].as_f64().unwrap()),
                "{name}: {statistics}"
            );
        }
        assert_eq!(
            statistics["walk_forward"]["windows"]
                .as_array()
                .unwrap()
                .len(),
            4
        );
        assert!(
            statistics["best"][0]["return_coin"]["low"].is_number(),
            "{statistics}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_sweep_keeps_its_runs_and_goes_on_when_retried() {
    let desk = Desk::of(sqlite().await);
    let folder = tempfile::tempdir().unwrap();
    // Work enough that some of it is left when the request arrives.
    let long = Sweep {
        plan: plan(&["delta_target=0.1..0.4/0.01", "take_profit=0.5..0.95/0.05"]),
        ..sweep()
    };
    let job = put(&desk, &long).await;
    let _worker = worker(&desk, folder.path(), KINDS);
    when(&desk, &job, |row| row.runs_done >= 10).await;
    desk.cancel(&job).await;
    desk.in_state(&job, "cancelled").await;
    let row = sweeps::of_job(&desk.ctx.db, &job).await.unwrap().unwrap();
    assert_eq!(row.state, "stopped");
    assert!(row.runs_done < row.runs, "it was stopped on the way");
    let mut tx = desk.ctx.db.begin().await.unwrap();
    assert!(
        jobs_control::retry(&mut tx, &desk.ctx.clock, &job)
            .await
            .unwrap()
    );
    tx.commit().await.unwrap();
    assert_eq!(desk.finished(&job).await.state, "succeeded");
    let row = sweeps::of_job(&desk.ctx.db, &job).await.unwrap().unwrap();
    assert_eq!((row.state.as_str(), row.runs_done), ("done", 310));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_is_of_one_market_and_says_when_it_changed() {
    let test = sqlite().await;
    record(&test, 3).await;
    let desk = Desk::over(test.db.clone(), &test.url, Config::default());
    let folder = tempfile::tempdir().unwrap();
    let asked = Sweep {
        source: "recorded".to_owned(),
        settings: json!({"score_min": 0, "ivrv_min": 0})
            .as_object()
            .unwrap()
            .clone(),
        walk_forward: None,
        ..sweep()
    };
    let job = put(&desk, &asked).await;
    let parent = worker(&desk, folder.path(), "sweep");
    when(&desk, &job, |_| true).await;
    drop(parent);
    chains_alone(&test, 4).await;
    let _worker = worker(&desk, folder.path(), KINDS);
    let done = desk.finished(&job).await;
    assert_eq!(done.state, "discarded");
    let error = done.error.unwrap();
    assert!(
        error.contains("changed since sweep") && error.contains("retry"),
        "{error}"
    );
    let row = sweeps::of_job(&desk.ctx.db, &job).await.unwrap().unwrap();
    assert_eq!((row.state.as_str(), row.runs_done), ("failed", 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_cannot_be_is_refused_before_any_work() {
    let desk = Desk::of(sqlite().await);
    let folder = tempfile::tempdir().unwrap();
    let long = Sweep {
        walk_forward: Some(WalkForwardDays {
            train_days: 60,
            test_days: 20,
            gap_days: 0,
            anchored: false,
        }),
        ..sweep()
    };
    let (crossed, long) = (
        put(
            &desk,
            &Sweep {
                plan: plan(&["delta_min=0.5"]),
                ..sweep()
            },
        )
        .await,
        put(&desk, &long).await,
    );
    let _worker = worker(&desk, folder.path(), KINDS);
    let error = async |id: &str| desk.finished(id).await.error.unwrap();
    let found = error(&crossed).await;
    assert!(
        found.contains("delta_min: 0.5 is above delta_max"),
        "{found}"
    );
    let found = error(&long).await;
    assert!(
        found.contains("walk_forward: ") && found.contains("the data have 31"),
        "{found}"
    );
}
