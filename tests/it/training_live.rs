//! Rows collected with the ticks of a desk: those of a walk over the same market, whatever fails or dies in
//! between, and refused where orders are sent.

use crate::support::{TestDb, each_db};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use thetaq::clock::{Clock, Time};
use thetaq::config::Config;
use thetaq::ctx::Ctx;
use thetaq::db::jobs::JobRow;
use thetaq::db::training::{self, DatasetRow, TrainingRow};
use thetaq::db::{desks, jobs, leases};
use thetaq::domain::chain::Chain;
use thetaq::domain::coin::Coin;
use thetaq::domain::context::History;
use thetaq::exchange::Exchange;
use thetaq::exchange::sim::SimExchange;
use thetaq::exchange::sim::feed::{Answer, Feed};
use thetaq::exchange::sim::keeper::MemoryKeeper;
use thetaq::exchange::sim::market::Market;
use thetaq::jobs::collect::Collect;
use thetaq::jobs::drain::{Advance, run_next, run_until_idle};
use thetaq::jobs::evaluate::Evaluate;
use thetaq::jobs::tick::Tick;
use thetaq::jobs::train::Train;
use thetaq::jobs::{Job, Options, enqueue, registry};
use thetaq::market::synthetic::Synthetic;

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
    run_until_idle(ctx, &registry::all(), Advance::Until(now_ms + HOUR_MS))
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
            let died = loop {
                match run_next(&first, &registry::all()).await {
                    Ok(true) => {}
                    Ok(false) => break false,
                    Err(_) => break true,
                }
            };
            assert!(died, "statement {statements} comes later than the end");
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

/// Mistake 16 of the earlier system: a step without candidates left no row. Mistake 17: only the first profile's
/// action was judged and all were carried out, rows of ETH with fills of BTC.
#[tokio::test(flavor = "multi_thread")]
async fn mistakes_16_and_17_every_profile_has_a_row_a_verdict_and_a_fill_of_its_own() {
    each_db(async |test| {
        let ctx = desk(&test, "own", OWN).await;
        // A call of 0.1 BTC takes little off the delta of the coin: the bold one alone takes enough.
        let limits = json!({"settings": {
            "explore_prob": 0, "open_interest_min": 0, "exit": "hold_to_expiry", "max_net_delta_abs": 0.97,
        }});
        let begun = run(&ctx, &train(&limits)).await.result.unwrap();
        let id = begun["dataset"].as_str().unwrap();
        for step in 0..6 {
            ticks(&ctx, step).await;
        }
        stop(&ctx, id).await;
        let rows = rows(&ctx, id).await;
        let mut seen = BTreeSet::new();
        for row in &rows {
            assert_eq!(row.error, None);
            let sold = row.action.as_deref() == Some("OPEN_COVERED_CALL");
            if let Some(call) = &row.instrument {
                assert!(call.starts_with(&row.underlying), "{call} in a row of {}", row.underlying);
            }
            assert_eq!(row.fills, i64::from(sold), "{row:?}");
            assert_eq!(row.refusal.is_some(), row.proposed_action != row.action, "{row:?}");
            seen.insert((row.underlying.as_str(), row.profile.as_str(), sold, row.refusal.is_some()));
        }
        let saw = |coin, profile, sold, refused| seen.contains(&(coin, profile, sold, refused));
        assert!(saw("BTC", "conservative", false, true), "{seen:?}");
        assert!(!saw("BTC", "conservative", true, false), "{seen:?}");
        assert!(saw("BTC", "bold", true, false), "{seen:?}");
        assert!(!saw("ETH", "bold", true, false) && saw("ETH", "bold", false, true), "{seen:?}");
        let nothing = rows.iter().filter(|row| row.profile == "nowhere");
        let nothing: Vec<_> = nothing.map(|row| row.action.as_deref()).collect();
        assert_eq!(nothing, [Some("DO_NOTHING"); 2 * 6]);
    })
    .await;
}

/// The synthetic market, silent at some instants.
#[derive(Debug)]
struct Silent {
    market: Synthetic,
    at_ms: Vec<i64>,
}

