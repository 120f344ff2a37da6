//! The whole step: determinism, fills of both legs, and steps where nothing can be done.

use super::*;
use crate::domain::action::Action;
use crate::domain::coin::Coin;
use crate::domain::decision::DecisionSource;
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

#[test]
fn a_models_answer_takes_the_step_and_what_stands_in_for_it_is_labelled() {
    let context = fixture::context(Coin::Btc);
    let settings = Settings::of(Mode::Research);
    let input = StepInput {
        context: &context,
        settings: &settings,
        seed: "seed",
        decision: "decision-1",
    };
    let take = |settings: &Settings, said: &Said, fallback| {
        let menu = Menu::of(&context, input.settings);
        step_said(&StepInput { settings, ..input }, menu, said, fallback)
    };
    let menu = Menu::of(&context, &settings);
    let answer = r#"{"choice":"c2","size":0.1,"reason":"enough premium"}"#;
    let said = Said::Chose(menu.read(answer).expect("a choice"));
    let step = take(&settings, &said, Fallback::Nothing);
    assert_eq!(step.decision.proposed, menu.choices[2].action);
    assert_eq!(
        (step.fills.len(), step.decision.reason.as_str()),
        (1, "enough premium")
    );

    let failed = Said::Failed {
        outcome: "timeout".to_owned(),
        error: "no answer within 60000 ms".to_owned(),
    };
    let ruled = run(&context, "seed");
    let step = take(&settings, &failed, Fallback::Rule);
    assert_eq!(step.decision.proposed, ruled.decision.proposed);
    assert_eq!(step.decision.source, DecisionSource::Llm);
    assert!(
        step.decision
            .reason
            .contains("(timeout: no answer within 60000 ms); the rules decide")
    );
    let step = take(&settings, &failed, Fallback::Nothing);
    assert_eq!(step.decision.proposed, Action::DoNothing);
    assert!(
        step.decision.reason.ends_with("; nothing is done"),
        "{}",
        step.decision.reason
    );

    // Risk closed the door between the question and the answer.
    let shut = Settings {
        kill_switch: true,
        ..settings.clone()
    };
    let step = take(&shut, &said, Fallback::Nothing);
    assert_eq!(
        step.decision.proposed, menu.choices[2].action,
        "kept as it was proposed"
    );
    assert!(!step.verdict.approved && step.fills.is_empty());
    let step = take(&shut, &said, Fallback::Rule);
    assert!(
        step.decision
            .reason
            .starts_with("risk refuses the model's c2: "),
        "{}",
        step.decision.reason
    );
    assert!(step.fills.is_empty());
}
