//! Mistakes of the earlier system in whole backtests; the others stand beside what they are about.

use super::{by_hand, conserves};
use crate::backtest::*;
use crate::domain::chain::{Chain, Quote};
use crate::domain::coin::Coin;
use crate::domain::fixture::named;
use crate::domain::instrument::DAY_MS;
use rust_decimal::Decimal;

/// 2026-01-05 09:00 UTC.
const FROM_MS: i64 = 1_767_603_600_000;

fn month() -> Data {
    let to_ms = FROM_MS + 30 * DAY_MS;
    synthetic("mistakes", Coin::Btc, FROM_MS, to_ms, DAY_MS / 4)
}

/// Mistake 7 of the earlier system: a linear premium, which is USDC, was priced and added up as coin.
#[test]
fn mistake_7_a_linear_call_beside_an_inverse_one_changes_nothing() {
    let plain = by_hand::data(Some(100_000.0));
    let mut builder = Builder::new(Coin::Btc, by_hand::daily(Some(100_000.0)));
    for (n, snapshot) in plain.snapshots().iter().enumerate() {
        let chain: &Chain = &snapshot.chain;
        let mut quotes = chain.quotes.clone();
        // The delta that is looked for, and a bid that would be a fortune in coin.
        quotes.push(Quote {
            instrument: named("BTC_USDC-23JAN26-98000-C"),
            bid: Some(900.0),
            ask: Some(905.0),
            mark: Some(902.0),
            delta: Some(0.25),
            ..quotes[0]
        });
        quotes.sort_by_key(|quote| quote.instrument);
        let chain = Chain {
            quotes,
            ..chain.clone()
        };
        builder.push(chain, &n.to_string(), "recorded");
    }
    let mixed = builder.finish("recorded");
    assert_eq!(mixed.stamp.quotes, plain.stamp.quotes + 5);
    let with = run(&mixed, &by_hand::setup()).expect("runs");
    let without = run(&plain, &by_hand::setup()).expect("runs");
    assert_eq!(with.chains, without.chains);
    assert_eq!(with.points, without.points);
}

/// Mistake 9 of the earlier system: a full-size trade at every decision, whatever was open already.
#[test]
fn mistake_9_calls_that_are_open_count_at_every_decision() {
    let data = month();
    for (max_calls, size) in [(1, Decimal::new(1, 1)), (3, Decimal::new(4, 1))] {
        let setup = Setup {
            policy: Policy::Always,
            exit: crate::domain::settings::ExitStyle::HoldToExpiry,
            order_size: size,
            max_calls,
            ..Setup::default()
        };
        let run = run(&data, &setup).expect("runs");
        conserves(&run);
        let most = run.points.iter().map(|point| point.short_calls).max();
        // Of three calls of 0.4 the coin covers two.
        let room = (size * Decimal::from(max_calls)).min(Decimal::new(8, 1));
        assert_eq!(most, Some(room.max(size)), "{max_calls} calls of {size}");
        let sales = run.taken.iter().filter(|one| one.fills > 0).count();
        assert!(sales > 2 && sales < run.taken.len() / 3, "{sales} sales");
    }
}

/// Mistake 13 of the earlier system: what is not known became 0, and so looked like a result.
#[test]
fn mistake_13_figures_that_are_not_known_are_null_and_not_zero() {
    let idle = Setup {
        policy: Policy::Never,
        ..by_hand::setup()
    };
    let run = run(&by_hand::data(Some(100_000.0)), &idle).expect("runs");
    let metrics = &run.metrics;
    let unknown = [
        metrics.win_rate,
        metrics.profit_factor,
        metrics.average_win,
        metrics.average_loss,
        metrics.premium_kept,
        metrics.assignment_rate,
    ];
    assert_eq!(unknown, [None; 6]);
    let data = by_hand::data(None);
    let features = &data.snapshots()[0].features;
    assert_eq!(
        (features.realised_vol_30d.value, features.ma200.value),
        (None, None)
    );
    let stored = serde_json::to_value(metrics).expect("plain numbers");
    assert!(stored["win_rate"].is_null() && stored["chains"] == 0);
}
