//! Who proposes: the desk's own policies, the two baselines, or any function of the caller's.

use super::setup::{Policy, SetupError, refuse};
use crate::domain::account::Position;
use crate::domain::action::Action;
use crate::domain::context::Context;
use crate::domain::decision::{Candidate, Decision, DecisionSource};
use crate::domain::settings::Settings;
use crate::market::candidates::tradable;
use crate::policy::due;
use crate::step::{Step, StepInput, carry_out, step_lean};
use rust_decimal::Decimal;

/// A function from what was known to a proposal, as a policy is.
pub type Propose<'a> = dyn Fn(&Context, &Settings) -> Decision + Sync + 'a;

/// A function that takes the whole step, for decisions that need more than what was known: stored answers.
pub type Take<'a> = dyn Fn(&StepInput<'_>) -> Step + Sync + 'a;

/// Who proposes in a run. Risk and fills follow the same way whoever does.
#[derive(Clone, Copy)]
pub enum Strategy<'a> {
    /// The policy named in the settings.
    Policy,
    Own(&'a Propose<'a>),
    Step(&'a Take<'a>),
}

impl std::fmt::Debug for Strategy<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Policy => "Policy",
            Self::Own(_) => "Own",
            Self::Step(_) => "Step",
        })
    }
}

impl Strategy<'_> {
    /// A model's answers have to be handed in.
    pub(super) fn check(&self, policy: Policy) -> Result<(), SetupError> {
        if policy == Policy::Llm && matches!(self, Self::Policy) {
            let problem =
                "`llm` is for `thetaq backtest`, `sweep` and `lookahead`; name rules here";
            return Err(refuse("policy", problem));
        }
        Ok(())
    }

    pub(super) fn step(&self, policy: Policy, input: &StepInput<'_>) -> Step {
        let (context, settings) = (input.context, input.settings);
        match (self, policy) {
            (Self::Step(take), _) => take(input),
            (Self::Own(propose), _) => carry_out(input, propose(context, settings)),
            (Self::Policy, Policy::Always) => carry_out(input, always(context, settings)),
            (Self::Policy, Policy::Never) => carry_out(input, never(settings)),
            (Self::Policy, _) => step_lean(input),
        }
    }
}

fn never(settings: &Settings) -> Decision {
    decision(settings, Action::DoNothing, "nothing is ever sold")
}

/// Sells the tradable call nearest to the targets, in tolerances, whenever there is room; volatility and
/// premium do not matter. Exits are those of the settings.
fn always(context: &Context, settings: &Settings) -> Decision {
    let numbers = &settings.simulator;
    let away = |call: &Candidate| {
        let days = (call.dte - numbers.dte_target) / numbers.dte_tolerance.max(1e-9);
        let delta = call.delta.unwrap_or(0.0) - numbers.delta_target;
        let delta = delta / numbers.delta_tolerance.max(1e-9);
        days * days + delta * delta
    };
    overwrite(context, settings, away)
}

/// Sells the tradable call of least `away` when there is room, and into it when a held one is due.
pub(super) fn overwrite(
    context: &Context,
    settings: &Settings,
    away: impl Fn(&Candidate) -> f64,
) -> Decision {
    let held = &context.positions;
    let due = held
        .iter()
        .find(|held| due(held, context, settings).is_some());
    if due.is_none() && held.len() >= settings.max_calls_per_underlying as usize {
        return decision(settings, Action::DoNothing, "holding");
    }
    let free = |call: &Candidate| held.iter().all(|held| held.instrument != call.instrument);
    let calls = tradable(context, settings).into_iter();
    let nearest = calls
        .filter(free)
        .min_by(|a, b| away(a).total_cmp(&away(b)));
    let action = act(due, nearest.as_ref(), context, settings);
    Decision {
        candidates: nearest.into_iter().collect(),
        ..decision(settings, action, "the nearest to the targets")
    }
}

fn act(
    due: Option<&Position>,
    nearest: Option<&Candidate>,
    context: &Context,
    settings: &Settings,
) -> Action {
    match (due, nearest) {
        (None, None) => Action::DoNothing,
        (None, Some(call)) => Action::OpenCoveredCall {
            instrument: call.instrument,
            size: settings.order_size(context.coin),
        },
        (Some(held), None) => Action::CloseCoveredCall {
            instrument: held.instrument,
            size: -held.size,
        },
        (Some(held), Some(call)) => Action::RollCoveredCall {
            from: held.instrument,
            to: call.instrument,
            size: -held.size,
        },
    }
}

pub(super) fn decision(settings: &Settings, proposed: Action, reason: &str) -> Decision {
    debug_assert!(proposed.size().is_none_or(|size| size > Decimal::ZERO));
    Decision {
        proposed,
        reason: reason.to_owned(),
        policy: settings.policy.clone(),
        policy_version: "1.0".to_owned(),
        source: DecisionSource::RuleBased,
        propensity: 1.0,
        explored: false,
        candidates: Vec::new(),
    }
}
