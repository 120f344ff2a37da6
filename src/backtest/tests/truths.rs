//! What must hold of any run, shown on the synthetic market; recorded months are in tests/it/backtest.rs.

use super::{by_hand, conserves};
use crate::backtest::*;
use crate::domain::chain::Source;
use crate::domain::coin::Coin;
use crate::domain::instrument::DAY_MS;
use crate::domain::money::{decimal, float};
use crate::domain::settings::ExitStyle;
use crate::fills::{settle, trade_fee};
use crate::market::features::features;
use crate::market::synthetic::Synthetic;
use crate::policy::llm::{Fallback, Menu, Question, Said};
use crate::step::{Step, StepInput, step_said};
use std::sync::{LazyLock, Mutex};

/// 2026-01-05 09:00 UTC.
const FROM_MS: i64 = 1_767_603_600_000;

static MONTH: LazyLock<Data> = LazyLock::new(|| made("truths", 30));

fn made(seed: &str, days: i64) -> Data {
    synthetic(
        seed,
        Coin::Btc,
        FROM_MS,
        FROM_MS + days * DAY_MS,
        DAY_MS / 4,
    )
}

fn setup(exit: ExitStyle) -> Setup {
    Setup {
        exit,
        score_min: 0.0,
        ivrv_min: 0.0,
        ..Setup::default()
    }
}

#[test]
fn every_exit_and_policy_conserves() {
    for exit in [
        ExitStyle::Rules,
        ExitStyle::HoldToExpiry,
        ExitStyle::TpAndRoll,
    ] {
        for policy in [
            Policy::Simulator,
            Policy::RulesV1,
            Policy::RulesV2,
            Policy::Always,
        ] {
            let setup = Setup {
                policy,
                explore_prob: 0.5,
                max_calls: 3,
                ..setup(exit)
            };
            let run = run(&MONTH, &setup).expect("runs");
            assert!(run.metrics.legs > 2, "{policy:?} {exit:?}");
            conserves(&run);
            let (found, weekly) = baselines(&MONTH, &run).expect("runs");
            assert_eq!(weekly.len(), run.points.len());
            assert_eq!(found.hold_coin.coin.total_return, 0.0);
            assert!(found.hold_usd.usd.total_return.abs() < 1e-12);
            assert_ne!(found.weekly_25_delta.coin.end, 1.0);
        }
    }
}

/// Premium less fees less what the delivery price takes: nothing else may be in a call that is held.
#[test]
fn a_call_held_to_expiry_comes_to_its_closed_form() {
    let setup = Setup {
        max_calls: 4,
        ..setup(ExitStyle::HoldToExpiry)
    };
    let run = run(&MONTH, &setup).expect("runs");
    let market = Synthetic::new("truths");
    let mut expired = 0;
    for leg in run.chains.iter().flat_map(|chain| &chain.legs) {
        if leg.trigger != Some(Trigger::Expiry) {
            continue;
        }
        let call = &leg.instrument;
        let sold = market.chain(Coin::Btc, leg.opened_ms);
        let bid = sold.quote(call).and_then(|quote| quote.bid).expect("a bid");
        let price = decimal(market.delivery_price(Coin::Btc, call.expiry_ms)).expect("a price");
        let bid = decimal(bid).expect("a price");
        let fee = trade_fee(call, leg.size, bid, sold.index_price);
        let expiry = settle(call, -leg.size, price);
        assert_eq!(leg.pnl, leg.size * bid - fee + expiry.cash(), "{leg:?}");
        expired += 1;
    }
    assert!(expired >= 3, "{expired} calls expired");
}

/// Mistakes 5 and 6 of the earlier system: today's chain, volatility and skew were used in the past.
#[test]
fn mistakes_5_and_6_what_comes_later_changes_nothing_before_it() {
    let (setup, days) = (setup(ExitStyle::TpAndRoll), 12);
    let cut = made("truths", days);
    let (short, whole) = (
        run(&cut, &setup).expect("runs"),
        run(&MONTH, &setup).expect("runs"),
    );
    assert_eq!(short.taken[..], whole.taken[..short.taken.len()]);
    assert!(whole.taken.len() > short.taken.len());
    let market = Synthetic::new("truths");
    for (one, all) in cut.snapshots().iter().zip(MONTH.snapshots()) {
        assert_eq!(one.features, all.features);
        let at_ms = one.chain.at_ms;
        let history = market.history(Coin::Btc, at_ms);
        let live = features(&history, &market.chain(Coin::Btc, at_ms), at_ms);
        assert_eq!(
            one.features, live,
            "as the live desk sees it at that instant"
        );
        assert!(
            one.chain
                .quotes
                .iter()
                .all(|quote| quote.instrument.expiry_ms > at_ms)
        );
    }
}

/// Mistake 10 of the earlier system: the spot's own move was in the result of one exit style and not in
/// that of the other.
#[test]
fn mistake_10_both_exit_styles_count_the_same_things() {
    let idle = Setup {
        policy: Policy::Never,
        ..setup(ExitStyle::HoldToExpiry)
    };
    let idle = run(&MONTH, &idle).expect("runs");
    let moved = idle.attribution.usd.underlying;
    assert!(idle.attribution.coin.sum() == 0.0 && moved != 0.0);
    for exit in [ExitStyle::HoldToExpiry, ExitStyle::TpAndRoll] {
        let run = run(&MONTH, &setup(exit)).expect("runs");
        let last = run.points.last().expect("steps");
        let pnl: f64 = run.chains.iter().map(|chain| float(chain.pnl)).sum();
        assert!((last.equity - 1.0 - pnl).abs() < 1e-7, "coin: calls alone");
        // The coin moved by as much under both, but for what the calls had earned or lost of it.
        let share = run.attribution.usd.underlying / moved;
        assert!((share - 1.0).abs() < 0.05, "{share}");
    }
}

