//! The council of a desk on the synthetic market: asked beside every tick, scored at expiry, never traded.

use crate::support::{TestDb, each_db, sqlite};
use std::sync::Arc;
use thetaq::clock::{Clock, Time};
use thetaq::config::Config;
use thetaq::ctx::Ctx;
use thetaq::db::shadow_decisions::{self, ShadowRow};
use thetaq::db::{books, decisions, fills};
use thetaq::domain::coin::Coin;
use thetaq::domain::money::{float, from_e8};
use thetaq::domain::order::Fill;
use thetaq::jobs::drain::{Advance, run_until_idle};
use thetaq::jobs::settle::Settle;
use thetaq::jobs::tick::Tick;
use thetaq::jobs::{Job, Options, enqueue, registry};

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
    let config = Arc::new(Config::parse(text, "test").unwrap());
    let clock = Clock::manual(START_MS, &["council"]);
    let ctx = Ctx::with_clock(test.db.clone(), "test", clock, config);
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
            .map(|row| (row.id.clone(), row.final_action.clone(), row.reason.clone()));
        let fills = fills::all(&ctx.db, &ctx.desk).await.unwrap();
        let fills = fills
            .iter()
            .map(|fill| (fill.instrument.clone(), fill.cash_e8));
        (said.collect::<Vec<_>>(), fills.collect::<Vec<_>>())
    };
    assert_eq!(of(&alone).await, of(&judged).await);
}
