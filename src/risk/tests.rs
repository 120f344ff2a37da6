//! Verdicts of whole actions: what is refused, what is exempt, and that nothing exceeds the coin.

use super::*;
use crate::domain::coin::Coin;
use crate::domain::decision::LineVerdict;
use crate::domain::fixture::{self, decimal, named, short, working};
use crate::domain::instrument::Style;
use crate::domain::order::Side;
use crate::domain::settings::Mode;
use proptest::prelude::*;
use std::sync::Arc;

const CALL: &str = "BTC-30JAN26-97200-C";
const OTHER: &str = "BTC-30JAN26-99000-C";

fn settings() -> Settings {
    Settings::of(Mode::Research)
}

fn open_call(name: &str, size: &str) -> Action {
    Action::OpenCoveredCall {
        instrument: named(name),
        size: decimal(size),
    }
}

fn close_call(name: &str, size: &str) -> Action {
    Action::CloseCoveredCall {
        instrument: named(name),
        size: decimal(size),
    }
}

fn verdict(context: &Context, action: &Action) -> Verdict {
    check(context, &settings(), action, "decision-1")
}

fn refused_by(verdict: &Verdict, check: &str) -> bool {
    let mut lines = verdict.lines.iter();
    lines.any(|line| line.check == check && line.verdict == LineVerdict::Refuse)
}

#[test]
fn an_open_within_limits_is_approved_and_starts_a_chain() {
    let verdict = verdict(&fixture::context(Coin::Btc), &open_call(CALL, "0.1"));
    assert!(verdict.approved, "{:?}", verdict.refusal);
    let intent = verdict.intents[0].get();
    assert_eq!(
        (intent.chain.as_str(), intent.leg),
        ("decision-1", Leg::Open)
    );
    assert!(verdict.lines.len() >= 12);
}

/// Mistake 7 of the earlier system: linear contracts priced as inverse.
#[test]
fn mistake_7_linear_margin_is_brought_to_coin() {
    let used = |style, name: &str| {
        let context = fixture::context_of(Coin::Btc, style);
        let verdict = verdict(&context, &open_call(name, "0.1"));
        let line = verdict
            .lines
            .into_iter()
            .find(|line| line.check == "margin_used");
        line.and_then(|line| line.value).expect("margin")
    };
    let inverse = used(Style::Inverse, CALL);
    let linear = used(Style::Linear, "BTC_USDC-30JAN26-97200-C");
    assert!((inverse - linear).abs() < 1e-6, "{inverse} {linear}");
}

#[test]
fn an_interest_that_is_not_known_passes_no_limit_but_that_of_nothing() {
    let mut context = fixture::context(Coin::Btc);
    let chain = Arc::make_mut(&mut context.chain);
    let mut quotes = chain.quotes.iter_mut();
    let quote = quotes.find(|quote| quote.instrument == named(CALL));
    quote.expect("listed").open_interest = None;
    let under = |limit: f64| {
        let settings = Settings {
            open_interest_min: limit,
            ..settings()
        };
        check(&context, &settings, &open_call(CALL, "0.1"), "decision-1")
    };
    let refused = under(50.0);
    assert!(refused_by(&refused, "open_interest") && !refused.approved);
    assert!(under(0.0).approved, "{:?}", under(0.0).refusal);
}

/// Mistake 9 of the earlier system: a full-size trade at every decision regardless of those open.
#[test]
fn mistake_9_exposure_counts_what_is_open() {
    let mut context = fixture::context(Coin::Btc);
    context.positions = vec![short(OTHER, "0.9")];
    assert!(verdict(&context, &open_call(CALL, "0.1")).approved);
    context.working = vec![working("BTC-30JAN26-100800-C", Side::Sell, "0.1")];
    let refused = verdict(&context, &open_call(CALL, "0.1"));
    assert!(refused_by(&refused, "expiry_exposure") && !refused.approved);
    assert_eq!(refused.final_action, Action::DoNothing);
    assert!(refused.intents.is_empty());
}

/// Mistake 18 of the earlier system: CLOSE was refused when over a limit.
#[test]
fn mistake_18_a_close_is_never_refused_over_a_limit() {
    let mut context = fixture::context(Coin::Btc);
    context.positions = vec![short(CALL, "5")];
    context.account.balance = decimal("0.5");
    context.account.equity = -1.0;
    Arc::make_mut(&mut context.chain).at_ms -= 3_600_000;
    context.orders_last_minute = 100;
    let settings = Settings {
        kill_switch: true,
        close_only: true,
        ..settings()
    };
    let verdict = check(&context, &settings, &close_call(CALL, "1"), "decision-1");
    assert!(verdict.approved, "{:?}", verdict.refusal);
    assert_eq!(verdict.intents[0].get().chain, "chain-1");
    for check in ["kill_switch", "equity", "quote_age", "cover", "order_rate"] {
        let line = verdict
            .lines
            .iter()
            .find(|line| line.check == check)
            .expect(check);
        assert_eq!(line.verdict, LineVerdict::Exempt, "{check}");
    }
}

