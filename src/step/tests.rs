//! The whole step: determinism, fills of both legs, and steps where nothing can be done.

use super::*;
use crate::domain::action::Action;
use crate::domain::coin::Coin;
use crate::domain::fixture::{self, short};
use crate::domain::settings::Mode;
use std::sync::Arc;

fn run(context: &Context, seed: &str) -> Step {
    let settings = Settings::of(Mode::Research);
    step(&StepInput {
        context,
        settings: &settings,
        seed,
        decision: "decision-1",
    })
}

#[test]
fn a_sale_fills_at_the_bid_under_its_own_trade_id() {
    let context = fixture::context(Coin::Btc);
    let step = run(&context, "seed");
    let [fill] = &step.fills[..] else {
        panic!("{step:?}");
    };
    assert_eq!(fill.trade_id, "decision-1-open");
    let bid = context
        .chain
        .quote(&fill.instrument)
        .and_then(|quote| quote.bid);
    assert_eq!(Some(crate::domain::money::float(fill.price)), bid);
    assert_eq!(run(&context, "seed"), step, "same seed, same step");
}

#[test]
fn a_roll_fills_both_legs_or_neither_opens() {
    let mut context = fixture::context(Coin::Btc);
    context.positions = vec![short("BTC-23JAN26-88200-C", "0.1")];
    // Two days later the call is in the money and due.
    context.as_of_ms += 2 * 86_400_000;
    Arc::make_mut(&mut context.chain).at_ms = context.as_of_ms;
    let step = run(&context, "seed");
    assert_eq!(step.fills.len(), 2, "{step:?}");
    for quote in &mut Arc::make_mut(&mut context.chain).quotes {
        if quote.instrument == context.positions[0].instrument {
            quote.ask = None;
        }
    }
    assert!(
        run(&context, "seed").fills.is_empty(),
        "no ask to buy back at"
    );
}

/// Mistake 16 of the earlier system: steps without candidates gave no row.
#[test]
fn mistake_16_an_empty_chain_still_gives_a_decision_and_its_lines() {
    let mut context = fixture::context(Coin::Eth);
    Arc::make_mut(&mut context.chain).quotes.clear();
    let step = run(&context, "seed");
    assert_eq!(step.decision.proposed, Action::DoNothing);
    assert!(step.verdict.approved && !step.verdict.lines.is_empty() && step.fills.is_empty());
}
