//! Features against numbers worked out by hand, and what short or broken histories give.

use super::*;
use crate::domain::coin::Coin;
use crate::domain::fixture::{self, AS_OF_MS};
use crate::domain::instrument::{DAY_MS, Style};
use crate::domain::math::exp;

/// `prices` as daily closes, the last one `age_ms` before the decision.
fn history(prices: &[f64], age_ms: i64) -> History {
    let last = prices.len() as i64 - 1;
    let at = |day: i64| AS_OF_MS - age_ms - (last - day) * DAY_MS;
    History {
        closes: (0..)
            .zip(prices)
            .map(|(day, price)| (at(day), *price))
            .collect(),
        closes_source: Source::DeliveryPrice,
        dvol: Vec::new(),
        dvol_source: Source::VolatilityIndex,
    }
}

/// Up 1 % and down 1 % in log terms by turns.
fn zigzag(days: usize) -> Vec<f64> {
    (0..days)
        .map(|day| 90_000.0 * exp(0.01 * (day % 2) as f64))
        .collect()
}

fn of(history: &History) -> Features {
    features(
        history,
        &fixture::chain(Coin::Btc, Style::Inverse),
        AS_OF_MS,
    )
}

fn near(feature: &Feature, expect: f64) {
    let value = feature.value.unwrap_or_else(|| panic!("{feature:?}"));
    assert!((value - expect).abs() < 1e-9, "{value} is not {expect}");
}

#[test]
fn realised_volatility_is_the_sample_deviation_of_daily_returns() {
    let features = of(&history(&zigzag(31), 0));
    // Seven returns of +-0.01, four of one sign: variance 0.0001 x (7 - 1/7) / 6.
    let week: f64 = 0.0001 * (7.0 - 1.0 / 7.0) / 6.0 * 365.0;
    near(&features.realised_vol_7d, week.sqrt());
    let month: f64 = 0.0001 * 30.0 / 29.0 * 365.0;
    near(&features.realised_vol_30d, month.sqrt());
    assert_eq!(features.realised_vol_7d.source, Source::DeliveryPrice);
}

/// Mistake 1 of the earlier system: realised volatility was invented as 0.8 of the implied one.
#[test]
fn mistake_1_realised_volatility_is_measured_or_null() {
    let wild: Vec<f64> = (0..40)
        .map(|day| 90_000.0 * (1.0 + 0.1 * f64::from(day % 2)))
        .collect();
    let (calm, wild) = (of(&history(&zigzag(40), 0)), of(&history(&wild, 0)));
    let ratio =
        |features: &Features| matching_realised_vol(features, 7.0).map(|rv| fixture::VOL / rv);
    assert!(
        ratio(&calm) > ratio(&wild),
        "one chain, two pasts, two ratios"
    );
    assert_ne!(ratio(&calm), Some(1.25));
    let none = of(&history(&[90_000.0; 3], 0));
    assert_eq!(none.realised_vol_7d.value, None);
    assert_eq!(matching_realised_vol(&none, 7.0), None);
}

/// Mistake 3 of the earlier system: "MA200" was computed from 60 days, and for BTC only.
#[test]
fn mistake_3_averages_come_from_whole_windows_of_each_underlying() {
    let check = |days: usize, ma50: bool, ma200: bool| {
        let features = of(&history(&zigzag(days), 0));
        assert_eq!(features.ma50.value.is_some(), ma50, "{days} days");
        assert_eq!(features.ma200.value.is_some(), ma200, "{days} days");
        assert_eq!(features.regime == Regime::Unknown, !ma200, "{days} days");
    };
    check(49, false, false);
    check(60, true, false);
    check(199, true, false);
    check(200, true, true);
    let short = of(&history(&zigzag(60), 0));
    let note = short.ma200.note.expect("says why");
    assert!(note.contains("200") && note.contains("60"), "{note}");
    let eth = fixture::chain(Coin::Eth, Style::Inverse);
    let eth = features(&history(&[2_000.0; 200], 0), &eth, AS_OF_MS);
    near(&eth.ma200, 2_000.0);
    near(&eth.distance_ma200, 0.5);
}

#[test]
fn a_hole_or_an_old_end_makes_a_window_null() {
    let mut holed = history(&zigzag(60), 0);
    holed.closes.remove(55);
    let features = of(&holed);
    assert_eq!(features.realised_vol_7d.value, None);
    assert!(features.ma50.note.expect("note").contains("is missing"));
    let stale = of(&history(&zigzag(60), 3 * DAY_MS));
    assert!(
        stale
            .ma50
            .note
            .expect("note")
            .contains("latest daily close is of 2026-01-17")
    );
}

