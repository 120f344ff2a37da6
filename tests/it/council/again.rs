//! One question about one tick is asked once, whoever asks and however often a job is tried.

use super::{HOUR_MS, START_MS, opinions, run};
use crate::support::aimock::{Aimock, with_model};
use crate::support::{TestDb, dataset, sqlite};
use serde_json::json;
use std::sync::Arc;
use thetaq::clock::Clock;
use thetaq::config::{Config, DecisionMode};
use thetaq::ctx::Ctx;
use thetaq::db::llm_calls;
use thetaq::domain::coin::Coin;
use thetaq::jobs::drain::{Advance, run_until_idle};
use thetaq::jobs::registry;
use thetaq::jobs::tick::Tick;

/// Liquid or not, a call can be sold.
const DESK: &str = "[desk]\nivrv_min = 0.1\nopen_interest_min = 0.0\n";
const TICK: Tick = Tick {
    underlying: Coin::Btc,
    as_of_ms: None,
};

async fn server() -> Option<Aimock> {
    let answer = json!({ "choice": "c1", "size": 0.1, "reason": "once is enough" });
    let fixtures =
        json!([{ "match": { "model": "tester" }, "response": { "content": answer.to_string() } }]);
    Aimock::start(fixtures, &[]).await
}

/// A desk with a council of the model alone.
async fn desk(test: &TestDb, server: &Aimock, mode: DecisionMode) -> Ctx {
    let mut config = Config::parse(DESK, "test").unwrap();
    config.policy.decision_mode = mode;
    config.council.policies = vec!["llm".to_owned()];
    let clock = Clock::manual(START_MS, &["again"]);
    let ctx = Ctx::with_clock(test.db.clone(), "live", clock, Arc::new(config));
    let ctx = with_model(&ctx, server.settings());
    ctx.open().await.unwrap();
    ctx
}

#[tokio::test(flavor = "multi_thread")]
async fn a_council_that_is_tried_again_asks_nothing_twice() {
    let Some(server) = server().await else {
        return;
    };
    let test = sqlite().await;
    let ctx = desk(&test, &server, DecisionMode::RuleOnly).await;
    // After the answer and before the opinion is stored, the database refuses.
    let refuses = "create trigger full before insert on shadow_decisions begin select raise(abort, 'full'); end";
    dataset::run(&test.url, refuses).await;
    run(&ctx, &TICK).await;
    assert_eq!(opinions(&ctx).await, []);
    assert_eq!(server.journal().await.len(), 1);
    dataset::run(&test.url, "drop trigger full").await;
    let later_ms = ctx.clock.now_ms() + HOUR_MS;
    run_until_idle(&ctx, &registry::all(), Advance::Until(later_ms))
        .await
        .unwrap();
    let rows = opinions(&ctx).await;
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(
        (row.reason.as_str(), row.verdict.as_str()),
        ("once is enough", "approved")
    );
    assert_eq!(
        server.journal().await.len(),
        1,
        "it was answered and paid for"
    );
    let calls = llm_calls::of_decision(&ctx.db, &row.decision)
        .await
        .unwrap();
    let [call] = &calls[..] else {
        panic!("{calls:?}")
    };
    assert_eq!(Some(&call.id), row.llm_call.as_ref());
    assert_eq!(
        (call.attempts, call.verdict.as_deref()),
        (1, Some("approved"))
    );
    test.db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tick_was_told_its_council_does_not_ask() {
    let Some(server) = server().await else {
        return;
    };
    let test = sqlite().await;
    let ctx = desk(&test, &server, DecisionMode::LlmOnly).await;
    run(&ctx, &TICK).await;
    assert_eq!(server.journal().await.len(), 1);
    let rows = opinions(&ctx).await;
    assert_eq!(rows[0].reason, "once is enough");
    let calls = llm_calls::of_decision(&ctx.db, &rows[0].decision)
        .await
        .unwrap();
    let of = |purpose: &str| calls.iter().find(|call| call.purpose == purpose).unwrap();
    let (asked, taken) = (of("decision"), of("council"));
    assert_eq!((calls.len(), asked.attempts), (2, 1));
    assert_eq!(
        (taken.attempts, taken.cost_usd),
        (0, None),
        "nothing was sent"
    );
    assert_eq!(
        (&asked.request_hash, &asked.response),
        (&taken.request_hash, &taken.response)
    );
    assert_eq!(rows[0].llm_call.as_ref(), Some(&taken.id));
    test.db.close().await;
}