#[test]
fn a_roll_whose_opening_is_refused_still_buys_back() {
    let mut context = fixture::context(Coin::Btc);
    context.positions = vec![short(OTHER, "0.1")];
    let (from, to, size) = (named(OTHER), named(CALL), decimal("0.1"));
    let roll = Action::RollCoveredCall { from, to, size };
    let whole = verdict(&context, &roll);
    let legs: Vec<_> = whole
        .intents
        .iter()
        .map(|intent| intent.get().leg)
        .collect();
    assert_eq!(legs, [Leg::RollClose, Leg::RollOpen], "{:?}", whole.refusal);
    assert!(
        whole
            .intents
            .iter()
            .all(|intent| intent.get().chain == "chain-1")
    );
    let settings = Settings {
        close_only: true,
        ..settings()
    };
    let half = check(&context, &settings, &roll, "decision-1");
    assert!(half.approved && half.refusal.is_some());
    assert_eq!(half.final_action, close_call(OTHER, "0.1"));
    assert_eq!(
        (half.intents.len(), half.intents[0].get().leg),
        (1, Leg::Close)
    );
}

/// Mistake 19 of the earlier system: cover that ignores calls already sold.
#[test]
fn mistake_19_cover_counts_calls_sold_and_orders_working() {
    let mut context = fixture::context(Coin::Btc);
    context.account = fixture::account("0.3");
    context.positions = vec![short("BTC-23JAN26-97200-C", "0.1")];
    context.working = vec![working("BTC-27FEB26-99000-C", Side::Sell, "0.1")];
    assert!(!refused_by(
        &verdict(&context, &open_call(CALL, "0.1")),
        "cover"
    ));
    assert!(refused_by(
        &verdict(&context, &open_call(CALL, "0.2")),
        "cover"
    ));
}

/// Mistake 19 of the earlier system: ROLL without cover or size checks.
#[test]
fn mistake_19_a_roll_is_checked_for_size_and_cover() {
    let mut context = fixture::context(Coin::Btc);
    context.account = fixture::account("0.1");
    context.positions = vec![short(OTHER, "0.2")];
    let roll = |size: &str| Action::RollCoveredCall {
        from: named(OTHER),
        to: named(CALL),
        size: decimal(size),
    };
    let more = verdict(&context, &roll("0.3"));
    assert!(
        !more.approved && more.intents.is_empty(),
        "more than is held"
    );
    let uncovered = verdict(&context, &roll("0.1"));
    assert_eq!(uncovered.final_action, close_call(OTHER, "0.1"));
    assert!(refused_by(&uncovered, "cover"));
}

/// Mistake 19 of the earlier system: negative sizes and unknown contracts were accepted.
#[test]
fn mistake_19_incomplete_actions_are_refused() {
    let context = fixture::context(Coin::Btc);
    let bad = [
        open_call(CALL, "-0.1"),
        open_call(CALL, "0"),
        open_call(CALL, "0.15"),
        open_call("BTC-30JAN26-97201-C", "0.1"),
        open_call("BTC-30JAN26-81000-P", "0.1"),
        open_call("BTC-19JAN26-97200-C", "0.1"),
        open_call("ETH-30JAN26-3240-C", "1"),
        close_call(CALL, "0.1"),
    ];
    for action in bad {
        let verdict = verdict(&context, &action);
        assert!(
            refused_by(&verdict, "complete") && !verdict.approved,
            "{action:?}"
        );
    }
}

/// Mistake 19 of the earlier system: BTC and ETH shared an expiry bucket.
#[test]
fn mistake_19_each_underlying_has_its_own_expiry_bucket() {
    let mut context = fixture::context(Coin::Btc);
    context.positions = vec![short("ETH-30JAN26-3240-C", "1")];
    let verdict = verdict(&context, &open_call(CALL, "0.1"));
    let line = verdict
        .lines
        .iter()
        .find(|line| line.check == "expiry_exposure");
    assert_eq!(line.and_then(|line| line.value), Some(0.1));
}

/// Mistake 20 of the earlier system: net delta without the coin.
#[test]
fn mistake_20_net_delta_includes_the_coin() {
    let mut context = fixture::context(Coin::Btc);
    let net = |context: &Context| {
        let verdict = verdict(context, &open_call(CALL, "0.1"));
        let line = verdict
            .lines
            .into_iter()
            .find(|line| line.check == "net_delta");
        line.expect("net delta")
    };
    let quote = *context.chain.quote(&named(CALL)).expect("quoted");
    let (delta, mark) = (quote.delta.expect("delta"), quote.mark.expect("mark"));
    let expect = 2.0 - 0.1 * (delta - mark);
    assert!((net(&context).value.expect("value") - expect).abs() < 1e-12);
    context.account = fixture::account("6");
    assert_eq!(net(&context).verdict, LineVerdict::Refuse);
}

proptest! {
    #[test]
    fn risk_never_approves_beyond_cover(
        coin in 0_i64..40,
        held in 0_i64..20,
        resting in 0_i64..20,
        size in -5_i64..40,
    ) {
        let tenths = |count: i64| Decimal::new(count, 1);
        let mut context = fixture::context(Coin::Btc);
        context.account = fixture::account(&tenths(coin).to_string());
        if held > 0 {
            context.positions = vec![short("BTC-23JAN26-97200-C", &tenths(held).to_string())];
        }
        context.working = vec![working(OTHER, Side::Sell, &tenths(resting).to_string())];
        let limits = Settings {
            max_expiry_exposure_btc: Decimal::from(1_000),
            max_net_delta_abs: 1_000.0,
            ..settings()
        };
        let action = Action::OpenCoveredCall { instrument: named(CALL), size: tenths(size) };
        let approved = check(&context, &limits, &action, "decision-1").approved;
        prop_assert!(!approved || (size > 0 && held + resting + size <= coin));
    }
}
