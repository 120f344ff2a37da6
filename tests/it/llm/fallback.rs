//! What stands in for a model that gives no decision is a setting of the run: workers.toml only fills it in.

use super::answers;
use crate::backtest::{DAY_MS, FROM_MS};
use crate::support::aimock::{Aimock, with_model};
use crate::support::{TestDb, sqlite};
use serde_json::{Value, json};
use std::sync::Arc;
use thetaq::backtest::Setup;
use thetaq::clock::Clock;
use thetaq::config::{Config, Fallback, LlmConfig};
use thetaq::ctx::{Ctx, LIVE};
use thetaq::db::{backtests, jobs, jobs_control};
use thetaq::jobs::backtest::Backtest;
use thetaq::jobs::drain::{Advance, run_until_idle};
use thetaq::jobs::{Options, enqueue, registry};

/// What a run is, apart from its name.
#[derive(Debug, PartialEq)]
struct Made {
    setup: Setup,
    settings_hash: String,
    legs: i64,
    decisions: Value,
}

fn desk(test: &TestDb, settings: &LlmConfig, fallback: Fallback) -> Ctx {
    let name = format!("{fallback:?}");
    let clock = Clock::manual(FROM_MS + 100 * DAY_MS, &["fallback", &name]);
    let ctx = Ctx::with_clock(test.db.clone(), LIVE, clock, Arc::new(Config::default()));
    let settings = LlmConfig {
        fallback,
        ..settings.clone()
    };
    with_model(&ctx, settings)
}

/// Eight days by a model, with these settings beside the usual ones; gives the job.
async fn run(ctx: &Ctx, how: &str, fallback: Option<&str>) -> String {
    let mut settings = json!({
        "policy": "llm", "answers": how, "interval_ms": DAY_MS, "from_ms": FROM_MS, "yield_min": 0.0,
        "to_ms": FROM_MS + 8 * DAY_MS, "ivrv_min": 0.0, "exit": "hold_to_expiry", "dte_max": 4,
    });
    if let Some(fallback) = fallback {
        settings["fallback"] = fallback.into();
    }
    let job = Backtest {
        source: "synthetic".to_owned(),
        settings,
        market_seed: Some("fallback".to_owned()),
        checkpoint_steps: None,
    };
    let mut tx = ctx.db.begin().await.unwrap();
    let id = enqueue(&mut tx, ctx, &job, Options::default())
        .await
        .unwrap()
        .id;
    tx.commit().await.unwrap();
    run_until_idle(ctx, &registry::all(), Advance::Stay)
        .await
        .unwrap();
    id
}

async fn made(ctx: &Ctx, job: &str) -> Made {
    let error = jobs::get(&ctx.db, job).await.unwrap().unwrap().error;
    let row = backtests::of_job(&ctx.db, job).await.unwrap().unwrap();
    assert_eq!((row.state.as_str(), error), ("done", None));
    let mut decisions = json!(backtests::decisions(&ctx.db, &row.id).await.unwrap());
    for row in decisions.as_array_mut().unwrap() {
        row.as_object_mut().unwrap().remove("backtest");
    }
    Made {
        setup: backtests::setup(&ctx.db, &row.id).await.unwrap().unwrap(),
        settings_hash: row.settings_hash,
        legs: row.legs.unwrap(),
        decisions,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_settings_give_the_same_rows_whatever_workers_toml_says() {
    let will_not = json!({ "content": "I cannot.", "finishReason": "content_filter" });
    let Some(server) = Aimock::start(json!([answers("Choose one id", will_not)]), &[]).await else {
        return;
    };
    let test = sqlite().await;
    let settings = server.settings();
    let (rule, nothing) = (
        desk(&test, &settings, Fallback::Rule),
        desk(&test, &settings, Fallback::Nothing),
    );
    rule.open().await.unwrap();
    // Begun while nothing is recorded, and taken up again below.
    let begun = run(&rule, "replay", None).await;
    let by_default = run(&rule, "ask", None).await;
    let by_default = made(&rule, &by_default).await;
    assert_eq!(by_default.setup.fallback, Fallback::Rule);
    assert!(
        by_default.legs > 1,
        "the rules stood in: {}",
        by_default.decisions
    );
    let reasons = by_default.decisions.to_string();
    assert!(reasons.contains("the rules decide instead"), "{reasons}");

    let named = run(&nothing, "ask", Some("rule")).await;
    assert_eq!(made(&nothing, &named).await, by_default);
    let named = run(&rule, "ask", Some("nothing")).await;
    let idle = made(&rule, &named).await;
    assert_eq!((idle.setup.fallback, idle.legs), (Fallback::Nothing, 0));
    assert_ne!(idle.settings_hash, by_default.settings_hash);
    let unnamed = run(&nothing, "ask", None).await;
    assert_eq!(made(&nothing, &unnamed).await, idle);

    // A run keeps the settings it was begun with, even if workers.toml says something else by now.
    let mut tx = test.db.begin().await.unwrap();
    assert!(
        jobs_control::retry(&mut tx, &nothing.clock, &begun)
            .await
            .unwrap()
    );
    tx.commit().await.unwrap();
    run_until_idle(&nothing, &registry::all(), Advance::Stay)
        .await
        .unwrap();
    let again = made(&nothing, &begun).await;
    assert_eq!(
        (again.setup.fallback, again.legs),
        (Fallback::Rule, by_default.legs)
    );
    assert_eq!(again.decisions, by_default.decisions);
    test.db.close().await;
}
