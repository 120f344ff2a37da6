//! Sweeps and look-ahead checks of runs that a model decides: from the ledger, and never half by a model.

use super::answers;
use super::decisions::{MAY_OPEN, opens};
use crate::backtest::{DAY_MS, FROM_MS};
use crate::support::aimock::{Aimock, with_model};
use crate::support::{TestDb, sqlite};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use thetaq::backtest::sweep::{Axis, Currency, Plan};
use thetaq::clock::Clock;
use thetaq::config::{Config, LlmConfig};
use thetaq::ctx::{Ctx, LIVE};
use thetaq::db::sweeps::RunRow;
use thetaq::db::{backtests, jobs, llm_calls, sweeps};
use thetaq::jobs::backtest::Backtest;
use thetaq::jobs::lookahead::Lookahead;
use thetaq::jobs::sweep::{Sweep, SweepPart};
use thetaq::jobs::{Job, Options, Registry, enqueue, work};
use tokio_util::sync::CancellationToken;

async fn server() -> Option<Aimock> {
    let idle = json!({ "content": r#"{"choice":"nothing","size":0,"reason":"wait"}"# });
    let fixtures = json!([
        answers(MAY_OPEN, opens("there is room")),
        answers("Choose one id", idle)
    ]);
    Aimock::start(fixtures, &[]).await
}

async fn desk(test: &TestDb, settings: LlmConfig) -> Ctx {
    let clock = Clock::manual(FROM_MS + 100 * DAY_MS, &["checked"]);
    let ctx = Ctx::with_clock(test.db.clone(), LIVE, clock, Arc::new(Config::default()));
    let ctx = with_model(&ctx, settings);
    ctx.open().await.unwrap();
    ctx
}

/// Ten days by a model, and what is said beside.
fn settings(more: Value) -> Map<String, Value> {
    let settings = json!({
        "policy": "llm", "interval_ms": DAY_MS, "from_ms": FROM_MS, "to_ms": FROM_MS + 10 * DAY_MS,
        "ivrv_min": 0.0, "exit": "hold_to_expiry", "dte_max": 4,
    });
    let (Value::Object(mut settings), Value::Object(more)) = (settings, more) else {
        panic!("not settings")
    };
    settings.extend(more);
    settings
}

/// Runs a job by real workers: a sweep waits for its parts.
async fn run<J: Job>(ctx: &Ctx, job: &J) -> jobs::JobRow {
    let registry = Registry::new().register::<Backtest>();
    let registry = registry.register::<Lookahead>().register::<Sweep>();
    let registry = Arc::new(registry.register::<SweepPart>());
    let mut tx = ctx.db.begin().await.unwrap();
    let enqueued = enqueue(&mut tx, ctx, job, Options::default()).await;
    tx.commit().await.unwrap();
    let (id, stop) = (enqueued.unwrap().id, CancellationToken::new());
    let worker = tokio::spawn(work(ctx.clone(), registry, stop.clone()));
    let row = loop {
        let row = jobs::get(&ctx.db, &id).await.unwrap().unwrap();
        if ["succeeded", "discarded"].contains(&row.state.as_str()) {
            break row;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    stop.cancel();
    worker.await.unwrap().unwrap();
    row
}

/// Asks for the answers of one point.
async fn record(ctx: &Ctx, more: Value) -> backtests::BacktestRow {
    let mut settings = settings(more);
    settings.insert("answers".to_owned(), "ask".into());
    let job = Backtest {
        source: "synthetic".to_owned(),
        settings: settings.into(),
        market_seed: Some("one".to_owned()),
        checkpoint_steps: None,
    };
    let job = run(ctx, &job).await;
    assert_eq!(job.error, None);
    let row = backtests::of_job(&ctx.db, &job.id).await.unwrap();
    row.unwrap()
}

async fn lookahead(ctx: &Ctx, more: Value) -> jobs::JobRow {
    let job = Lookahead {
        source: "synthetic".to_owned(),
        settings: settings(more).into(),
        market_seed: Some("one".to_owned()),
        cuts: 3,
    };
    run(ctx, &job).await
}

/// A sweep over one axis, and its runs in the order of the plan.
async fn sweep(ctx: &Ctx, axis: &str, more: Value) -> (jobs::JobRow, Vec<RunRow>) {
    let job = Sweep {
        source: "synthetic".to_owned(),
        settings: settings(more),
        market_seed: Some("one".to_owned()),
        plan: Plan {
            axes: vec![Axis::parse(axis).unwrap()],
            ..Plan::default()
        },
        currency: Currency::Coin,
        walk_forward: None,
    };
    let job = run(ctx, &job).await;
    let Some(row) = sweeps::of_job(&ctx.db, &job.id).await.unwrap() else {
        return (job, Vec::new());
    };
    let mut runs = sweeps::runs(&ctx.db, &row.id, 100).await.unwrap();
    runs.sort_by_key(|run| run.n);
    (job, runs)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_ahead_check_of_a_models_run_compares_what_it_was_asked() {
    let Some(server) = server().await else {
        return;
    };
    let test = sqlite().await;
    let ctx = desk(&test, server.settings()).await;
    let unknown = lookahead(&ctx, json!({ "answers": "ask" })).await;
    let error = unknown.error.unwrap();
    assert!(
        error.contains("the request of step BTC 2026-01-05") && error.contains("asks nobody"),
        "{error}"
    );
    assert_eq!(server.journal().await.len(), 0);
    let recorded = record(&ctx, json!({})).await;
    assert!(recorded.legs > Some(1), "{recorded:?}");
    drop(server);
    for more in [json!({}), json!({ "answers": "ask" })] {
        let job = lookahead(&ctx, more).await;
        let found = job.result.unwrap_or_else(|| panic!("{:?}", job.error));
        assert_eq!(found["clean"], true, "{found:#}");
        assert_eq!(found["decisions"], recorded.steps);
        assert!(
            found["cuts"][2]["decisions"].as_i64() > Some(5),
            "{found:#}"
        );
    }
    test.db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_takes_recorded_answers_and_says_what_has_none() {
    let Some(server) = server().await else {
        return;
    };
    let test = sqlite().await;
    let ctx = desk(&test, server.settings()).await;
    let recorded = record(&ctx, json!({ "delta_max": 0.4 })).await;
    let sent = server.journal().await.len();
    let (job, runs) = sweep(&ctx, "delta_max=0.4,0.3", json!({})).await;
    assert_eq!(job.error, None);
    let [with, without] = &runs[..] else {
        panic!("{runs:?}")
    };
    assert_eq!((&with.error, with.legs), (&None, recorded.legs));
    assert_eq!(with.return_coin, recorded.return_coin);
    let error = without.error.as_deref().unwrap();
    for words in [
        "no answer is stored to the request of step BTC 2026-01-05",
        "so delta_max = 0.3 changes the prompt",
        "thetaq backtest --underlying BTC --source synthetic --market-seed one",
        "--set delta_max=0.3",
        "--set answers=ask",
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }
    assert_eq!(
        server.journal().await.len(),
        sent,
        "a sweep of stored answers asks nobody"
    );
    // Recorded as it was told to, the same sweep has both.
    record(&ctx, json!({ "delta_max": 0.3 })).await;
    drop(server);
    let (_, runs) = sweep(&ctx, "delta_max=0.4,0.3", json!({})).await;
    assert!(runs.iter().all(|run| run.error.is_none()), "{runs:?}");
    // What the model is not told needs no answers of its own.
    let (_, runs) = sweep(&ctx, "fallback=nothing,rule", json!({ "delta_max": 0.3 })).await;
    let same = |run: &RunRow| (run.error.clone(), run.return_coin, run.legs);
    assert_eq!(same(&runs[0]), same(&runs[1]));
    assert_ne!(runs[0].settings_hash, runs[1].settings_hash);
    test.db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_asks_only_within_a_budget_for_all_of_it() {
    let Some(server) = server().await else {
        return;
    };
    let test = sqlite().await;
    let ctx = desk(&test, server.settings()).await;
    let ask = json!({ "answers": "ask" });
    let (job, runs) = sweep(&ctx, "delta_max=0.4,0.3", ask.clone()).await;
    let error = job.error.unwrap();
    assert!(
        error.contains("nothing bounds what that costs: set [llm] budget_day_usd")
            && runs.is_empty(),
        "{error}"
    );
    assert_eq!(server.journal().await.len(), 0);
    // One setting is recorded; for the others there is enough for a call or two.
    record(&ctx, json!({ "delta_max": 0.3 })).await;
    let spent = llm_calls::health(&ctx.db, 0, i64::MAX).await.unwrap();
    let budget = spent.cost_usd.unwrap() + 0.012;
    let bounded = |budget: f64| LlmConfig {
        budget_day_usd: Some(budget),
        ..server.settings()
    };
    let ctx = with_model(&ctx, bounded(budget));
    let (job, runs) = sweep(&ctx, "delta_max=0.4,0.3,0.35", ask.clone()).await;
    assert_eq!(job.error, None);
    let day = llm_calls::health(&ctx.db, 0, i64::MAX).await.unwrap();
    assert!(day.cost_usd.unwrap() <= budget, "{day:?}");
    let failed: Vec<_> = runs.iter().map(|run| run.error.as_deref()).collect();
    let [Some(first), None, Some(last)] = failed[..] else {
        panic!("{failed:?}: {day:?}")
    };
    for error in [first, last] {
        let key = format!("[llm] budget_day_usd = {budget}");
        assert!(
            error.contains(&key) && error.contains("costs nothing again"),
            "{error}"
        );
    }
    // With more of it the answers that are there are taken, and the others asked for.
    let (sent, ctx) = (
        server.journal().await.len(),
        with_model(&ctx, bounded(50.0)),
    );
    let (_, runs) = sweep(&ctx, "delta_max=0.4,0.3,0.35", ask).await;
    assert!(runs.iter().all(|run| run.error.is_none()), "{runs:?}");
    let steps: i64 = llm_calls::health(&ctx.db, 0, i64::MAX).await.unwrap().calls;
    let asked = server.journal().await.len();
    assert!(
        asked > sent && (asked as i64) <= steps,
        "{asked} of {steps}"
    );
    test.db.close().await;
}