#[test]
fn returns_are_measured_from_the_index_to_the_close_so_many_days_ago() {
    let mut prices = vec![60_000.0; 31];
    prices[29] = 75_000.0;
    prices[23] = 80_000.0;
    let features = of(&history(&prices, 0));
    near(&features.return_1d, 0.2);
    near(&features.return_7d, 0.125);
    near(&features.return_30d, 0.5);
    assert_eq!(of(&history(&prices[..20], 0)).return_30d.value, None);
}

#[test]
fn nothing_later_than_the_decision_is_seen() {
    let past = history(&zigzag(210), 0);
    let mut leaking = past.clone();
    leaking.closes.push((AS_OF_MS + 1, 1.0));
    leaking.dvol = vec![(AS_OF_MS + 1, 9.0)];
    assert_eq!(of(&leaking), of(&past));
    let mut late = fixture::chain(Coin::Btc, Style::Inverse);
    late.at_ms = AS_OF_MS + 1;
    let features = features(&past, &late, AS_OF_MS);
    assert_eq!(features.return_1d.value, None);
    assert_eq!(features.term_slope.value, None);
}

#[test]
fn regimes_need_both_distance_and_return() {
    let check = |distance, change, expect| assert_eq!(regime(distance, change), expect);
    check(Some(0.06), Some(0.11), Regime::Bull);
    check(Some(0.05), Some(0.11), Regime::Sideways);
    check(Some(0.06), Some(0.10), Regime::Sideways);
    check(Some(-0.06), Some(-0.11), Regime::Bear);
    check(Some(-0.06), Some(0.11), Regime::Sideways);
    check(None, Some(0.5), Regime::Unknown);
    check(Some(0.5), None, Regime::Unknown);
}

#[test]
fn the_volatility_index_is_ranked_over_a_whole_year_only() {
    let mut history = history(&zigzag(60), 0);
    let days = |count: i64| -> Vec<(i64, f64)> {
        (0..count)
            .map(|ago| (AS_OF_MS - ago * DAY_MS, 0.4 + 0.001 * (ago % 101) as f64))
            .rev()
            .collect()
    };
    history.dvol = days(366);
    history.dvol.last_mut().expect("days").1 = 0.45;
    let year = of(&history);
    near(&year.dvol, 0.45);
    near(&year.iv_rank, 0.5);
    history.dvol = days(200);
    let short = of(&history);
    near(&short.dvol, 0.4);
    assert!(short.iv_rank.note.expect("note").contains("200 days"));
    history.dvol.truncate(190);
    assert_eq!(of(&history).dvol.value, None, "ten days old");
}

#[test]
fn a_flat_surface_has_neither_slope_nor_skew_and_a_tilted_one_shows_both() {
    let past = history(&zigzag(60), 0);
    let mut chain = fixture::chain(Coin::Btc, Style::Inverse);
    let flat = features(&past, &chain, AS_OF_MS);
    near(&flat.term_slope, 0.0);
    near(&flat.skew_25d, 0.0);
    for quote in &mut chain.quotes {
        let far = quote.instrument.dte(AS_OF_MS) > 20.0;
        let below = quote.instrument.strike() < 90_000.0;
        quote.mark_iv = Some(0.45 + if far { 0.05 } else { 0.0 } + if below { 0.04 } else { 0.0 });
    }
    let tilted = features(&past, &chain, AS_OF_MS);
    assert!(
        tilted.term_slope.value > Some(0.03),
        "{:?}",
        tilted.term_slope
    );
    near(&tilted.skew_25d, 0.04);
    chain
        .quotes
        .retain(|quote| quote.instrument.dte(AS_OF_MS) < 20.0);
    let short = features(&past, &chain, AS_OF_MS);
    assert!(short.skew_25d.value.is_none() && short.skew_25d.note.is_some());
}

#[test]
fn the_matching_horizon_is_interpolated_in_variance() {
    let mut features = fixture::features(0.4);
    features.realised_vol_30d = Feature::known(0.6, Source::DeliveryPrice);
    let at = |dte: f64| matching_realised_vol(&features, dte).expect("known");
    assert_eq!((at(1.0), at(7.0), at(30.0), at(90.0)), (0.4, 0.4, 0.6, 0.6));
    let middle: f64 = f64::midpoint(0.16, 0.36);
    assert!((at(18.5) - middle.sqrt()).abs() < 1e-12);
}
