//! Datasets as jobs make them: the same rows on both engines, killed at any statement, stopped and resumed,
//! and judged by another policy.

use crate::backtest::{FROM_MS, record};
use crate::support::terminal::Terminal;
use crate::support::{TestDb, each_db, sqlite};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use thetaq::clock::{Clock, Time};
use thetaq::config::Config;
use thetaq::ctx::Ctx;
use thetaq::db::{jobs, jobs_control, leases, training};
use thetaq::jobs::drain::{Advance, run_next, run_until_idle};
use thetaq::jobs::evaluate::Evaluate;
use thetaq::jobs::train::Train;
use thetaq::jobs::{Job, Options, enqueue, registry, run_inline};

const DAY_MS: i64 = 86_400_000;
const OWN: &str = "[profiles.bold]\ntarget_delta = 0.5\ndelta_min = 0.45\ndelta_max = 0.6\ndte_min = 1\ndte_max = 4\n";

async fn desk(test: &TestDb, name: &str) -> Ctx {
    let clock = Clock::manual(FROM_MS, &["training", name]);
    let config = Arc::new(Config::parse(OWN, "test").unwrap());
    let ctx = Ctx::with_clock(test.db.another_process(), name, clock, config);
    ctx.open().await.unwrap();
    ctx
}

async fn put<J: Job>(ctx: &Ctx, job: &J) -> String {
    let mut tx = ctx.db.begin().await.unwrap();
    let enqueued = enqueue(&mut tx, ctx, job, Options::default())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    enqueued.id
}

async fn run<J: Job>(ctx: &Ctx, job: &J) -> jobs::JobRow {
    let id = put(ctx, job).await;
    run_until_idle(ctx, &registry::all(), Advance::Stay)
        .await
        .unwrap();
    jobs::get(&ctx.db, &id).await.unwrap().unwrap()
}

fn synthetic(days: i64, interval_ms: i64, checkpoint_steps: Option<usize>) -> Train {
    let job = json!({
        "source": "synthetic", "market_seed": "job", "profiles": ["conservative", "aggressive", "bold"],
        "train_share": 0.6, "validation_share": 0.2, "checkpoint_steps": checkpoint_steps,
        "settings": {
            "from_ms": FROM_MS, "to_ms": FROM_MS + days * DAY_MS, "interval_ms": interval_ms,
            "explore_prob": 0.5, "open_interest_min": 0,
        },
    });
    serde_json::from_value(job).unwrap()
}

