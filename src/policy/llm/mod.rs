//! Decisions by a language model, the part that waits for nothing: what it may choose from, what it is
//! told, and how its answer becomes a decision.
//!
//! A model never writes an order. It names one entry of a [`Menu`] made for this tick, a size within that
//! entry's bounds, and a reason; anything else is a [`Rejection`], and nothing is corrected in silence.

mod answer;
mod menu;
mod prompt;

pub use answer::{Chosen, REASON_MAX, Rejection};
pub use menu::{Bounds, Choice, Menu};
pub use prompt::{Past, PromptError, Question, repair, version};

use super::Rules;
use crate::domain::action::Action;
use crate::domain::decision::{Decision, DecisionSource};
use crate::domain::settings::Settings;
use serde::{Deserialize, Serialize};

/// The policy's name in decisions.
pub const NAME: &str = "llm";

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// `nothing` was all there was to choose.
    NotAsked,
    Chose(Chosen),
    /// No decision: which outcome, and why in words.
    Failed {
        outcome: String,
        error: String,
    },
}

/// How a step went that a model was to decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// `ok`, or why there was no decision of the model's; `None` where it was not asked.
    pub outcome: Option<String>,
    /// The fallback decided in its place.
    pub fell_back: bool,
}

impl Answered {
    pub fn not_asked() -> Self {
        Self {
            outcome: None,
            fell_back: false,
        }
    }

    pub fn with(outcome: &str, fell_back: bool) -> Self {
        Self {
            outcome: Some(outcome.to_owned()),
            fell_back,
        }
    }
}

/// What is done where a model gives no decision, or one that risk refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// What the rules would have done, labelled as such.
    Rule,
    #[default]
    Nothing,
}

/// The rules that rank what a model is shown, and decide where it fails.
fn rules(settings: &Settings) -> Rules {
    Rules::named(&settings.policy).unwrap_or(Rules::V2)
}

/// The decision that a model's answer is.
pub fn chosen(menu: Menu, chosen: &Chosen) -> Decision {
    let mut decision = nothing(menu, chosen.reason.clone());
    decision.proposed = chosen.action;
    let sold = match chosen.action {
        Action::OpenCoveredCall { instrument, .. } => Some(instrument),
        Action::RollCoveredCall { to, .. } => Some(to),
        Action::DoNothing | Action::CloseCoveredCall { .. } => None,
    };
    for call in &mut decision.candidates {
        if Some(call.instrument) == sold {
            call.chosen = true;
            call.propensity = 1.0;
        }
    }
    decision
}

/// Nothing is done, because of `reason`; the model's or ours.
pub fn nothing(menu: Menu, reason: String) -> Decision {
    Decision {
        proposed: Action::DoNothing,
        reason,
        policy: NAME.to_owned(),
        policy_version: version().to_owned(),
        source: DecisionSource::Llm,
        propensity: 1.0,
        explored: false,
        candidates: menu.candidates,
    }
}

/// What the rules decided, labelled as standing in for a model that did not.
pub fn stand_in(ruled: Decision, why: &str) -> Decision {
    Decision {
        reason: format!("{why}; the rules decide instead: {}", ruled.reason),
        policy: NAME.to_owned(),
        policy_version: format!(
            "{}{STAND_IN}{} {}",
            version(),
            ruled.policy,
            ruled.policy_version
        ),
        source: DecisionSource::Llm,
        ..ruled
    }
}

/// Whether a decision of that policy version is what the rules decided in the model's place.
pub fn is_stand_in(policy_version: &str) -> bool {
    policy_version.contains(STAND_IN)
}

/// Between the versions of the prompt and of the rules.
const STAND_IN: &str = ", ";

#[cfg(test)]
mod tests;
