//! Replays: the same seed gives the same rows on either engine, and a stored decision comes out again.

use crate::support::{TestDb, each_db, postgres, sqlite};
use std::sync::Arc;
use thetaq::clock::Clock;
use thetaq::config::Config;
use thetaq::ctx::Ctx;
use thetaq::db::chains::{self, SnapshotRow};
use thetaq::db::series::{self, Origin, Point, Series};
use thetaq::db::{decisions, history, settlements};
use thetaq::domain::chain::Source;
use thetaq::domain::coin::Coin;
use thetaq::domain::instrument::Instrument;
use thetaq::market::synthetic::Synthetic;
use thetaq::replay::{ReplayMarket, ReplayReport, replay_decision, replay_market};

/// 2026-01-05 00:00 UTC.
const FROM_MS: i64 = 1_767_571_200_000;
const DAY_MS: i64 = 86_400_000;

/// Four days of chains, three a day, and their delivery prices, stored as if they had been recorded.
async fn record(db: &TestDb) {
    let market = Synthetic::new("recorded");
    let mut tx = db.db.begin().await.unwrap();
    for n in 0..12 {
        for coin in Coin::ALL {
            let mut chain = market.chain(coin, FROM_MS + n * DAY_MS / 3);
            chain.source = Source::Recorded;
            let row = SnapshotRow::of_chain(chains::RECORDED, &chain);
            chains::insert(&mut tx, &row).await.unwrap();
        }
    }
    for coin in Coin::ALL {
        let index_name = coin.index_name().to_owned();
        let closes: Vec<Point> = (-240..5)
            .map(|day| FROM_MS + day * DAY_MS + DAY_MS / 3)
            .map(|at_ms| Point::new(at_ms, [Some(market.delivery_price(coin, at_ms))]))
            .collect();
        let series = Series::DeliveryPrices { index_name };
        series::insert(&mut tx, &series, Origin::of_file("test"), &closes)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
}

fn config() -> Config {
    // Short calls alone, so that some expire within the four days.
    Config::parse("[desk]\nivrv_min = 0.1\ndte_max = 3", "test").unwrap()
}

async fn run(db: &TestDb, seed: &str) -> ReplayReport {
    run_with(db, seed, &config()).await
}

async fn run_with(db: &TestDb, seed: &str, config: &Config) -> ReplayReport {
    let wanted = ReplayMarket {
        from_ms: FROM_MS,
        to_ms: FROM_MS + 4 * DAY_MS,
        seed: Some(seed.to_owned()),
        desk: Some("replay".to_owned()),
        underlyings: Vec::new(),
    };
    let report = replay_market(&db.db, config, &wanted, |_, _| {})
        .await
        .unwrap();
    ReplayReport {
        seconds: 0.0,
        ..report
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_gives_the_same_rows_on_both_engines_and_again() {
    let (lite, server) = (sqlite().await, postgres().await);
    record(&lite).await;
    record(&server).await;
    let first = run(&lite, "7").await;
    assert_eq!(
        (first.snapshots, first.decisions, first.errors),
        (24, 24, 0),
        "{first:?}"
    );
    assert_eq!(first, run(&server, "7").await);
    assert_eq!(
        first,
        run(&lite, "7").await,
        "a second run replaces the first"
    );
    assert_ne!(first.digest, run(&lite, "8").await.digest);
    assert!(first.fills > 4, "{first:?}");
    assert_eq!(first.cash_check, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_decision_comes_out_again_to_the_last_bit() {
    each_db(async |db| {
        record(&db).await;
        run(&db, "7").await;
        let ctx = Ctx::with_clock(db.db.clone(), "replay", Clock::real(), Arc::new(config()));
        let rows = decisions::all(&ctx.db, "replay").await.unwrap();
        for row in &rows {
            let again = replay_decision(&ctx, &row.id).await.unwrap();
            assert!(again.identical, "{:#?}", again.differences);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_held_to_expiry_settle_at_the_recorded_delivery_prices() {
    each_db(async |db| {
        record(&db).await;
        let text = "[desk]\nivrv_min = 0.1\ndte_max = 3\n\
            [policy]\nroll_dte = 0\nroll_dte_itm = 0\nroll_dte_near = 0";
        let report = run_with(&db, "7", &Config::parse(text, "test").unwrap()).await;
        assert!(report.settlements >= 2, "{report:?}");
        assert_eq!(report.cash_check, 0.0);
        for row in settlements::all(&db.db, "replay").await.unwrap() {
            let call: Instrument = row.instrument.parse().unwrap();
            let recorded = history::delivery_price(&db.db, call.coin, call.expiry_ms).await;
            let recorded = recorded.unwrap().unwrap();
            assert!(
                (row.delivery_price_e8 as f64 / 1e8 - recorded).abs() < 1e-7,
                "{row:?}"
            );
            assert_eq!(
                (row.price_source.as_str(), row.at_ms),
                ("delivery_price", call.expiry_ms)
            );
        }
    })
    .await;
}