/// Everything a job has written, without the name of the dataset and the times of the writing.
async fn rows(ctx: &Ctx, job: &str) -> Vec<String> {
    let dataset = training::of_job(&ctx.db, job).await.unwrap().unwrap();
    let rows = training::page(&ctx.db, &dataset.id, 0, 1_000_000)
        .await
        .unwrap();
    assert_eq!(rows.len() as i64, dataset.rows);
    let calls = training::candidates(&ctx.db, &dataset.id, 0, i64::MAX)
        .await
        .unwrap();
    assert_eq!(calls.len() as i64, dataset.candidates);
    let shown = rows.iter().map(|row| format!("{row:?}"));
    let shown = shown.chain(calls.iter().map(|call| format!("{call:?}")));
    shown.map(|line| line.replace(&dataset.id, "")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_job_resumes_and_ends_with_the_same_rows_on_both_engines() {
    let mut engines: Vec<Vec<String>> = Vec::new();
    let kept = Arc::new(std::sync::Mutex::new(&mut engines));
    each_db(async |test| {
        let whole = desk(&test, "whole").await;
        let job = run(&whole, &synthetic(9, DAY_MS / 4, None)).await;
        assert_eq!(job.state, "succeeded", "{job:?}");
        let expect = rows(&whole, &job.id).await;
        assert!(expect.len() > 3 * 2 * 36);
        let mut resumed = 0;
        for (n, statements) in [(0, 5), (1, 12), (2, 19), (3, 26), (4, 33)] {
            let name = format!("killed-{n}");
            let first = desk(&test, &name).await;
            let id = put(&first, &synthetic(9, DAY_MS / 4, Some(7))).await;
            first.db.tripwire().arm(statements);
            let died = run_next(&first, &registry::all()).await.is_err();
            assert!(died, "statement {statements} comes later than the end");
            let second = Ctx {
                db: first.db.another_process(),
                ..first
            };
            let now_ms = FROM_MS + 60_000;
            second.clock.set(Time::Manual { now_ms });
            leases::recover(&second.db, &name, now_ms).await.unwrap();
            let before = training::of_job(&second.db, &id).await.unwrap();
            resumed += i32::from(before.is_some_and(|row| row.rows > 0));
            run_until_idle(&second, &registry::all(), Advance::Stay)
                .await
                .unwrap();
            let row = jobs::get(&second.db, &id).await.unwrap().unwrap();
            assert_eq!(
                (row.state.as_str(), row.attempt),
                ("succeeded", 2),
                "{row:?}"
            );
            assert!(rows(&second, &id).await == expect, "killed at {statements}");
        }
        assert!(resumed >= 2, "{resumed} of the jobs had rows");
        kept.lock().unwrap().push(expect);
    })
    .await;
    assert!(engines.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_job_keeps_its_rows_and_goes_on_when_retried() {
    let test = sqlite().await;
    let ctx = Ctx {
        clock: Clock::real(),
        ..desk(&test, "stopped").await
    };
    let id = put(&ctx, &synthetic(9, DAY_MS / 24, Some(2))).await;
    let running = {
        let (ctx, id) = (ctx.clone(), id.clone());
        tokio::spawn(async move { run_inline(&ctx, &registry::all(), &id).await })
    };
    loop {
        let row = training::of_job(&ctx.db, &id).await.unwrap();
        if row.is_some_and(|row| row.rows > 3) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut tx = ctx.db.begin().await.unwrap();
    jobs_control::cancel(&mut tx, &ctx.clock, &id)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let row = running.await.unwrap().unwrap().unwrap();
    assert_eq!(row.state, "cancelled");
    let stopped = training::of_job(&ctx.db, &id).await.unwrap().unwrap();
    assert_eq!(stopped.state, "stopped");
    let kept = training::page(&ctx.db, &stopped.id, 0, 1_000_000)
        .await
        .unwrap();
    assert_eq!(kept.len() as i64, stopped.rows);
    assert!(stopped.rows > 0 && stopped.steps_done < stopped.steps);
    let mut tx = ctx.db.begin().await.unwrap();
    assert!(jobs_control::retry(&mut tx, &ctx.clock, &id).await.unwrap());
    tx.commit().await.unwrap();
    let row = run_inline(&ctx, &registry::all(), &id).await.unwrap();
    assert_eq!(row.unwrap().state, "succeeded");
    let again = put(&ctx, &synthetic(9, DAY_MS / 24, None)).await;
    run_inline(&ctx, &registry::all(), &again).await.unwrap();
    assert!(rows(&ctx, &id).await == rows(&ctx, &again).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_is_judged_by_other_policies() {
    each_db(async |test| {
        let ctx = desk(&test, "judged").await;
        let made = run(&ctx, &synthetic(30, DAY_MS / 2, None)).await;
        let made = made.result.unwrap();
        let dataset = made["dataset"].as_str().unwrap();
        let judge = async |policy: &str, profile: Option<&str>| {
            let job = json!({
                "dataset": dataset, "policy": policy, "profile": profile, "underlying": "ETH",
            });
            run(&ctx, &serde_json::from_value::<Evaluate>(job).unwrap()).await
        };
        let logged = judge("logged", None).await.result.unwrap();
        assert_eq!(logged["estimates"]["ips"]["value"], logged["logged"]);
        assert_eq!(
            logged["effective_sample_size"],
            json!(logged["episodes"].as_f64())
        );
        let greedy = judge("greedy", Some("bold")).await.result.unwrap();
        assert!(greedy["draws"].as_i64().unwrap() > 1);
        assert!(greedy["effective_sample_size"].as_f64() < greedy["episodes"].as_f64());
        let warning = greedy["overlap_warning"].as_str().unwrap();
        assert!(warning.contains("effective episodes"), "{warning}");
        let stored = training::evaluations(&ctx.db, Some(dataset), 10)
            .await
            .unwrap();
        assert_eq!(stored.len(), 2);
        assert_eq!(json!(stored[0].dr), greedy["estimates"]["dr"]["value"]);
        for (policy, expect) in [("llm", "conservative, moderate, aggressive, bold")] {
            let row = judge(policy, None).await;
            let error = row.error.unwrap_or_default();
            assert!(
                row.state == "discarded" && error.contains(expect),
                "{error}"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_collected_says_why() {
    let test = sqlite().await;
    let ctx = desk(&test, "errors").await;
    let check = async |key: &str, value: Value, expect: &str| {
        let mut job = serde_json::to_value(synthetic(3, DAY_MS, None)).unwrap();
        job[key] = value;
        let row = run(&ctx, &serde_json::from_value::<Train>(job).unwrap()).await;
        let error = row.error.clone().unwrap_or_default();
        assert!(
            row.state == "discarded" && error.contains(expect),
            "{row:?}"
        );
    };
    check(
        "profiles",
        json!(["wild"]),
        "profiles: `wild` is not one of all, conservative",
    )
    .await;
    check(
        "underlyings",
        json!([]),
        "underlyings: name BTC, ETH or both",
    )
    .await;
    check("ladder", json!(3), "ladder: 3 is not 1 or 2").await;
    check("train_share", json!(0.9), "are not shares of one whole").await;
    check("discount_per_day", json!(0), "discount_per_day: 0 is not").await;
    check("source", json!("recorded"), "thetaq import PATH").await;
    check("settings", json!({"delta_max": 7}), "delta_max: `7` is not").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_prints_what_programs_rely_on() {
    let test = sqlite().await;
    record(&test, 12).await;
    tokio::task::block_in_place(|| {
        let here = Terminal::on(&test.url);
        let range = ["--from", "2026-01-05", "--to", "2026-01-16"];
        let train = [
            "train",
            "--profiles",
            "all",
            "--underlying",
            "BTC,ETH",
            "--source",
            "recorded",
        ];
        let free = [
            "--set",
            "open_interest_min=0",
            "--train-share",
            "1",
            "--validation-share",
            "0",
        ];
        let made = here.json(&[&train[..], &range, &free].concat());
        for field in ["run", "job", "dataset", "rows", "by_profile", "by_action"] {
            assert!(!made[field].is_null(), "{field} of {made:#}");
        }
        let sum = |key: &str| {
            let counts = made[key].as_object().unwrap().values();
            counts.map(|count| count.as_i64().unwrap()).sum::<i64>()
        };
        let all = made["rows"].as_i64().unwrap();
        assert_eq!((sum("by_profile"), sum("by_action")), (all, all));
        assert_eq!(all, 2 * 3 * 36, "a row for every profile at every snapshot");
        assert!(made["by_action"]["OPEN_COVERED_CALL"].as_i64().unwrap() > 0);
        let dataset = made["dataset"].as_str().unwrap();
        let judged = here.json(&[
            "evaluate",
            "--dataset",
            dataset,
            "--policy",
            "greedy",
            "--underlying",
            "BTC",
        ]);
        for field in [
            "policy",
            "estimates",
            "effective_sample_size",
            "overlap_warning",
        ] {
            assert!(judged.get(field).is_some(), "{field} of {judged:#}");
        }
        for name in ["ips", "snips", "dr"] {
            let one = &judged["estimates"][name];
            let of = |part: &str| one[part].as_f64().unwrap();
            assert!(
                of("low") <= of("value") && of("value") <= of("high"),
                "{one}"
            );
        }
        let usd = ["--policy", "rules_v2", "--reward", "reward_usd"];
        let text = here.text(&[&["evaluate", "--dataset", dataset][..], &usd].concat());
        assert!(text.contains("effective episodes"), "{text}");
        let mixed = ["evaluate", "--dataset", dataset, "--policy", "greedy"];
        let error = here.error(1, &mixed);
        assert!(
            error.contains("BTC,ETH, whose coins do not add up") && error.contains("reward_usd"),
            "{error}"
        );
        let text = here.text(&[&train[..], &range].concat());
        assert!(text.contains("by action"), "{text}");
        let error = here.error(1, &["evaluate", "--dataset", "A", "--policy", "greedy"]);
        assert!(error.contains("there is no dataset A"), "{error}");
        let error = here.error(2, &["train", "--set", "colour=1"]);
        assert!(error.contains("--keys"), "{error}");
    });
}
