//! Journeys of the desk: first run, restart, dry run and orders, expiry, controls, failed ticks.

use crate::support::{TestDb, each_db};
use std::sync::Arc;
use std::time::Duration;
use thetaq::clock::{Anchor, Clock, Time};
use thetaq::config::Config;
use thetaq::ctx::{Ctx, Purpose};
use thetaq::db::decisions::{self, DecisionFilter};
use thetaq::db::{books, desks, equity, fills, orders, settlements};
use thetaq::domain::coin::Coin;
use thetaq::jobs::drain::{Advance, run_until_idle};
use thetaq::jobs::settle::Settle;
use thetaq::jobs::tick::Tick;
use thetaq::jobs::{Job, Options, enqueue, registry, work};
use tokio_util::sync::CancellationToken;

/// 2026-01-05 09:00 UTC.
const START_MS: i64 = 1_767_603_600_000;
const HOUR_MS: i64 = 3_600_000;

/// A desk on the synthetic market whose clock the test sets.
async fn desk(db: &TestDb, text: &str) -> Ctx {
    let config = Arc::new(Config::parse(text, "test").unwrap());
    let clock = Clock::manual(START_MS, &["desk"]);
    let ctx = Ctx::with_clock(db.db.clone(), "test", clock, config);
    ctx.open().await.unwrap();
    ctx
}

async fn run<J: Job>(ctx: &Ctx, job: &J) {
    let mut tx = ctx.db.begin().await.unwrap();
    enqueue(&mut tx, ctx, job, Options::default())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let until_ms = ctx.clock.now_ms() + HOUR_MS;
    run_until_idle(ctx, &registry::all(), Advance::Until(until_ms))
        .await
        .unwrap();
}

async fn tick(ctx: &Ctx, underlying: Coin) -> decisions::DecisionRow {
    run(
        ctx,
        &Tick {
            underlying,
            as_of_ms: None,
        },
    )
    .await;
    newest(ctx).await
}

async fn newest(ctx: &Ctx) -> decisions::DecisionRow {
    let filter = DecisionFilter::of(&ctx.desk, 1);
    decisions::list(&ctx.db, &filter).await.unwrap().remove(0)
}

fn wait_until(ctx: &Ctx, now_ms: i64) {
    ctx.clock.set(Time::Manual { now_ms });
}

