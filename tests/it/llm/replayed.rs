//! Answers by request: what was recorded once costs nothing, repeats exactly, and is missed by name.

use super::answers;
use super::decisions::{MAY_OPEN, opens};
use crate::backtest::{DAY_MS, FROM_MS, record};
use crate::support::aimock::{Aimock, with_model};
use crate::support::{TestDb, sqlite};
use serde_json::{Value, json};
use std::sync::Arc;
use thetaq::backtest::Answers;
use thetaq::clock::Clock;
use thetaq::config::{Config, DecisionMode, LlmConfig};
use thetaq::ctx::{Ctx, LIVE};
use thetaq::db::shadow_decisions::ShadowRow;
use thetaq::db::{backtests, decisions, jobs, llm_calls, shadow_decisions};
use thetaq::domain::coin::Coin;
use thetaq::jobs::backtest::Backtest;
use thetaq::jobs::drain::{Advance, run_until_idle};
use thetaq::jobs::{Options, enqueue, registry};
use thetaq::replay::{ReplayMarket, replay_market};

const NOTHING: &str = "Choose one id of `choices`.";

async fn server() -> Option<Aimock> {
    let idle = json!({ "content": r#"{"choice":"nothing","size":0,"reason":"wait"}"# });
    let fixtures = json!([
        answers(MAY_OPEN, opens("there is room")),
        answers(NOTHING, idle)
    ]);
    Aimock::start(fixtures, &[]).await
}

/// A backtest of two weeks by the model: the job, and its run without what names it.
async fn backtest(ctx: &Ctx, seed: &str, how: &str) -> (jobs::JobRow, Option<(Value, Value)>) {
    let settings = json!({
        "policy": "llm", "answers": how, "interval_ms": DAY_MS, "from_ms": FROM_MS,
        "to_ms": FROM_MS + 14 * DAY_MS, "ivrv_min": 0.0, "exit": "hold_to_expiry", "dte_max": 4,
    });
    let job = Backtest {
        source: "synthetic".to_owned(),
        settings,
        market_seed: Some(seed.to_owned()),
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
    let job = jobs::get(&ctx.db, &id).await.unwrap().unwrap();
    let row = backtests::of_job(&ctx.db, &id).await.unwrap().unwrap();
    if row.state != "done" {
        return (job, None);
    }
    let mut document = backtests::document(&ctx.db, &row.id)
        .await
        .unwrap()
        .unwrap();
    for name in ["id", "job", "settings", "settings_hash"] {
        document.as_object_mut().unwrap().remove(name);
    }
    let mut taken = json!(backtests::decisions(&ctx.db, &row.id).await.unwrap());
    for row in taken.as_array_mut().unwrap() {
        row.as_object_mut().unwrap().remove("backtest");
    }
    (job, Some((document, taken)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backtest_is_recorded_once_and_replayed_for_nothing() {
    let Some(server) = server().await else {
        return;
    };
    let test = sqlite().await;
    let clock = Clock::manual(FROM_MS + 100 * DAY_MS, &["replayed"]);
    let ctx = Ctx::with_clock(test.db.clone(), LIVE, clock, Arc::new(Config::default()));
    let ctx = with_model(
        &ctx,
        LlmConfig {
            training_cutoff: "2026-01-10".to_owned(),
            ..server.settings()
        },
    );
    ctx.open().await.unwrap();
    let (job, _) = backtest(&ctx, "one", "replay").await;
    let error = job.error.expect("nothing is recorded yet");
    assert!(
        error.contains("no answer is stored to the request of step BTC 2026-01-05"),
        "{error}"
    );
    assert!(error.contains("--set answers=ask"), "{error}");
    assert_eq!(server.journal().await.len(), 0, "a miss asks nobody");

    let (job, asked) = backtest(&ctx, "one", "ask").await;
    let asked = asked.unwrap_or_else(|| panic!("{:?}", job.error));
    let sent = server.journal().await.len();
    assert!(
        sent > 5 && asked.0["metrics"]["legs"].as_i64() > Some(1),
        "{sent} {}",
        asked.0
    );
    let mut asked = asked;
    let calls = asked.0["model"]
        .as_object_mut()
        .unwrap()
        .remove("calls")
        .unwrap();
    assert_eq!(
        (&calls["made"], &calls["outcomes"]["ok"]),
        (&json!(sent), &json!(sent))
    );
    let cost = calls["cost_usd"].as_f64().unwrap();
    assert!(cost > 0.0, "{calls}");
    let steps = &asked.0["model"]["steps"];
    assert_eq!(
        (&steps["asked"], &steps["outcomes"]),
        (&json!(sent), &json!({ "ok": sent }))
    );
    assert_eq!(asked.0["model"]["before_training_cutoff"], true);
    drop(server);
    for _ in 0..2 {
        let (job, again) = backtest(&ctx, "one", "replay").await;
        let mut again = again.unwrap_or_else(|| panic!("{:?}", job.error));
        let calls = again.0["model"]
            .as_object_mut()
            .unwrap()
            .remove("calls")
            .unwrap();
        assert_eq!(
            (&calls["made"], &calls["cost_usd"]),
            (&json!(0), &json!(0.0))
        );
        assert_eq!(again.0, asked.0);
        assert_eq!(again.1, asked.1);
        let calls = llm_calls::spent_by_job(&ctx.db, &job.id).await.unwrap();
        assert_eq!(calls, (0.0, 0));
    }
    test.db.close().await;
}

fn wanted(desk: &str, days: i64) -> ReplayMarket {
    ReplayMarket {
        from_ms: FROM_MS,
        to_ms: FROM_MS + days * DAY_MS,
        seed: Some("month".to_owned()),
        desk: Some(desk.to_owned()),
        underlyings: vec![Coin::Btc],
    }
}

/// What every policy would have done, without the names of jobs and calls.
async fn shadows(test: &TestDb, desk: &str) -> Vec<ShadowRow> {
    let mut found = Vec::new();
    for row in decisions::all(&test.db, desk).await.unwrap() {
        for shadow in shadow_decisions::of_decision(&test.db, &row.id)
            .await
            .unwrap()
        {
            found.push(ShadowRow {
                llm_call: None,
                ..shadow
            });
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_run_of_a_month_with_replayed_answers_gives_identical_rows_twice() {
    const DAYS: i64 = 30;
    let Some(server) = server().await else {
        return;
    };
    let test = sqlite().await;
    record(&test, DAYS).await;
    let mut config = Config::parse("[desk]\nivrv_min = 0.1\ndte_max = 3", "test").unwrap();
    config.llm = server.settings();
    config.policy.decision_mode = DecisionMode::HybridShadow;
    config.policy.answers = Answers::Ask;
    replay_market(&test.db, &config, &wanted("recording", DAYS), |_, _| {})
        .await
        .unwrap();
    let sent = server.journal().await.len();
    assert!(sent > 20, "{sent}");
    drop(server);
    config.policy.answers = Answers::Replay;
    let mut runs = Vec::new();
    for _ in 0..2 {
        replay_market(&test.db, &config, &wanted("again", DAYS), |_, _| {})
            .await
            .unwrap();
        let rows = decisions::all(&test.db, "again").await.unwrap();
        runs.push((rows, shadows(&test, "again").await));
    }
    assert_eq!(runs[0].0, runs[1].0);
    assert_eq!(runs[0].1, runs[1].1);
    let (rows, shadows) = &runs[0];
    assert_eq!(shadows.len(), rows.len(), "one shadow beside every tick");
    let said = shadows
        .iter()
        .filter(|shadow| shadow.reason == "there is room");
    assert!(said.count() > 3);
    assert!(
        rows.iter().all(|row| row.source != "llm"),
        "the rules acted"
    );
    test.db.close().await;
}
