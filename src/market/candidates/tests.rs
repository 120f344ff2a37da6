//! Every filter in its order, by how much, and the setting that would admit the call.

use super::*;
use crate::domain::chain::Chain;
use crate::domain::coin::Coin;
use crate::domain::fixture;
use crate::domain::settings::Mode;
use std::sync::Arc;

const CALL: &str = "BTC-30JAN26-97200-C";

fn research() -> Settings {
    Settings::of(Mode::Research)
}

fn find(name: &str, context: &Context, settings: &Settings) -> Candidate {
    let all = candidates(context, settings);
    let call = all.into_iter().find(|call| call.instrument.name() == name);
    call.unwrap_or_else(|| panic!("{name} is a candidate"))
}

fn quote_mut<'a>(chain: &'a mut Chain, name: &str) -> &'a mut Quote {
    let mut quotes = chain.quotes.iter_mut();
    quotes
        .find(|quote| quote.instrument.name() == name)
        .expect(name)
}

/// Breaks one thing about a call that qualifies and expects one filter to stop it.
fn check(filter: Filter, change: impl Fn(&mut Quote, &mut Settings)) {
    let (mut context, mut settings) = (fixture::context(Coin::Btc), research());
    assert_eq!(
        find(CALL, &context, &settings).failed,
        None,
        "the call qualifies before"
    );
    change(
        quote_mut(Arc::make_mut(&mut context.chain), CALL),
        &mut settings,
    );
    let failed = find(CALL, &context, &settings).failed.expect("stopped");
    assert_eq!(failed.filter, filter);
    let Some(admit_at) = failed.admit_at else {
        return;
    };
    match filter {
        Filter::DteMin => settings.dte_min = admit_at,
        Filter::DteMax => settings.dte_max = admit_at,
        Filter::DeltaMin => settings.delta_min = admit_at,
        Filter::DeltaMax => settings.delta_max = admit_at,
        Filter::Spread => settings.spread_max = admit_at,
        Filter::OpenInterest => settings.open_interest_min = admit_at,
        Filter::Ivrv => settings.ivrv_min = admit_at,
        Filter::PremiumMin => settings.premium_min_usd = admit_at,
        Filter::YieldMin => settings.yield_min = admit_at,
        other => panic!("{other:?} has no setting"),
    }
    assert!(failed.by.expect("a distance") > 0.0);
    assert_eq!(
        find(CALL, &context, &settings).failed,
        None,
        "{filter:?} admits at {admit_at}"
    );
}

#[test]
fn every_filter_stops_what_it_says_and_admits_at_the_value_it_names() {
    check(Filter::Bid, |quote, _| quote.bid = None);
    check(Filter::Ask, |quote, _| quote.ask = None);
    check(Filter::DteMin, |_, settings| settings.dte_min = 10.5);
    check(Filter::DteMax, |_, settings| settings.dte_max = 9.5);
    check(Filter::Delta, |quote, _| quote.delta = None);
    check(Filter::DeltaMin, |quote, _| quote.delta = Some(0.09));
    check(Filter::DeltaMax, |quote, _| quote.delta = Some(0.41));
    check(Filter::Spread, |quote, _| {
        quote.ask = quote.bid.map(|bid| bid * 1.4);
    });
    check(Filter::Spread, |quote, _| {
        quote.ask = quote.bid.map(|bid| bid * 0.9);
    });
    check(Filter::OpenInterest, |quote, _| {
        quote.open_interest = Some(49.9);
    });
    check(Filter::OpenInterest, |quote, _| quote.open_interest = None);
    check(Filter::MarkIv, |quote, _| quote.mark_iv = None);
    check(Filter::Ivrv, |quote, _| quote.mark_iv = Some(0.39));
    check(Filter::YieldMin, |_, settings| settings.yield_min = 0.9);
    check(Filter::PremiumMin, |_, settings| {
        settings.policy = "rules_v1".to_owned();
        settings.premium_min_usd = 5_000.0;
    });
}

#[test]
fn a_limit_of_nothing_admits_an_interest_that_is_not_known() {
    let (mut context, mut settings) = (fixture::context(Coin::Btc), research());
    quote_mut(Arc::make_mut(&mut context.chain), CALL).open_interest = None;
    settings.open_interest_min = 0.0;
    assert_eq!(find(CALL, &context, &settings).failed, None);
    settings.open_interest_min = 1e-9;
    let failed = find(CALL, &context, &settings).failed.expect("stopped");
    assert_eq!(failed.filter, Filter::OpenInterest);
}

#[test]
fn the_first_failed_filter_is_kept() {
    let (mut context, settings) = (fixture::context(Coin::Btc), research());
    let quote = quote_mut(Arc::make_mut(&mut context.chain), CALL);
    (quote.delta, quote.open_interest, quote.mark_iv) = (Some(0.5), None, None);
    let failed = find(CALL, &context, &settings).failed.expect("stopped");
    assert_eq!(failed.filter, Filter::DeltaMax);
    let inside = find("BTC-30JAN26-90000-C", &context, &settings)
        .failed
        .expect("stopped");
    assert_eq!(
        (inside.filter, inside.by),
        (Filter::OutOfTheMoney, Some(0.0))
    );
}