/// Mistake 11 of the earlier system: results were keyed by their instant, so that ties were lost.
#[test]
fn mistake_11_legs_that_end_at_one_instant_are_all_kept() {
    let setup = Setup {
        max_calls: 4,
        ..setup(ExitStyle::HoldToExpiry)
    };
    let run = run(&MONTH, &setup).expect("runs");
    let mut ends: Vec<i64> = run.chains.iter().map(|chain| chain.closed_ms).collect();
    ends.sort_unstable();
    assert!(
        ends.windows(2).any(|pair| pair[0] == pair[1]),
        "some end together"
    );
    conserves(&run);
}

/// Mistake 12 of the earlier system: for some sources of prices rolls never happened, and nobody was told.
#[test]
fn mistake_12_rolls_happen_on_every_source_and_what_could_not_be_bought_is_counted() {
    let made = run(&MONTH, &setup(ExitStyle::TpAndRoll)).expect("runs");
    assert!(made.metrics.rolls > 0 && made.metrics.unfilled == 0);
    let recorded = by_hand::data(Some(100_000.0));
    let by_hand = run(&recorded, &by_hand::setup()).expect("runs");
    assert_eq!((by_hand.metrics.rolls, by_hand.metrics.unfilled), (2, 0));
    // Sizes are asked for where the source has none: nothing can be bought or sold, and it is said.
    let sized = Setup {
        fill_model: crate::domain::settings::FillModel::BidAskSize,
        ..by_hand::setup()
    };
    let stuck = run(&recorded, &sized).expect("runs");
    assert!(stuck.metrics.unfilled > 0 && stuck.metrics.legs == 0);
}

#[test]
fn own_strategies_pass_through_the_same_risk() {
    let greedy = |context: &crate::domain::context::Context,
                  settings: &crate::domain::settings::Settings| {
        let quotes = context.chain.quotes.iter();
        let call = quotes
            .clone()
            .max_by_key(|quote| quote.instrument.expiry_ms);
        let action = call.map(|quote| crate::domain::action::Action::OpenCoveredCall {
            instrument: quote.instrument,
            size: rust_decimal::Decimal::TEN,
        });
        strategy::decision(settings, action.expect("a chain"), "all of it")
    };
    let run = run_with(&MONTH, &setup(ExitStyle::Rules), Strategy::Own(&greedy)).expect("runs");
    assert_eq!(run.metrics.legs, 0);
    assert_eq!(run.metrics.refused, run.metrics.decisions);
    let refusal = run.taken[0].refusal.as_ref().expect("refused");
    assert!(refusal.contains("cover"), "{refusal}");
}

#[test]
fn the_stamp_names_the_data() {
    let again = made("truths", 3);
    assert_eq!(again.stamp.fingerprint, made("truths", 3).stamp.fingerprint);
    assert_ne!(again.stamp.fingerprint, made("other", 3).stamp.fingerprint);
    assert_ne!(again.stamp.fingerprint, made("truths", 4).stamp.fingerprint);
    let source = Source::Synthetic.as_str();
    assert_eq!(again.stamp.shares, [(source.to_owned(), 1.0)].into());
    assert_eq!(again.stamp.source, "synthetic:truths");
}

/// A stand-in for a model: the first call while there is room, nothing after that; keeps what it was told.
fn first_call(told: &Mutex<Vec<(String, serde_json::Value)>>, input: &StepInput<'_>) -> Step {
    let menu = Menu::of(input.context, input.settings);
    let asked = Question::new(&menu, input.context, input.settings, &[]).expect("a question");
    let first = &menu.choices[usize::from(menu.choices.iter().any(|one| one.id == "c1"))];
    let answer =
        serde_json::json!({"choice": first.id, "size": float(first.sizes.max), "reason": "a test"});
    let said = menu.read(&answer.to_string()).expect("a choice");
    let told = &mut told.lock().expect("one thread");
    told.push((asked.system + &asked.user, asked.schema));
    step_said(input, menu, &Said::Chose(said), Fallback::Nothing)
}

#[test]
fn a_prompt_does_not_change_with_what_followed() {
    let setup = Setup {
        policy: Policy::Llm,
        ..setup(ExitStyle::Rules)
    };
    let walk = |data: &Data| {
        let told = Mutex::new(Vec::new());
        let take = |input: &StepInput<'_>| first_call(&told, input);
        let outcome = run_with(data, &setup, Strategy::Step(&take)).expect("runs");
        (told.into_inner().expect("one thread"), outcome)
    };
    let (short, cut) = walk(&made("truths", 12));
    let (whole, all) = walk(&MONTH);
    assert!(whole.len() > short.len() && cut.metrics.legs > 0);
    assert_eq!(short[..], whole[..short.len()]);
    assert_eq!(cut.taken[..], all.taken[..cut.taken.len()]);
    let error = run(&MONTH, &setup).expect_err("nobody answers");
    assert!(
        error.to_string().starts_with("policy: `llm` is for"),
        "{error}"
    );
}
