//! Policies: a Context goes in, a Decision comes out; no database, no order, no clock.
//!
//! A short call that is due is rolled into the chosen candidate, or
//! closed when there is none; with room for another call the chosen candidate is sold; else nothing.

mod exit;
mod explore;
pub mod llm;
pub mod profiles;
mod rank;
mod reason;
mod roll;
pub mod rules_v1;
pub mod rules_v2;
pub mod simulator_v1;

use crate::clock::Random;
use crate::domain::account::Position;
use crate::domain::action::Action;
use crate::domain::context::Context;
use crate::domain::decision::{Candidate, Decision, DecisionSource};
use crate::domain::instrument::Instrument;
use crate::domain::order::Side;
use crate::domain::settings::Settings;
use crate::market::candidates::{candidates, qualified};
pub use exit::{Due, Trigger, due};
use explore::Draw;
use rank::rank;
use rust_decimal::Decimal;

/// What the policy of the settings proposes, with every call of the chain as a candidate. The generator is
/// asked for only where there is something to draw.
pub fn decide(context: &Context, settings: &Settings, random: impl FnOnce() -> Random) -> Decision {
    decide_among(context, settings, random, |_| candidates(context, settings))
}

/// The same decision for runs that keep no rejected rows: candidates are those that qualify, and nobody
/// looks for them where no call may be sold.
pub fn decide_lean(
    context: &Context,
    settings: &Settings,
    random: impl FnOnce() -> Random,
) -> Decision {
    decide_among(context, settings, random, |plan| match plan {
        Plan::Nothing => Vec::new(),
        Plan::Roll(_) | Plan::Open => qualified(context, settings),
    })
}

fn decide_among(
    context: &Context,
    settings: &Settings,
    random: impl FnOnce() -> Random,
    candidates: impl FnOnce(&Plan<'_>) -> Vec<Candidate>,
) -> Decision {
    let (plan, why) = plan(context, settings);
    let mut candidates = candidates(&plan);
    let Some(rules) = Rules::named(&settings.policy) else {
        let reason = format!(
            "unknown policy `{}`; use rules_v1, rules_v2 or simulator_v1",
            settings.policy
        );
        return decision(settings, "", (Action::DoNothing, reason), None, candidates);
    };
    let ranked = rules.rank(&mut candidates, context, settings);
    let choices: Vec<usize> = match plan {
        Plan::Nothing => Vec::new(),
        Plan::Roll(_) | Plan::Open => free(context, &candidates, ranked),
    };
    let draw = explore::draw(&mut candidates, &choices, settings, random);
    let outcome = outcome(&plan, why, draw.as_ref(), &candidates, context, settings);
    decision(settings, rules.version(), outcome, draw, candidates)
}

/// The scores there are.
#[derive(Clone, Copy)]
enum Rules {
    V1,
    V2,
    Simulator,
}

impl Rules {
    fn named(policy: &str) -> Option<Self> {
        match policy {
            "rules_v1" => Some(Self::V1),
            "rules_v2" => Some(Self::V2),
            "simulator_v1" => Some(Self::Simulator),
            _ => None,
        }
    }

    fn version(self) -> &'static str {
        match self {
            Self::V1 => rules_v1::VERSION,
            Self::V2 => rules_v2::VERSION,
            Self::Simulator => simulator_v1::VERSION,
        }
    }

    /// The score of a call that qualified, where it depends on nothing but the settings.
    fn score(self, call: &Candidate, settings: &Settings) -> Option<f64> {
        let sum = |terms: &[(&str, f64)]| terms.iter().map(|(_, value)| value).sum();
        match self {
            Self::V1 => Some(sum(&rules_v1::terms(call, settings))),
            Self::V2 => Some(sum(&rules_v2::terms(call, settings))),
            Self::Simulator => None,
        }
    }

    /// Scores the candidates; gives the places of those that may be chosen, best first.
    fn rank(
        self,
        candidates: &mut [Candidate],
        context: &Context,
        settings: &Settings,
    ) -> Vec<usize> {
        match self {
            Self::V1 => rank(candidates, |call| rules_v1::terms(call, settings)),
            Self::V2 => rank(candidates, |call| rules_v2::terms(call, settings)),
            Self::Simulator => {
                let terms = |call: &Candidate| simulator_v1::terms(call, context, settings);
                let mut ranked = rank(candidates, terms);
                let least = settings.simulator.score_min;
                ranked.retain(|at| candidates[*at].score.is_some_and(|score| score >= least));
                ranked
            }
        }
    }
}