#[test]
fn every_call_and_no_put_is_a_candidate_in_chain_order() {
    let context = fixture::context(Coin::Eth);
    let all = candidates(&context, &research());
    let names: Vec<_> = all.iter().map(|call| call.instrument).collect();
    assert_eq!(names.len(), 93);
    assert!(
        names.is_sorted()
            && names
                .iter()
                .all(crate::domain::instrument::Instrument::is_call)
    );
}

#[test]
fn the_band_scan_finds_the_same_calls() {
    let (context, settings) = (fixture::context(Coin::Btc), research());
    let mut expect = candidates(&context, &settings);
    let all = expect.len();
    expect.retain(|call| call.failed.is_none());
    assert!(!expect.is_empty() && expect.len() < all);
    assert_eq!(qualified(&context, &settings), expect);
    let dear = Settings {
        ivrv_min: 99.0,
        ..settings
    };
    assert!(qualified(&context, &dear).is_empty());
    let sold: Vec<_> = tradable(&context, &dear)
        .into_iter()
        .map(|call| call.instrument)
        .collect();
    let expect: Vec<_> = expect.into_iter().map(|call| call.instrument).collect();
    assert_eq!(sold, expect, "volatility and yield do not count");
}

#[test]
fn two_ticks_pass_whatever_their_share() {
    let (mut context, mut settings) = (fixture::context(Coin::Btc), research());
    settings.yield_min = 0.0;
    let quote = quote_mut(Arc::make_mut(&mut context.chain), CALL);
    (quote.bid, quote.ask) = (Some(0.0005), Some(0.0007));
    assert_eq!(find(CALL, &context, &settings).failed, None);
    quote_mut(Arc::make_mut(&mut context.chain), CALL).ask = Some(0.0008);
    let failed = find(CALL, &context, &settings).failed.expect("three ticks");
    assert_eq!(failed.filter, Filter::Spread);
}

/// Mistake 2 of the earlier system: `ivrv_min` was shown on the page and enforced nowhere.
#[test]
fn mistake_2_the_least_ratio_is_enforced() {
    let (context, mut settings) = (fixture::context(Coin::Btc), research());
    let qualified = |settings: &Settings| {
        candidates(&context, settings)
            .iter()
            .filter(|call| call.failed.is_none())
            .count()
    };
    assert!(qualified(&settings) > 0);
    settings.ivrv_min = 1.13;
    assert_eq!(qualified(&settings), 0, "0.45 / 0.40 = 1.125");
}

/// Mistake 4 of the earlier system: implied volatility in percent against realised as a fraction.
#[test]
fn mistake_4_the_ratio_divides_fractions_by_fractions() {
    let call = find(CALL, &fixture::context(Coin::Btc), &research());
    let ratio = call.ivrv.expect("known");
    assert!((ratio - 1.125).abs() < 1e-12, "{ratio}, and not 112.5");
    let mut context = fixture::context(Coin::Btc);
    context.features = fixture::features(0.0);
    let failed = find(CALL, &context, &research()).failed.expect("stopped");
    assert_eq!(failed.filter, Filter::RealisedVol);
}

/// Mistake 7 of the earlier system: coin marks combined with USD, linear contracts priced as inverse.
#[test]
fn mistake_7_premium_and_yield_agree_between_inverse_and_linear() {
    let settings = research();
    for (coin, strike) in [(Coin::Btc, 97_200), (Coin::Eth, 3_240)] {
        let inverse = fixture::context_of(coin, Style::Inverse);
        let linear = fixture::context_of(coin, Style::Linear);
        let inverse = find(&format!("{coin}-30JAN26-{strike}-C"), &inverse, &settings);
        let linear = find(
            &format!("{coin}_USDC-30JAN26-{strike}-C"),
            &linear,
            &settings,
        );
        let usd = |call: &Candidate| call.premium_usd.expect("bid");
        let share = |call: &Candidate| call.yield_net.expect("bid");
        assert_eq!(usd(&linear), linear.bid.expect("bid"));
        assert_eq!(
            usd(&inverse),
            inverse.bid.expect("bid") * fixture::index(coin)
        );
        // Both are bids of one value, floored to ticks of different width.
        let tick_usd = 0.0005 * fixture::index(coin);
        assert!((usd(&inverse) - usd(&linear)).abs() <= tick_usd, "{coin}");
        assert!(
            (share(&inverse) - share(&linear)).abs() < 0.0005 * 36.5,
            "{coin}"
        );
    }
}

#[test]
fn the_yield_is_net_of_the_fee_at_the_bid() {
    let mut context = fixture::context(Coin::Btc);
    quote_mut(Arc::make_mut(&mut context.chain), CALL).bid = Some(0.0103);
    let call = find(CALL, &context, &research());
    // (0.0103 - 0.0003) x 365 / 10 days.
    assert!((call.yield_net.expect("bid") - 0.365).abs() < 1e-12);
}
