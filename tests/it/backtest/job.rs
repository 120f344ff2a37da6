//! The `backtest` job: the same rows on both engines, killed at any statement, stopped and resumed by hand.

use super::{DAY_MS, FROM_MS, chains_alone, record};
use crate::support::terminal::Terminal;
use crate::support::{TestDb, each_db, sqlite};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use thetaq::clock::{Clock, Time};
use thetaq::config::Config;
use thetaq::ctx::Ctx;
use thetaq::db::{backtests, jobs, jobs_control, leases};
use thetaq::jobs::backtest::Backtest;
use thetaq::jobs::drain::{Advance, run_next, run_until_idle};
use thetaq::jobs::lookahead::Lookahead;
use thetaq::jobs::what_if::WhatIf;
use thetaq::jobs::{Job, Options, enqueue, registry, run_inline};

async fn desk(test: &TestDb, name: &str) -> Ctx {
    let clock = Clock::manual(FROM_MS, &["backtest", name]);
    let config = Arc::new(Config::default());
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

fn synthetic(days: i64, interval_ms: i64, checkpoint_steps: Option<usize>) -> Backtest {
    Backtest {
        source: "synthetic".to_owned(),
        settings: json!({
            "from_ms": FROM_MS, "to_ms": FROM_MS + days * DAY_MS, "interval_ms": interval_ms,
            "score_min": 0, "ivrv_min": 0,
        }),
        market_seed: Some("job".to_owned()),
        checkpoint_steps,
    }
}

/// Everything a run has written, without names and times of the writing.
async fn rows(ctx: &Ctx, job: &str) -> (Value, Vec<String>) {
    let row = backtests::of_job(&ctx.db, job).await.unwrap().unwrap();
    let mut document = backtests::document(&ctx.db, &row.id)
        .await
        .unwrap()
        .unwrap();
    let object = document.as_object_mut().unwrap();
    object.remove("id");
    object.remove("job");
    let equity = backtests::equity(&ctx.db, &row.id).await.unwrap();
    let decisions = backtests::decisions(&ctx.db, &row.id).await.unwrap();
    let shown = equity.iter().map(|row| format!("{row:?}"));
    let shown = shown.chain(decisions.iter().map(|row| format!("{row:?}")));
    (
        document,
        shown.map(|line| line.replace(&row.id, "")).collect(),
    )
}

/// Mistake 23 of the earlier system: a stopped run lost its rows, a crashed one was "running" for ever.
#[tokio::test(flavor = "multi_thread")]
async fn mistake_23_a_killed_run_resumes_and_ends_with_the_same_rows() {
    each_db(async |test| {
        let whole = desk(&test, "whole").await;
        let job = run(&whole, &synthetic(8, DAY_MS / 4, None)).await;
        assert_eq!(job.state, "succeeded", "{job:?}");
        let expect = rows(&whole, &job.id).await;
        assert_eq!(expect.0["state"], "done");
        assert!(expect.0["metrics"]["legs"].as_i64().unwrap() > 1 && expect.1.len() > 33);
        let mut resumed = 0;
        for (n, statements) in [(0, 6), (1, 14), (2, 20), (3, 31), (4, 36)] {
            let name = format!("killed-{n}");
            let first = desk(&test, &name).await;
            let id = put(&first, &synthetic(8, DAY_MS / 4, Some(5))).await;
            first.db.tripwire().arm(statements);
            let died = run_next(&first, &registry::all()).await.is_err();
            assert!(
                died,
                "the {statements}th statement comes later than the end"
            );
            let second = Ctx {
                db: first.db.another_process(),
                ..first
            };
            let now_ms = FROM_MS + 60_000;
            second.clock.set(Time::Manual { now_ms });
            leases::recover(&second.db, &name, now_ms).await.unwrap();
            let before = backtests::of_job(&second.db, &id).await.unwrap();
            resumed += i32::from(before.is_some_and(|row| row.steps_done > 0));
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
        assert!(resumed >= 2, "{resumed} of the runs had a checkpoint");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cancelled_while_its_market_is_made_ends_at_once_without_a_row() {
    let test = sqlite().await;
    let ctx = Ctx {
        clock: Clock::real(),
        ..desk(&test, "unread").await
    };
    let id = put(&ctx, &synthetic(199, DAY_MS / 100, None)).await;
    let running = {
        let (ctx, id) = (ctx.clone(), id.clone());
        tokio::spawn(async move { run_inline(&ctx, &registry::all(), &id).await })
    };
    // It takes most of a minute to make that market.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut tx = ctx.db.begin().await.unwrap();
    jobs_control::cancel(&mut tx, &ctx.clock, &id)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(10), running).await;
    let row = ended.expect("it was heeded").unwrap().unwrap().unwrap();
    assert_eq!(row.state, "cancelled");
    let run = backtests::of_job(&ctx.db, &id).await.unwrap();
    assert_eq!(run, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_keeps_what_it_has_and_goes_on_when_retried() {
    let test = sqlite().await;
    let ctx = Ctx {
        clock: Clock::real(),
        ..desk(&test, "stopped").await
    };
    let id = put(&ctx, &synthetic(6, DAY_MS / 144, Some(1))).await;
    let running = {
        let (ctx, id) = (ctx.clone(), id.clone());
        tokio::spawn(async move { run_inline(&ctx, &registry::all(), &id).await })
    };
    loop {
        let row = backtests::of_job(&ctx.db, &id).await.unwrap();
        if row.is_some_and(|row| row.steps_done > 3) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut tx = ctx.db.begin().await.unwrap();
    jobs_control::cancel(&mut tx, &ctx.clock, &id)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let row = running.await.unwrap().unwrap().unwrap();
    assert_eq!(row.state, "cancelled");
    let stopped = backtests::of_job(&ctx.db, &id).await.unwrap().unwrap();
    assert_eq!(stopped.state, "stopped");
    let kept = backtests::equity(&ctx.db, &stopped.id).await.unwrap();
    assert!(!kept.is_empty() && kept.len() as i64 == stopped.steps_done);
    assert!(stopped.steps_done < stopped.steps && stopped.return_coin.is_some());
    let mut tx = ctx.db.begin().await.unwrap();
    assert!(jobs_control::retry(&mut tx, &ctx.clock, &id).await.unwrap());
    tx.commit().await.unwrap();
    let row = run_inline(&ctx, &registry::all(), &id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.state, "succeeded", "{row:?}");
    let job = put(&ctx, &synthetic(6, DAY_MS / 144, None)).await;
    run_inline(&ctx, &registry::all(), &job).await.unwrap();
    assert!(rows(&ctx, &id).await == rows(&ctx, &job).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_over_stored_chains_are_stamped_and_see_no_future() {
    each_db(async |test| {
        record(&test, 5).await;
        let ctx = desk(&test, "stored").await;
        let settings = json!({ "underlying": "ETH", "score_min": 0, "ivrv_min": 0, "dte_max": 4 });
        let job = Backtest {
            source: "recorded".to_owned(),
            settings: settings.clone(),
            market_seed: None,
            checkpoint_steps: None,
        };
        let done = run(&ctx, &job).await;
        assert_eq!(done.state, "succeeded", "{done:?}");
        let (document, _) = rows(&ctx, &done.id).await;
        let data = &document["data"];
        assert_eq!(
            (&data["snapshots"], &data["shares"]),
            (&json!(15), &json!({"recorded": 1.0}))
        );
        let delivery = data["prices"]["delivery"].as_str().unwrap();
        assert!(
            delivery.starts_with("delivery_price of recorded ("),
            "{delivery}"
        );
        let ahead = Lookahead {
            source: "recorded".to_owned(),
            settings: settings.clone(),
            market_seed: None,
            cuts: 3,
        };
        let found = run(&ctx, &ahead).await.result.unwrap();
        assert_eq!(found["clean"], true, "{found}");
        assert_eq!(found["cuts"].as_array().unwrap().len(), 3);
        let asked = WhatIf {
            source: "recorded".to_owned(),
            at_ms: FROM_MS + 1,
            instrument: None,
            settings: json!({ "underlying": "ETH", "exit": "hold_to_expiry", "dte_target": 2 }),
            market_seed: None,
        };
        let found = run(&ctx, &asked).await;
        let result = found.result.clone().unwrap_or_else(|| panic!("{found:?}"));
        assert_eq!(
            result["chain"]["legs"][0]["opened_ms"],
            FROM_MS + DAY_MS / 3
        );
        // It says nothing after its reading: how many quotes, of all, and how fast.
        let note = found.progress_note.unwrap_or_default();
        let quotes = result["data"]["quotes"].to_string();
        let read = format!("reading the market: {quotes} of {quotes} quotes, ");
        assert!(
            note.starts_with(&read) && note.ends_with(" quotes/s"),
            "{note}"
        );
    })
    .await;
}

/// What cannot be run says why, once, and leaves a failed run where it had begun.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_run_says_why() {
    let test = sqlite().await;
    chains_alone(&test, 4).await;
    let ctx = desk(&test, "errors").await;
    let check = async |source: &str, settings: Value, expect: &str| {
        let job = Backtest {
            source: source.to_owned(),
            settings,
            market_seed: None,
            checkpoint_steps: None,
        };
        let row = run(&ctx, &job).await;
        let error = row.error.clone().unwrap_or_default();
        assert!(
            row.state == "discarded" && error.contains(expect),
            "{row:?}"
        );
        row.id
    };
    check("recorded", json!({"delta_max": 7}), "delta_max: `7` is not").await;
    check("deribit", json!({}), "thetaq import PATH").await;
    check("synthetic", json!({}), "has no end of its own").await;
    let started = json!({"from_ms": 1_748_736_000_000_i64});
    check("synthetic", started, "has no end of its own").await;
    let tight = json!({"policy": "always", "dte_min": 0.5, "dte_max": 2, "dte_target": 1, "exit": "hold_to_expiry"});
    let id = check("recorded", tight, "no delivery price of BTC").await;
    let row = backtests::of_job(&ctx.db, &id).await.unwrap().unwrap();
    assert_eq!(row.state, "failed");
    assert!(row.error.unwrap().contains("thetaq import"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_prints_what_programs_rely_on() {
    let test = sqlite().await;
    record(&test, 6).await;
    tokio::task::block_in_place(|| {
        let here = Terminal::on(&test.url);
        let range = ["--from", "2026-01-05", "--to", "2026-01-10"];
        let free = ["--set", "score_min=0", "--set", "ivrv_min=0"];
        let line = |words: &[&'static str]| [words, &range, &free].concat();
        let run = here.json(&line(&[
            "backtest",
            "--underlying",
            "BTC",
            "--source",
            "recorded",
        ]));
        for field in [
            "id",
            "job",
            "settings",
            "data",
            "metrics",
            "baselines",
            "attribution",
            "chains",
        ] {
            assert!(!run[field].is_null(), "{field} of {run:#}");
        }
        for field in ["hold_coin", "hold_usd", "weekly_25_delta"] {
            assert!(
                run["baselines"][field]["usd"]["total_return"].is_f64(),
                "{run:#}"
            );
        }
        assert!(run["chains"][0]["legs"][0]["pnl"].is_f64());
        let both = here.json(&line(&["backtest", "--exit", "both"]));
        assert_eq!(
            both["comparison"]["settings"]["exit"],
            json!(["tp_and_roll", "hold_to_expiry"])
        );
        let [one, two] =
            [&both["runs"][0]["id"], &both["runs"][1]["id"]].map(|id| id.as_str().unwrap());
        let compared = here.json(&["compare", one, two]);
        assert_eq!(compared, both["comparison"]);
        assert_eq!(compared["same_data"], true);
        let coins = here.json(&line(&["backtest", "--underlying", "BTC,ETH"]));
        assert_eq!(
            coins["comparison"]["settings"]["underlying"],
            json!(["BTC", "ETH"])
        );
        assert!(coins["id"].is_string() && coins["jobs"][1] == coins["runs"][1]["job"]);
        let error = here.error(2, &line(&["lookahead", "--underlying", "BTC,ETH"]));
        assert!(error.contains("only a backtest takes several"), "{error}");
        let text = here.text(&line(&["backtest"]));
        assert!(
            text.contains("weekly 25 delta") && text.contains("roll_cost"),
            "{text}"
        );
        assert!(here.text(&["backtest", "--keys"]).contains("take_profit"));
        // One default is workers.toml's, and the run names it.
        here.write("workers.toml", "[llm]\nfallback = \"rule\"\n");
        let keys = here.json(&["backtest", "--keys"]);
        let mut keys = keys.as_array().unwrap().iter();
        let fallback = keys.find(|key| key["key"] == "fallback").unwrap();
        assert_eq!(fallback["default"], "rule");
        let run = here.json(&line(&["backtest", "--set", "fallback=rule"]));
        assert_eq!(run["settings"]["fallback"], "rule");
        assert_eq!(
            here.json(&line(&["lookahead", "--cuts", "2"]))["clean"],
            true
        );
        let call = here.json(&["whatif", "--at", "2026-01-06", "--set", "dte_target=2"]);
        assert!(
            call["chain"]["pnl"].is_string() || call["chain"]["pnl"].is_f64(),
            "{call:#}"
        );
        let error = here.error(2, &["backtest", "--set", "delta_min=x"]);
        assert!(
            error.contains("--set delta_min") && error.contains("from 0 to 1"),
            "{error}"
        );
        let error = here.error(2, &["backtest", "--set", "colour=1"]);
        assert!(error.contains("--keys"), "{error}");
        let error = here.error(1, &["compare", "A", "B"]);
        assert!(error.contains("there is no backtest A"), "{error}");
    });
}
