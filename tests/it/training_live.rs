//! Rows collected with the ticks of a desk: those of a walk over the same market, whatever fails or dies in
//! between, and refused where orders are sent.

use crate::support::{TestDb, each_db, sqlite};
use serde_json::{Value, json};
use std::sync::Arc;
use thetaq::clock::{Clock, Time};
use thetaq::config::Config;
use thetaq::ctx::Ctx;
use thetaq::db::jobs::JobRow;
use thetaq::db::training::{self, DatasetRow, TrainingRow};
use thetaq::db::{desks, jobs, leases};
use thetaq::domain::coin::Coin;
use thetaq::jobs::collect::Collect;
use thetaq::jobs::drain::{Advance, run_next, run_until_idle};
use thetaq::jobs::tick::Tick;
use thetaq::jobs::train::Train;
use thetaq::jobs::{Job, Options, enqueue, registry};

/// 2026-01-05 09:00 UTC.
const START_MS: i64 = 1_767_603_600_000;
const HOUR_MS: i64 = 3_600_000;
const STEP_MS: i64 = 6 * HOUR_MS;
const STEPS: i64 = 30;
/// Their bands do not overlap, and every market has calls in them.
const OWN: &str = "[exchange]\nseed = \"live\"\n[desk]\nopen_interest_min = 0\n\
    [profiles.bold]\ntarget_delta = 0.5\ndelta_min = 0.4\ndelta_max = 0.6\ndte_min = 1\ndte_max = 4\n\
    [profiles.nowhere]\ntarget_delta = 0.3\ndelta_min = 0.3\ndelta_max = 0.3\ndte_min = 800\ndte_max = 900\n";

async fn desk(test: &TestDb, name: &str, text: &str) -> Ctx {
    let clock = Clock::manual(START_MS - 1_000, &["live", name]);
    let config = Arc::new(Config::parse(text, "test").unwrap());
    let ctx = Ctx::with_clock(test.db.another_process(), name, clock, config);
    ctx.open().await.unwrap();
    ctx
}

async fn put<J: Job>(ctx: &Ctx, job: &J) -> String {
    let mut tx = ctx.db.begin().await.unwrap();
    let enqueued = enqueue(&mut tx, ctx, job, Options::default());
    let id = enqueued.await.unwrap().id;
    tx.commit().await.unwrap();
    id
}

async fn run<J: Job>(ctx: &Ctx, job: &J) -> JobRow {
    let id = put(ctx, job).await;
    run_until_idle(ctx, &registry::all(), Advance::Stay)
        .await
        .unwrap();
    jobs::get(&ctx.db, &id).await.unwrap().unwrap()
}

fn train(change: &Value) -> Train {
    let mut job = json!({
        "source": "live", "profiles": ["conservative", "moderate", "bold", "nowhere"],
        "settings": {"explore_prob": 0.5, "open_interest_min": 0, "exit": "hold_to_expiry"},
    });
    for (key, value) in change.as_object().unwrap() {
        job[key] = value.clone();
    }
    serde_json::from_value(job).unwrap()
}

async fn begin(ctx: &Ctx) -> String {
    let job = run(ctx, &train(&json!({}))).await;
    assert_eq!(job.state, "succeeded", "{job:?}");
    job.result.unwrap()["dataset"].as_str().unwrap().to_owned()
}

async fn stop(ctx: &Ctx, dataset: &str) -> JobRow {
    let dataset = dataset.to_owned();
    run(
        ctx,
        &Collect {
            dataset,
            stop: true,
        },
    )
    .await
}

/// Moves the desk to a step and decides for both coins there.
async fn ticks(ctx: &Ctx, step: i64) {
    let now_ms = START_MS + step * STEP_MS;
    ctx.clock.set(Time::Manual { now_ms });
    for underlying in Coin::ALL {
        let tick = Tick {
            underlying,
            as_of_ms: Some(now_ms),
        };
        put(ctx, &tick).await;
    }
    run_until_idle(ctx, &registry::all(), Advance::Stay)
        .await
        .unwrap();
}

async fn dataset(ctx: &Ctx, id: &str) -> DatasetRow {
    training::get(&ctx.db, id).await.unwrap().unwrap()
}

