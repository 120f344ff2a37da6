//! A dozen quotes, two rolls and an assignment, every number derived below.
//!
//! One coin, calls of 0.1, exits tp_and_roll. Prices are coin per coin; the fee of a trade is 0.1 x
//! min(0.0003, 0.125 x price).
//!
//! ```text
//!  2 Jan  index  90,000  sells A (9 Jan 96,000) at its bid 0.0100: +0.00100, fee 0.00003
//!                        after it A is marked 0.0102: running 0.00097 - 0.00102 = -0.00005
//!  5 Jan  index  86,000  A is asked 0.0012: 1 - 0.12 = 88 % earned, 3.96 days left: taken and rolled
//!                        buys A at 0.0012: -0.00012, fee 0.1 x 0.125 x 0.0012 = 0.000015
//!                        sells C (16 Jan 92,000) at 0.0110: +0.00110, fee 0.00003
//!                        A came to 0.00100 - 0.00012 - 0.000045 = 0.000835
//!                        running 0.000835 + 0.00107 - 0.1 x 0.0112 = 0.000785
//!  8 Jan  index  91,000  91,000 / 92,000 = 0.989: C is defended
//!                        buys C at 0.0240: -0.00240, fee 0.00003
//!                        sells D (16 Jan 98,000) at 0.0085: +0.00085, fee 0.00003
//!                        C came to 0.00110 - 0.00240 - 0.00006 = -0.001360
//!                        running 0.000835 - 0.00136 + 0.00082 - 0.1 x 0.0087 = -0.000575
//! 13 Jan  index  95,000  95,000 / 98,000 = 0.969, nothing is earned: held
//! 16 Jan  delivery 100,000: D pays 0.1 x 2,000 / 100,000 = 0.002, fee 0.1 x 0.00015 = 0.000015
//!                        D came to 0.00085 - 0.002 - 0.000045 = -0.001195
//! 17 Jan  index  99,000  nobody bids for anything: nothing
//! ```
//!
//! Balance 1 + 0.00295 - 0.00252 - 0.002 - 0.00015 = 0.99828; the chain came to -0.00172, and fell from
//! 0.000785 to that: 0.002505. In USD each amount counts at the index of its instant:
//! A 0.00097 x 90,000 - 0.000135 x 86,000 = 75.69; C 0.00107 x 86,000 - 0.00243 x 91,000 = -129.11;
//! D 0.00082 x 91,000 - 0.002015 x 100,000 = -126.88. Rolls cost 0.1 x (0.0001 + 0.0002 + 0.0002 + 0.0002)
//! against the marks, the first sale 0.1 x 0.0002.

use super::conserves;
use crate::backtest::*;
use crate::domain::chain::{Chain, Quote, Source};
use crate::domain::coin::Coin;
use crate::domain::fixture::{decimal, named};
use crate::domain::instrument::{DAY_MS, parse_expiry};
use crate::domain::settings::ExitStyle;

const A: &str = "BTC-9JAN26-96000-C";
const B: &str = "BTC-9JAN26-100000-C";
const C: &str = "BTC-16JAN26-92000-C";
const D: &str = "BTC-16JAN26-98000-C";
const E: &str = "BTC-23JAN26-110000-C";
const F: &str = "BTC-30JAN26-112000-C";

