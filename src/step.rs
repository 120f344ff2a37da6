//! THE step: one pure function from a context to fills, the same for the tick job and for a backtest.
//!
//! decide -> risk -> fills. Live, dry run and backtest differ in the context they build and in what they do
//! with the result: a desk that sends orders takes the verdict's intents and leaves the fills alone.

pub mod council;

use crate::clock::Random;
use crate::domain::context::Context;
use crate::domain::decision::Decision;
use crate::domain::order::{Fill, Intent, Leg};
use crate::domain::settings::{FeeModel, Settings};
use crate::fills;
use crate::policy;
use crate::policy::llm::{self, Answered, Fallback, Menu, Said};
use crate::risk::{self, Verdict};
use rust_decimal::Decimal;

/// Everything a step depends on.
#[derive(Clone, Copy, Debug)]
pub struct StepInput<'a> {
    pub context: &'a Context,
    pub settings: &'a Settings,
    /// Seed of the run; the generator is a function of it, the instant and the underlying.
    pub seed: &'a str,
    /// Id of the decision row; names the roll chain of an opened call and the simulated executions.
    pub decision: &'a str,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub decision: Decision,
    pub verdict: Verdict,
    /// By the fill model of the settings, at most one per approved intent and in their order; an intent
    /// without a quote on its side has none. `trade_id` is [`trade_id`] of its leg.
    pub fills: Vec<Fill>,
    /// `None` where no model was to decide.
    pub answered: Option<Answered>,
}

/// From a context to fills; the same input gives the same bits on every machine.
pub fn step(input: &StepInput<'_>) -> Step {
    carry_out(input, decide(input))
}

/// The same step without the candidates that were rejected, for runs that keep none of them.
pub fn step_lean(input: &StepInput<'_>) -> Step {
    let decision = policy::decide_lean(input.context, input.settings, || random(input));
    carry_out(input, decision)
}

/// Risk and fills of a decision made elsewhere: by a person, a model, or a profile.
pub fn carry_out(input: &StepInput<'_>, decision: Decision) -> Step {
    let (context, settings) = (input.context, input.settings);
    let verdict = risk::check(context, settings, &decision.proposed, input.decision);
    let intents = verdict.intents.iter().map(risk::Approved::get);
    let fills = simulate(input, intents);
    Step {
        decision,
        verdict,
        fills,
        answered: None,
    }
}

/// The same step with a model's answer in the place of the rules; what stands in where it has none, or where
/// risk refuses it, says so in its reason.
pub fn step_said(input: &StepInput<'_>, menu: Menu, said: &Said, fallback: Fallback) -> Step {
    let (answered, why) = match said {
        Said::NotAsked => {
            let why = format!("{}; nothing to choose, the model was not asked", menu.room);
            let step = carry_out(input, llm::nothing(menu, why));
            return step.of_model(Answered::not_asked());
        }
        Said::Chose(chosen) => {
            let step = carry_out(input, llm::chosen(menu.clone(), chosen));
            match &step.verdict.refusal {
                _ if step.verdict.approved => return step.of_model(Answered::with("ok", false)),
                Some(refusal) if fallback == Fallback::Rule => (
                    Answered::with("risk_rejected", true),
                    format!("risk refuses the model's {}: {refusal}", chosen.choice),
                ),
                _ => return step.of_model(Answered::with("risk_rejected", false)),
            }
        }
        Said::Failed { outcome, error } => (
            Answered::with(outcome, true),
            format!("the model gave no decision ({outcome}: {error})"),
        ),
    };
    let decision = match fallback {
        Fallback::Rule => llm::stand_in(decide(input), &why),
        Fallback::Nothing => llm::nothing(menu, format!("{why}; nothing is done")),
    };
    carry_out(input, decision).of_model(answered)
}

impl Step {
    fn of_model(self, answered: Answered) -> Self {
        Self {
            answered: Some(answered),
            ..self
        }
    }
}

/// What the rules propose.
pub fn decide(input: &StepInput<'_>) -> Decision {
    policy::decide(input.context, input.settings, || random(input))
}

/// The id of a simulated execution: unique per desk, because a decision has a leg once.
pub fn trade_id(decision: &str, leg: Leg) -> String {
    format!("{decision}-{}", leg.as_str())
}

/// A roll opens no more than it could buy back, as the roll on an exchange does.
fn simulate<'a>(input: &StepInput<'_>, intents: impl Iterator<Item = &'a Intent>) -> Vec<Fill> {
    let mut fills: Vec<Fill> = Vec::new();
    let mut closed = Decimal::ZERO;
    for intent in intents {
        let size = match intent.leg {
            Leg::RollOpen => intent.size.min(closed),
            Leg::Open | Leg::Close | Leg::RollClose => intent.size,
        };
        if let Some(fill) = fill(input, intent, size) {
            closed += fill.size;
            fills.push(fill);
        }
    }
    fills
}

fn fill(input: &StepInput<'_>, intent: &Intent, size: Decimal) -> Option<Fill> {
    let context = input.context;
    let quote = context.chain.quote(&intent.instrument)?;
    let mut fill = fills::fill(
        intent.leg.side(),
        size,
        quote,
        input.settings.fill_model,
        context.index_price,
        context.as_of_ms,
        trade_id(input.decision, intent.leg),
    )?;
    if input.settings.fee_model == FeeModel::None {
        fill.fee = Decimal::ZERO;
    }
    Some(fill)
}

fn random(input: &StepInput<'_>) -> Random {
    let context = input.context;
    Random::from_parts(&[
        input.seed,
        &context.as_of_ms.to_string(),
        context.coin.as_str(),
    ])
}

#[cfg(test)]
mod tests;