impl Feed for Silent {
    fn chain(&self, coin: Coin, at_ms: i64) -> Answer<'_, Option<Chain>> {
        let silent = self.at_ms.contains(&at_ms);
        let chain = (!silent).then(|| self.market.chain(coin, at_ms));
        Box::pin(async move { Ok(chain) })
    }

    fn times(&self, _: Coin, _: i64, _: i64) -> Answer<'_, Vec<i64>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn history(&self, coin: Coin, as_of_ms: i64) -> Answer<'_, History> {
        let history = self.market.history(coin, as_of_ms);
        Box::pin(async move { Ok(history) })
    }

    fn delivery_price(&self, coin: Coin, expiry_ms: i64) -> Answer<'_, Option<f64>> {
        let price = self.market.delivery_price(coin, expiry_ms);
        Box::pin(async move { Ok(Some(price)) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_tick_is_an_error_row_of_every_profile_and_the_step_before_spans_it() {
    each_db(async |test| {
        let silent_ms = [2, 5].map(|step| START_MS + step * STEP_MS);
        let feed = Silent {
            market: Synthetic::new("live"),
            at_ms: silent_ms.to_vec(),
        };
        let market = Market::Replay(Arc::new(feed));
        let keeper = Arc::new(MemoryKeeper::default());
        let exchange = Exchange::Sim(SimExchange::new(market, keeper, BTreeMap::default()));
        let ctx = Ctx {
            exchange,
            ..desk(&test, "silent", OWN).await
        };
        let id = begin(&ctx).await;
        for step in 0..STEPS {
            ticks(&ctx, step).await;
        }
        stop(&ctx, &id).await;
        let rows = rows(&ctx, &id).await;
        let (errors, steps): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.error.is_some());
        assert_eq!(
            errors.len(),
            3 * 2 * 2 * 4,
            "three attempts of two ticks for four profiles of both coins"
        );
        for row in &errors {
            assert!(silent_ms.contains(&row.at_ms), "{row:?}");
            assert!(
                row.error.as_ref().unwrap().contains("no quotes of"),
                "{row:?}"
            );
            let unknown = (&row.action, row.reward_usd, row.propensity, row.next_at_ms);
            assert_eq!(unknown, (&None, None, None, None));
            assert!(!row.truncated && row.index_price > 1_000.0);
        }
        let mut before: BTreeMap<(&str, &str), &TrainingRow> = BTreeMap::new();
        for row in &steps {
            let last = before.insert((&row.underlying, &row.profile), row);
            if let Some(last) = last {
                assert_eq!(last.next_at_ms, Some(row.at_ms));
                assert_eq!(last.next_observation.as_ref(), Some(&row.observation));
            }
        }
        let numbers: BTreeSet<_> = rows.iter().map(|row| (&row.episode, row.step)).collect();
        assert_eq!(numbers.len(), rows.len(), "a step has a number of its own");
        let judge =
            json!({"dataset": id, "policy": "logged", "profile": "bold", "reward": "reward_usd"});
        let judged = run(&ctx, &serde_json::from_value::<Evaluate>(judge).unwrap()).await;
        let earned = steps.iter().filter(|row| row.profile == "bold");
        let earned: f64 = earned.filter_map(|row| row.reward_usd).sum();
        let judged = judged.result.unwrap();
        let all = judged["logged"].as_f64().unwrap() * judged["episodes"].as_f64().unwrap();
        assert!(
            (all - earned).abs() < 1e-6 * earned.abs().max(1.0),
            "{all} is not {earned}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_is_refused_where_orders_are_sent_and_ends_when_they_are() {
    each_db(async |test| {
        let refused = async |ctx: &Ctx, change: Value, expect: &str| {
            let row = run(ctx, &train(&change)).await;
            let error = row.error.clone().unwrap_or_default();
            assert!(
                row.state == "discarded" && error.contains(expect),
                "{row:?}"
            );
        };
        let none = json!({});
        let production = format!("{OWN}\n").replace("[desk]\n", "[desk]\nmode = \"production\"\n");
        let ctx = desk(&test, "production", &production).await;
        refused(&ctx, none.clone(), "mode: the desk is in production").await;
        let orders = OWN
            .replace("[desk]\n", "[desk]\ndry_run = false\n")
            .replace("seed", "speed = 1.0\nseed");
        let ctx = desk(&test, "orders", &orders).await;
        refused(&ctx, none.clone(), "dry_run: the desk sends orders").await;
        let ctx = desk(&test, "begun", OWN).await;
        refused(&ctx, json!({"market_seed": "7"}), "market_seed: ").await;
        refused(
            &ctx,
            json!({"settings": {"from_ms": 1}}),
            "from_ms: a live collection begins",
        )
        .await;
        refused(
            &ctx,
            json!({"settings": {"to_ms": START_MS - 2_000}}),
            "to_ms: is past",
        )
        .await;
        let one = OWN.replace("[desk]\n", "[desk]\nunderlyings = [\"BTC\"]\n");
        let half = desk(&test, "half", &one).await;
        refused(
            &half,
            none.clone(),
            "underlyings: the desk has no ticks of ETH",
        )
        .await;
        let id = begin(&ctx).await;
        refused(&ctx, none, "`thetaq train --stop` ends it").await;
        ticks(&ctx, 0).await;
        ticks(&ctx, 1).await;
        let mut tx = ctx.db.begin().await.unwrap();
        desks::set_dry_run(&mut tx, "begun", false, START_MS)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        ticks(&ctx, 2).await;
        let row = dataset(&ctx, &id).await;
        assert_eq!(
            (row.state.as_str(), row.rows),
            ("stopped", 2 * 4 * 2),
            "{row:?}"
        );
        assert!(row.error.unwrap().contains("dry_run: "));
        assert_eq!(training::collecting(&ctx.db, "begun").await.unwrap(), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_with_an_end_splits_its_time_and_keeps_chains_whole() {
    each_db(async |test| {
        let ctx = desk(&test, "ends", OWN).await;
        let to_ms = START_MS + 29 * STEP_MS;
        let settings = json!({"open_interest_min": 0, "explore_prob": 0.5, "to_ms": to_ms});
        let asked = json!({"settings": settings, "train_share": 0.5, "validation_share": 0.25});
        let begun = run(&ctx, &train(&asked)).await.result.unwrap();
        let id = begun["dataset"].as_str().unwrap();
        for step in 0..31 {
            ticks(&ctx, step).await;
        }
        let row = dataset(&ctx, id).await;
        assert_eq!(
            (row.state.as_str(), row.rows),
            ("done", 2 * 4 * 30),
            "{row:?}"
        );
        let rows = rows(&ctx, id).await;
        for column in [
            |row: &TrainingRow| row.chain.clone(),
            |row: &TrainingRow| Some(row.episode.clone()),
        ] {
            let mut splits: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for row in &rows {
                if let Some(name) = column(row) {
                    splits.entry(name).or_default().insert(row.split.clone());
                }
            }
            assert!(
                splits.len() > 3 && splits.values().all(|of| of.len() == 1),
                "{splits:?}"
            );
        }
        let of = |split: &str| rows.iter().filter(|row| row.split == split).count();
        assert!(of("train") > of("validation") && of("validation") > 0 && of("test") > 0);
    })
    .await;
}