#[tokio::test(flavor = "multi_thread")]
async fn first_run_decides_and_trades_both_coins_within_seconds() {
    each_db(async |db| {
        let config = Arc::new(Config::default());
        let ctx = Ctx::live(db.db.clone(), config, Purpose::Work)
            .await
            .unwrap();
        let stop = CancellationToken::new();
        let worker = tokio::spawn(work(ctx.clone(), Arc::new(registry::all()), stop.clone()));
        for underlying in Coin::ALL {
            let mut tx = ctx.db.begin().await.unwrap();
            let tick = Tick {
                underlying,
                as_of_ms: None,
            };
            enqueue(&mut tx, &ctx, &tick, Options::default())
                .await
                .unwrap();
            tx.commit().await.unwrap();
        }
        let mut held = Vec::new();
        for _ in 0..150 {
            held = fills::all(&ctx.db, &ctx.desk).await.unwrap();
            if Coin::ALL
                .iter()
                .all(|coin| held.iter().any(|fill| fill.underlying == coin.as_str()))
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        stop.cancel();
        worker.await.unwrap().unwrap();
        let said = decisions::all(&ctx.db, &ctx.desk).await.unwrap();
        let said: Vec<_> = said
            .iter()
            .map(|row| (&row.underlying, &row.reason, &row.refusal))
            .collect();
        for coin in Coin::ALL {
            let of_coin = held.iter().filter(|fill| fill.underlying == coin.as_str());
            assert!(of_coin.count() > 0, "{coin} was not traded: {said:?}");
        }
        let errors = DecisionFilter {
            source: Some("error".to_owned()),
            ..DecisionFilter::of("live", 10)
        };
        assert_eq!(decisions::list(&ctx.db, &errors).await.unwrap(), []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_fills_at_once_and_values_the_book() {
    each_db(async |db| {
        let ctx = desk(&db, "").await;
        let decision = tick(&ctx, Coin::Btc).await;
        assert_eq!(
            decision.final_action, "OPEN_COVERED_CALL",
            "{}",
            decision.reason
        );
        let placed = orders::of_decision(&ctx.db, &decision.id).await.unwrap();
        assert_eq!(
            (placed.len(), placed[0].state.as_str(), placed[0].simulated),
            (1, "filled", true)
        );
        let portfolio = books::portfolio(&ctx.db, &ctx.desk).await.unwrap();
        assert_eq!(portfolio.short_calls(Coin::Btc), "0.1".parse().unwrap());
        let valued = equity::latest(&ctx.db, &ctx.desk).await.unwrap();
        assert_eq!(valued[0].short_calls_e8, 10_000_000);
        let marks = equity::marks(&ctx.db, &ctx.desk).await.unwrap();
        assert_eq!(Some(&marks[0].instrument), decision.instrument.as_ref());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_go_to_the_exchange_when_it_is_no_dry_run() {
    each_db(async |db| {
        let ctx = desk(&db, "[desk]\ndry_run = false\n[exchange]\nspeed = 1.0").await;
        let decision = tick(&ctx, Coin::Eth).await;
        let placed = orders::of_decision(&ctx.db, &decision.id).await.unwrap();
        assert_eq!(placed[0].state, "filled", "{placed:?}");
        let made = fills::of_decision(&ctx.db, &decision.id).await.unwrap();
        assert!(
            made.iter().all(|fill| fill.source == "exchange"),
            "{made:?}"
        );
        let ours = books::portfolio(&ctx.db, &ctx.desk).await.unwrap();
        let now_ms = ctx.clock.now_ms();
        let theirs = ctx.exchange.account(Coin::Eth, now_ms).await.unwrap();
        assert_eq!(ours.cash("ETH"), theirs.balance);
        let held = ctx.exchange.positions(Coin::Eth, now_ms).await.unwrap();
        assert_eq!(held[0].size, -ours.short_calls(Coin::Eth));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expiry_is_settled_once_at_the_delivery_price() {
    each_db(async |db| {
        let ctx = desk(&db, "").await;
        let decision = tick(&ctx, Coin::Btc).await;
        let call: thetaq::domain::instrument::Instrument =
            decision.instrument.unwrap().parse().unwrap();
        wait_until(&ctx, call.expiry_ms + 30_000);
        run(
            &ctx,
            &Settle {
                underlying: Coin::Btc,
            },
        )
        .await;
        run(
            &ctx,
            &Settle {
                underlying: Coin::Btc,
            },
        )
        .await;
        let settled = settlements::all(&ctx.db, &ctx.desk).await.unwrap();
        assert_eq!(settled.len(), 1);
        let price = ctx
            .exchange
            .delivery_price(Coin::Btc, call.expiry_ms, ctx.clock.now_ms());
        let (price, _) = price.await.unwrap().unwrap();
        assert_eq!(
            settled[0].delivery_price_e8,
            thetaq::domain::money::to_e8(price)
        );
        let portfolio = books::portfolio(&ctx.db, &ctx.desk).await.unwrap();
        assert_eq!(portfolio.positions().count(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn controls_keep_the_desk_from_opening() {
    each_db(async |db| {
        let ctx = desk(&db, "").await;
        let mut tx = ctx.db.begin().await.unwrap();
        desks::set_kill_switch(&mut tx, "test", true, START_MS)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let killed = tick(&ctx, Coin::Btc).await;
        assert_eq!(
            (killed.final_action.as_str(), killed.risk_verdict.as_str()),
            ("DO_NOTHING", "refused")
        );
        let mut tx = ctx.db.begin().await.unwrap();
        desks::set_kill_switch(&mut tx, "test", false, START_MS)
            .await
            .unwrap();
        desks::set_state(&mut tx, "test", desks::DeskState::Paused, START_MS)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        wait_until(&ctx, START_MS + HOUR_MS);
        let paused = tick(&ctx, Coin::Btc).await;
        assert_eq!(paused.proposed_action, "DO_NOTHING");
        assert!(paused.reason.contains("paused"), "{}", paused.reason);
        let mut tx = ctx.db.begin().await.unwrap();
        desks::set_state(&mut tx, "test", desks::DeskState::Stopped, START_MS)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        wait_until(&ctx, START_MS + 2 * HOUR_MS);
        assert_eq!(
            tick(&ctx, Coin::Btc).await.id,
            paused.id,
            "a stopped desk decides nothing"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_where_the_desk_stopped() {
    each_db(async |db| {
        let config = Arc::new(Config::default());
        let ctx = Ctx::live(db.db.clone(), config.clone(), Purpose::Work)
            .await
            .unwrap();
        let mut tx = ctx.db.begin().await.unwrap();
        // The anchor lies an hour of the wall back and nobody worked since: 30 days of desk time.
        let row = ctx.row().await.unwrap();
        let wall_ms = row.wall_anchor_ms.unwrap() - HOUR_MS;
        let desk_ms = row.desk_anchor_ms.unwrap();
        let anchor = Anchor {
            desk_ms,
            wall_ms,
            speed: 720.0,
        };
        assert!(desks::set_anchor(&mut tx, &row, anchor).await.unwrap());
        tx.commit().await.unwrap();
        let watching = Ctx::live(db.db.clone(), config.clone(), Purpose::Watch)
            .await
            .unwrap();
        assert_eq!(
            watching.clock.now_ms(),
            desk_ms,
            "time stands while nobody works"
        );
        let mut looks = (*config).clone();
        looks.desk.dry_run = false;
        let looking = Ctx::live(db.db.clone(), Arc::new(looks), Purpose::Watch).await;
        let row = looking.unwrap().row().await.unwrap();
        assert!(
            row.dry_run,
            "whoever only looks changes no setting of the desk"
        );
        let working = Ctx::live(db.db.clone(), config, Purpose::Work)
            .await
            .unwrap();
        let leapt_ms = working.clock.now_ms() - desk_ms;
        assert!((0..HOUR_MS * 4).contains(&leapt_ms), "leapt {leapt_ms} ms");
        watching.refresh(Purpose::Watch).await.unwrap();
        assert_eq!(watching.clock.time(), working.clock.time());
    })
    .await;
}

/// Mistake 26 of the earlier system: a failed tick left no row.
#[tokio::test(flavor = "multi_thread")]
async fn mistake_26_a_failed_tick_is_a_decision_row_with_its_error() {
    each_db(async |db| {
        // Recorded chains are asked for and none was imported.
        let ctx = desk(&db, "[exchange]\nmarket = \"replay\"").await;
        let failed = tick(&ctx, Coin::Eth).await;
        assert_eq!(
            (failed.source.as_str(), failed.risk_verdict.as_str()),
            ("error", "error")
        );
        assert!(failed.error.unwrap().contains("no quotes of ETH"));
        let all = decisions::all(&ctx.db, &ctx.desk).await.unwrap();
        assert_eq!(all.len(), 3, "one row per attempt");
    })
    .await;
}