async fn rows(ctx: &Ctx, id: &str) -> Vec<TrainingRow> {
    let rows = training::page(&ctx.db, id, 0, 1_000_000).await.unwrap();
    assert_eq!(rows.len() as i64, dataset(ctx, id).await.rows);
    rows
}

/// Rows and calls by coin and profile, in their order, without their numbers and the name of the dataset.
async fn shown(ctx: &Ctx, id: &str) -> Vec<String> {
    let calls = training::candidates(&ctx.db, id, 0, i64::MAX)
        .await
        .unwrap();
    let mut shown = Vec::new();
    for mut row in rows(ctx, id).await {
        let of_row = calls.iter().filter(|call| call.step_n == row.n);
        let of_row = of_row.map(|call| {
            let mut call = call.clone();
            (call.dataset, call.step_n) = (String::new(), 0);
            call
        });
        let of_row: Vec<_> = of_row.collect();
        (row.dataset, row.n) = (String::new(), 0);
        let key = (row.underlying.clone(), row.profile.clone());
        shown.push((key, row.at_ms, format!("{row:?} {of_row:?}")));
    }
    shown.sort_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
    shown.into_iter().map(|(_, _, text)| text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ticks_leave_the_rows_of_a_walk_over_the_same_market() {
    each_db(async |test| {
        let ctx = desk(&test, "walked", OWN).await;
        let id = begin(&ctx).await;
        for step in 0..STEPS {
            ticks(&ctx, step).await;
            let stored = rows(&ctx, &id).await.len() as i64;
            assert_eq!(stored, 2 * 4 * step, "a row is there once the next step is");
        }
        let ended = stop(&ctx, &id).await;
        assert_eq!(ended.state, "succeeded", "{ended:?}");
        let row = dataset(&ctx, &id).await;
        assert_eq!((row.state.as_str(), row.steps_done), ("done", 2 * STEPS));
        assert_eq!(row.to_ms, START_MS + (STEPS - 1) * STEP_MS);
        let walk = json!({
            "source": "synthetic", "market_seed": "live", "train_share": 1, "validation_share": 0,
            "settings": {
                "explore_prob": 0.5, "open_interest_min": 0, "exit": "hold_to_expiry", "from_ms": START_MS,
                "to_ms": START_MS + (STEPS - 1) * STEP_MS, "interval_ms": STEP_MS,
            },
        });
        let walked = run(&ctx, &train(&walk)).await.result.unwrap();
        let walked = shown(&ctx, walked["dataset"].as_str().unwrap()).await;
        let collected = shown(&ctx, &id).await;
        assert_eq!(collected.len() as i64, 2 * 4 * STEPS);
        for (ours, theirs) in collected.iter().zip(&walked) {
            assert_eq!(ours, theirs);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_loses_no_tick_and_doubles_none() {
    each_db(async |test| {
        let whole = desk(&test, "whole", OWN).await;
        let id = begin(&whole).await;
        for step in 0..6 {
            ticks(&whole, step).await;
        }
        stop(&whole, &id).await;
        let expect = shown(&whole, &id).await;
        for statements in [2, 6, 10, 14, 18, 22] {
            let name = format!("killed-{statements}");
            let first = desk(&test, &name, OWN).await;
            let id = begin(&first).await;
            for step in 0..3 {
                ticks(&first, step).await;
            }
            let now_ms = START_MS + 3 * STEP_MS;
            first.clock.set(Time::Manual { now_ms });
            for underlying in Coin::ALL {
                let as_of_ms = Some(now_ms);
                put(
                    &first,
                    &Tick {
                        underlying,
                        as_of_ms,
                    },
                )
                .await;
            }
            first.db.tripwire().arm(statements);
            while let Ok(true) = run_next(&first, &registry::all()).await {}
            let second = Ctx {
                db: first.db.another_process(),
                ..first
            };
            let later_ms = now_ms + 60_000;
            leases::recover(&second.db, &name, later_ms).await.unwrap();
            run_until_idle(&second, &registry::all(), Advance::Until(later_ms))
                .await
                .unwrap();
            for step in 4..6 {
                ticks(&second, step).await;
            }
            stop(&second, &id).await;
            assert!(
                shown(&second, &id).await == expect,
                "killed at {statements}"
            );
        }
    })
    .await;
}