/// Contract, bid, ask, mark, delta.
type Row = (&'static str, Option<f64>, f64, f64, f64);

fn quote((name, bid, ask, mark, delta): Row) -> Quote {
    Quote {
        instrument: named(name),
        underlying_price: 90_000.0,
        bid,
        ask: Some(ask),
        bid_size: None,
        ask_size: None,
        mark: Some(mark),
        mark_iv: Some(0.5),
        delta: Some(delta),
        open_interest: Some(100.0),
        volume: None,
    }
}

/// 09:00 UTC of a day.
fn at(day: &str) -> i64 {
    parse_expiry(day).expect(day) + 3_600_000
}

/// The delivery price of 16 January and nothing else.
pub(super) fn daily(delivery: Option<f64>) -> Daily {
    let series = |points, source| Series { points, source };
    let price = delivery.map(|price| (at("16JAN26") - 3_600_000, price));
    Daily {
        closes: series(Vec::new(), Source::Missing),
        dvol: series(Vec::new(), Source::Missing),
        deliveries: series(price.into_iter().collect(), Source::DeliveryPrice),
    }
}

pub(super) fn data(delivery: Option<f64>) -> Data {
    let daily = daily(delivery);
    let mut builder = Builder::new(Coin::Btc, daily);
    let days: [(&str, f64, &[Row]); 5] = [
        (
            "2JAN26",
            90_000.0,
            &[
                (A, Some(0.0100), 0.0105, 0.0102, 0.25),
                (B, Some(0.0040), 0.0041, 0.0040, 0.11),
            ],
        ),
        (
            "5JAN26",
            86_000.0,
            &[
                (A, Some(0.0010), 0.0012, 0.0011, 0.05),
                (B, Some(0.0001), 0.0002, 0.0001, 0.01),
                (C, Some(0.0110), 0.0115, 0.0112, 0.26),
            ],
        ),
        (
            "8JAN26",
            91_000.0,
            &[
                (A, Some(0.0008), 0.0009, 0.0008, 0.08),
                (C, Some(0.0235), 0.0240, 0.0238, 0.49),
                (D, Some(0.0085), 0.0090, 0.0087, 0.27),
            ],
        ),
        (
            "13JAN26",
            95_000.0,
            &[
                (D, Some(0.0090), 0.0095, 0.0092, 0.30),
                (E, None, 0.0020, 0.0010, 0.09),
            ],
        ),
        (
            "17JAN26",
            99_000.0,
            &[
                (E, None, 0.0020, 0.0010, 0.11),
                (F, None, 0.0040, 0.0030, 0.15),
            ],
        ),
    ];
    for (day, index_price, rows) in days {
        let mut quotes: Vec<Quote> = rows.iter().copied().map(quote).collect();
        quotes.sort_by_key(|quote| quote.instrument);
        let chain = Chain {
            coin: Coin::Btc,
            at_ms: at(day),
            source: Source::Recorded,
            index_price,
            quotes,
        };
        builder.push(chain, day, "recorded");
    }
    builder.finish("recorded")
}

pub(super) fn setup() -> Setup {
    Setup {
        policy: Policy::Always,
        exit: ExitStyle::TpAndRoll,
        ..Setup::default()
    }
}

fn near(value: f64, expect: f64) {
    assert!((value - expect).abs() < 1e-9, "{value} is not {expect}");
}

/// Mistake 8 of the earlier system: no fees, no spread, both legs of a roll at one mark, expiry at the last
/// candle instead of the delivery price.
#[test]
fn mistake_8_two_rolls_and_an_assignment_come_out_as_on_paper() {
    let run = run(&data(Some(100_000.0)), &setup()).expect("runs");
    conserves(&run);
    let [chain] = &run.chains[..] else {
        panic!("{:?}", run.chains);
    };
    let legs: Vec<_> = chain
        .legs
        .iter()
        .map(|leg| {
            (
                leg.instrument.name(),
                leg.open_price,
                leg.close_price,
                leg.fees,
                leg.pnl,
            )
        })
        .collect();
    let leg = |name: &str, numbers: [&str; 4]| {
        let [open, close, fees, pnl] = numbers.map(decimal);
        (name.to_owned(), open, close, fees, pnl)
    };
    assert_eq!(
        legs,
        [
            leg(A, ["0.0100", "0.0012", "0.000045", "0.000835"]),
            leg(C, ["0.0110", "0.0240", "0.00006", "-0.00136"]),
            leg(D, ["0.0085", "0.02", "0.000045", "-0.001195"]),
        ]
    );
    let triggers: Vec<_> = chain.legs.iter().map(|leg| leg.trigger).collect();
    let expect = [Trigger::TpRoll, Trigger::DefensiveRoll, Trigger::Expiry];
    assert_eq!(triggers, expect.map(Some));
    for (leg, usd) in chain.legs.iter().zip([75.69, -129.11, -126.88]) {
        near(leg.pnl_usd, usd);
    }
    assert_eq!(chain.pnl, decimal("-0.00172"));
    near(chain.pnl_usd, -180.30);
    near(chain.max_drawdown, 0.002_505);
    assert!(chain.legs[2].assigned && !chain.legs[0].assigned);
    assert_eq!(chain.legs[2].closed_ms, named(D).expiry_ms);
}

#[test]
fn the_book_and_the_metrics_are_those_of_the_example() {
    let run = run(&data(Some(100_000.0)), &setup()).expect("runs");
    let last = run.points.last().expect("five steps");
    assert_eq!((run.points.len(), last.balance), (5, decimal("0.99828")));
    near(last.equity_usd(), 0.998_28 * 99_000.0);
    near(run.points[3].option_value, -0.1 * 0.0092);
    let metrics = &run.metrics;
    near(metrics.coin.total_return, -0.001_72);
    near(
        metrics.usd.total_return,
        0.998_28 * 99_000.0 / 90_000.0 - 1.0,
    );
    near(metrics.premium_collected, 0.002_95);
    near(metrics.premium_kept.expect("sold"), -0.001_57 / 0.002_95);
    near(metrics.fees, 0.000_15);
    near(metrics.roll_cost, 0.000_07);
    near(run.attribution.coin.spread, -0.000_02);
    near(metrics.upside_given_away, 0.002);
    near(metrics.turnover, 0.5);
    near(metrics.time_in_market, 1.0);
    near(metrics.days, 15.0);
    assert_eq!((metrics.rolls, metrics.legs, metrics.chains), (2, 3, 1));
    assert_eq!(
        (metrics.assignment_rate, metrics.win_rate),
        (Some(1.0), Some(0.0))
    );
    assert_eq!(run.breakdowns.triggers["tp_roll"].wins, 1);
    assert_eq!(run.breakdowns.delta["0.20-0.30"].legs, 3);
    assert_eq!((run.data.snapshots, run.data.quotes), (5, 12));
    assert_eq!(run.data.shares["recorded"], 1.0);
}

#[test]
fn without_fees_the_same_trades_cost_none() {
    let free = Setup {
        fee_model: crate::domain::settings::FeeModel::None,
        ..setup()
    };
    let run = run(&data(Some(100_000.0)), &free).expect("runs");
    conserves(&run);
    let last = run.points.last().expect("five steps");
    assert_eq!(last.balance, decimal("0.99843"));
}

/// Mistake 13 of the earlier system: what failed became "do nothing, reward 0".
#[test]
fn mistake_13_a_missing_delivery_price_is_an_error_and_not_a_zero() {
    let error = run(&data(None), &setup()).expect_err("nothing to settle at");
    let text = error.to_string();
    assert!(
        text.contains("2026-01-16T08:00:00Z") && text.contains("thetaq import"),
        "{text}"
    );
}

#[test]
fn a_run_goes_on_from_any_step_with_the_same_numbers() {
    let (data, setup) = (data(Some(100_000.0)), setup());
    let whole = run(&data, &setup).expect("runs");
    for stop in 1..5 {
        let mut first = Run::new(&data, &setup, Strategy::Policy).expect("runs");
        assert!(!first.advance(stop).expect("runs"));
        let state = first.into_state();
        let mut second = Run::resume(&data, &setup, Strategy::Policy, state).expect("goes on");
        assert!(second.advance(100).expect("runs"));
        assert_eq!(second.finish(), whole, "stopped after {stop}");
    }
}

#[test]
fn what_if_answers_for_one_call() {
    let data = data(Some(100_000.0));
    let held = Setup {
        exit: ExitStyle::HoldToExpiry,
        ..setup()
    };
    let at_ms = data.snapshots()[2].chain.at_ms;
    let found = what_if(&data, &held, at_ms - 1, Wanted::Contract(named(D))).expect("sold");
    let [chain] = &found.chains[..] else {
        panic!("{:?}", found.chains);
    };
    assert_eq!((chain.legs.len(), chain.pnl), (1, decimal("-0.001195")));
    let near = Wanted::Near {
        dte: 7.0,
        delta: 0.45,
    };
    let found = what_if(&data, &held, at_ms, near).expect("sold");
    assert_eq!(found.chains[0].legs[0].instrument, named(C));
    let unbid = what_if(&data, &held, at_ms + DAY_MS, Wanted::Contract(named(E)));
    let text = unbid.expect_err("nobody bids").to_string();
    assert!(text.contains("could not be sold"), "{text}");
}
