//! The council of a desk on the synthetic market: asked beside every tick, scored at expiry, never traded.

mod again;

use crate::support::aimock::Aimock;
use crate::support::{TestDb, each_db, sqlite};
use serde_json::json;
use std::sync::Arc;
use thetaq::clock::{Clock, Time};
use thetaq::config::Config;
use thetaq::ctx::Ctx;
use thetaq::db::shadow_decisions::{self, ShadowRow};
use thetaq::db::{books, decisions, fills, llm_calls};
use thetaq::domain::coin::Coin;
use thetaq::domain::money::{float, from_e8};
use thetaq::domain::order::Fill;
use thetaq::jobs::council::Council;
use thetaq::jobs::drain::{Advance, run_until_idle};
use thetaq::jobs::settle::Settle;
use thetaq::jobs::tick::Tick;
use thetaq::jobs::{Job, Options, enqueue, registry};
use thetaq::llm::Llm;

/// 2026-01-05 09:00 UTC.
const START_MS: i64 = 1_767_603_600_000;
const HOUR_MS: i64 = 3_600_000;
const DESK: &str = "[desk]\ndte_max = 2.5\nivrv_min = 0.1\n[policy]\nexplore_prob = 0.0\nroll_dte = 0.0\n\
    roll_dte_itm = 0.0\nroll_dte_near = 0.0\n";
const COUNCIL: &str =
    "[council]\npolicies = [\"rules_v1\", \"rules_v2\", \"random\", \"always\", \"never\"]\n";

async fn run<J: Job>(ctx: &Ctx, job: &J) {
    let mut tx = ctx.db.begin().await.unwrap();
    enqueue(&mut tx, ctx, job, Options::default())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    run_until_idle(ctx, &registry::all(), Advance::Stay)
        .await
        .unwrap();
}

/// A desk that ticks six times in a day and a half and then waits for its expiries.
async fn desk(test: &TestDb, text: &str) -> Ctx {
    let config = Config::parse(text, "test").unwrap();
    let llm = Llm::new(&config.llm, None).unwrap().map(Arc::new);
    let clock = Clock::manual(START_MS, &["council"]);
    let ctx = Ctx {
        llm,
        ..Ctx::with_clock(test.db.clone(), "live", clock, Arc::new(config))
    };
    ctx.open().await.unwrap();
    let underlying = Coin::Btc;
    for n in 0..12 {
        let now_ms = START_MS + n * 6 * HOUR_MS;
        ctx.clock.set(Time::Manual { now_ms });
        if n < 6 {
            run(
                &ctx,
                &Tick {
                    underlying,
                    as_of_ms: None,
                },
            )
            .await;
        }
        run(&ctx, &Settle { underlying }).await;
    }
    ctx
}