/// The score that `rules_v1` or `rules_v2` gives a call; `None` for policies that look at more than the call.
pub fn score(policy: &str, call: &Candidate, settings: &Settings) -> Option<f64> {
    Rules::named(policy)?.score(call, settings)
}

/// What kind of action is wanted, before a candidate is chosen.
enum Plan<'a> {
    Roll(&'a Position),
    Open,
    Nothing,
}

fn plan<'a>(context: &'a Context, settings: &Settings) -> (Plan<'a>, String) {
    for position in short_calls(context) {
        if is_working(context, &position.instrument) {
            continue;
        }
        if let Some(due) = due(position, context, settings) {
            return (Plan::Roll(position), due.why);
        }
    }
    match room(context, settings) {
        (true, why) => (Plan::Open, why),
        (false, why) => (Plan::Nothing, why),
    }
}

fn short_calls(context: &Context) -> impl Iterator<Item = &Position> {
    let short = |held: &&Position| held.instrument.is_call() && held.size < Decimal::ZERO;
    context.positions.iter().filter(short)
}

/// Whether another call may be opened, and why.
fn room(context: &Context, settings: &Settings) -> (bool, String) {
    let working = context
        .working
        .iter()
        .filter(|order| order.side == Side::Sell);
    let open = short_calls(context).count() + working.count();
    if open >= settings.max_calls_per_underlying as usize {
        return (false, reason::holding(open, context));
    }
    if settings.paused {
        let why = "the desk is paused: positions are managed, no new call is sold".to_owned();
        return (false, why);
    }
    (true, reason::room(open, settings))
}

/// Ranked calls that may be sold now: not held, no order working on them.
fn free(context: &Context, candidates: &[Candidate], ranked: Vec<usize>) -> Vec<usize> {
    let is_free = |at: &usize| {
        let instrument = &candidates[*at].instrument;
        let mut held = context.positions.iter().map(|held| &held.instrument);
        !held.any(|held| held == instrument) && !is_working(context, instrument)
    };
    ranked.into_iter().filter(is_free).collect()
}

fn is_working(context: &Context, instrument: &Instrument) -> bool {
    let mut working = context.working.iter();
    working.any(|order| order.instrument == *instrument)
}

fn outcome(
    plan: &Plan<'_>,
    why: String,
    draw: Option<&Draw>,
    candidates: &[Candidate],
    context: &Context,
    settings: &Settings,
) -> (Action, String) {
    let chosen = draw.map(|draw| (&candidates[draw.index], draw));
    match (plan, chosen) {
        (Plan::Roll(position), Some((call, draw))) => {
            let action = Action::RollCoveredCall {
                from: position.instrument,
                to: call.instrument,
                size: -position.size,
            };
            (
                action,
                format!("{why}; rolled into {}", reason::chosen(call, draw)),
            )
        }
        (Plan::Roll(position), None) => {
            let action = Action::CloseCoveredCall {
                instrument: position.instrument,
                size: -position.size,
            };
            (
                action,
                format!(
                    "{why}; closed, {}",
                    reason::none(candidates, context, settings)
                ),
            )
        }
        (Plan::Open, Some((call, draw))) => {
            let action = Action::OpenCoveredCall {
                instrument: call.instrument,
                size: settings.order_size(context.coin),
            };
            (
                action,
                format!("{why}; sold {}", reason::chosen(call, draw)),
            )
        }
        (Plan::Open, None) => (
            Action::DoNothing,
            format!("{why}, but {}", reason::none(candidates, context, settings)),
        ),
        (Plan::Nothing, _) => (Action::DoNothing, why),
    }
}

fn decision(
    settings: &Settings,
    version: &str,
    (proposed, reason): (Action, String),
    draw: Option<Draw>,
    candidates: Vec<Candidate>,
) -> Decision {
    Decision {
        proposed,
        reason,
        policy: settings.policy.clone(),
        policy_version: version.to_owned(),
        source: DecisionSource::RuleBased,
        propensity: draw.as_ref().map_or(1.0, |draw| draw.propensity),
        explored: draw.is_some_and(|draw| draw.explored),
        candidates,
    }
}

#[cfg(test)]
mod tests;