async fn opinions(ctx: &Ctx) -> Vec<ShadowRow> {
    let mut found = Vec::new();
    for decision in decisions::all(&ctx.db, &ctx.desk).await.unwrap() {
        found.extend(
            shadow_decisions::of_decision(&ctx.db, &decision.id)
                .await
                .unwrap(),
        );
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_policy_is_asked_on_every_tick_and_scored_by_the_desks_own_accounting() {
    each_db(async |test| {
        let ctx = desk(&test, &format!("{DESK}{COUNCIL}")).await;
        let rows = opinions(&ctx).await;
        assert_eq!(rows.len(), 6 * 5);
        assert!(
            rows.iter().all(|row| row.scored_ms.is_some()),
            "all has expired"
        );
        // The desk is rules_v2 without dice: its own opinion is what it did, call for call.
        let made = decisions::all(&ctx.db, &ctx.desk).await.unwrap();
        let fills = fills::all(&ctx.db, &ctx.desk).await.unwrap();
        assert!(!fills.is_empty());
        for decision in &made {
            let of = |policy: &str| {
                let mut rows = rows.iter();
                rows.find(|row| row.decision == decision.id && row.policy == policy)
                    .unwrap()
            };
            let rules = of("rules_v2");
            assert_eq!(
                (&rules.action, &rules.instrument),
                (&decision.final_action, &decision.instrument)
            );
            assert_eq!(rules.reason, decision.reason);
            let traded: Vec<Fill> = serde_json::from_str(&rules.fills).unwrap();
            let booked: Vec<_> = fills
                .iter()
                .filter(|fill| fill.decision == decision.id)
                .collect();
            assert_eq!(traded.len(), booked.len());
            let never = of("never");
            assert_eq!(
                (never.result_coin_e8, never.versus_holding_usd),
                (Some(0), Some(0.0))
            );
            let (end, equity) = (never.end_price.unwrap(), never.equity_coin);
            assert!((never.result_usd.unwrap() - equity * (end - never.index_price)).abs() < 1e-6);
        }
        // What the rules came to is what the desk's book came to: nothing was rolled, all has expired.
        let rules = rows.iter().filter(|row| row.policy == "rules_v2");
        let result: f64 = rules
            .map(|row| float(from_e8(row.result_coin_e8.unwrap())))
            .sum();
        let cash = books::portfolio(&ctx.db, &ctx.desk).await.unwrap();
        let gained = cash.cash("BTC") - ctx.config.exchange.deposit_btc;
        assert!(
            (result - float(gained)).abs() < 1e-7,
            "{result} against {gained}"
        );
        test.db.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_council_changes_nothing_that_the_desk_does() {
    let (alone, judged) = (sqlite().await, sqlite().await);
    let alone = desk(&alone, DESK).await;
    let judged = desk(&judged, &format!("{DESK}{COUNCIL}")).await;
    assert!(opinions(&alone).await.is_empty());
    let of = async |ctx: &Ctx| {
        let rows = decisions::all(&ctx.db, &ctx.desk).await.unwrap();
        let said = rows
            .iter()
            .map(|row| (row.as_of_ms, row.final_action.clone(), row.reason.clone()));
        let fills = fills::all(&ctx.db, &ctx.desk).await.unwrap();
        let fills = fills
            .iter()
            .map(|fill| (fill.instrument.clone(), fill.cash_e8));
        (said.collect::<Vec<_>>(), fills.collect::<Vec<_>>())
    };
    assert_eq!(of(&alone).await, of(&judged).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_judged_beside_the_rules_and_one_that_fails_does_nothing() {
    let answer = |model: &str, content: serde_json::Value| json!({ "match": { "model": model }, "response": { "content": content } });
    let fixtures = json!([
        answer(
            "good",
            json!({ "choice": "c1", "size": 0.1, "reason": "the best premium" })
        ),
        answer(
            "wild",
            json!({ "choice": "everything", "size": 50, "reason": "all in" })
        ),
    ]);
    let Some(server) = Aimock::start(fixtures, &[]).await else {
        return;
    };
    let council = format!(
        "[council]\npolicies = [\"rules_v2\", \"llm\", \"llm:wild\"]\n[llm]\nbase_url = \"{}\"\nmodel = \"good\"\n",
        server.base_url()
    );
    let test = sqlite().await;
    let ctx = desk(&test, &format!("{DESK}{council}")).await;
    let rows = opinions(&ctx).await;
    let of = |policy: &str| {
        rows.iter()
            .filter(|row| row.policy == policy)
            .collect::<Vec<_>>()
    };
    let asked = |policy: &str| {
        let rows = of(policy).into_iter();
        rows.filter(|row| row.llm_call.is_some())
            .collect::<Vec<_>>()
    };
    // Where a call is held there is no c1 to choose, and the same answer is none.
    let (sold, held): (Vec<_>, Vec<_>) = asked("llm")
        .into_iter()
        .partition(|row| row.action == "OPEN_COVERED_CALL");
    assert!(!sold.is_empty(), "the menu was never open: {rows:#?}");
    assert!(
        held.iter().all(|row| row.verdict == "schema_violation"),
        "{held:#?}"
    );
    for row in &sold {
        assert_eq!(
            (row.action.as_str(), row.verdict.as_str()),
            ("OPEN_COVERED_CALL", "approved")
        );
        assert_eq!(row.reason, "the best premium");
        assert!(row.result_coin_e8.is_some_and(|result| result != 0));
        let call = llm_calls::get(&ctx.db, row.llm_call.as_ref().unwrap())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (call.purpose.as_str(), call.model.as_str()),
            ("council", "good")
        );
        assert_eq!(call.decision.as_ref(), Some(&row.decision));
        assert!(call.rule_action.is_some() && call.llm_action.is_some());
    }
    let wild = asked("llm:wild");
    assert_eq!(wild.len(), sold.len() + held.len());
    let calls = (sold.len() + 2 * held.len(), 2 * wild.len());
    for row in wild {
        assert_eq!(
            (row.action.as_str(), row.verdict.as_str()),
            ("DO_NOTHING", "schema_violation")
        );
        assert_eq!(row.result_coin_e8, Some(0));
    }
    // A question and one repair each; what the desk traded is what its rules said.
    let sent = server.journal().await;
    let to = |model: &str| {
        let to = |entry: &&serde_json::Value| entry["body"]["model"] == model;
        sent.iter().filter(to).count()
    };
    assert_eq!((to("good"), to("wild")), calls);
    let traded = of("rules_v2")
        .into_iter()
        .filter(|row| row.action == "OPEN_COVERED_CALL")
        .count();
    assert_eq!(fills::all(&ctx.db, &ctx.desk).await.unwrap().len(), traded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_cannot_be_asked_silences_nobody_else() {
    let council = "[council]\npolicies = [\"rules_v2\", \"llm\"]\n[llm]\nbase_url = \"http://127.0.0.1:9\"\nmodel = \"m\"\n";
    let test = sqlite().await;
    let mut ctx = desk(&test, &format!("{DESK}{council}")).await;
    let rows = opinions(&ctx).await;
    assert_eq!(rows.len(), 12);
    let failed = rows
        .iter()
        .filter(|row| row.verdict == "http_error")
        .count();
    assert!(failed > 0, "{rows:#?}");
    // Without a client at all, as a process has that was started before the settings named one.
    ctx.llm = None;
    let open = rows.iter().find(|row| row.verdict == "http_error").unwrap();
    run(
        &ctx,
        &Council {
            decision: open.decision.clone(),
        },
    )
    .await;
    let again = shadow_decisions::of_decision(&ctx.db, &open.decision)
        .await
        .unwrap();
    let words: Vec<_> = again
        .iter()
        .map(|row| (row.policy.as_str(), row.verdict.as_str()))
        .collect();
    assert_eq!(words, [("llm", "not_asked"), ("rules_v2", "approved")]);
    assert!(
        again[0].reason.contains("[llm] base_url"),
        "{}",
        again[0].reason
    );
}
