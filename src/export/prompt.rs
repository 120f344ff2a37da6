//! What a model is asked and what it should have answered: only what was known at the decision.

use super::chat::{Call, Step};
use crate::clock::iso;
use crate::domain::money::from_e8;
use serde_json::{Value, json};
use std::fmt::Write;

pub(super) const SYSTEM: &str = "You write covered calls on BTC and ETH. You are given the state of the market and \
of the book at one instant, the actions that may be taken, and the calls that may be sold. Answer with one JSON \
object: {\"action\": .., \"instrument\": .., \"size\": ..}; the instrument is the call to sell, or to buy back when \
closing, and both are null when nothing is done.";

// Names of actions in rows.
const NOTHING: &str = "DO_NOTHING";
const OPEN: &str = "OPEN_COVERED_CALL";
const ROLL: &str = "ROLL_COVERED_CALL";

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    action: String,
    instrument: Option<String>,
    size: Option<String>,
}

impl Answer {
    /// What the desk did; `None` for a step that failed.
    pub(super) fn taken(step: &Step) -> Option<Self> {
        Some(Self {
            action: step.action.clone()?,
            instrument: step.instrument.clone(),
            size: step.size_e8.map(size),
        })
    }

    fn sells(step: &Step, action: &str, call: &Call) -> Self {
        Self {
            action: action.to_owned(),
            instrument: Some(call.instrument.clone()),
            size: step.size_e8.map(size),
        }
    }

    /// Numbers as they are traded: exact decimals.
    pub(super) fn text(&self) -> String {
        let size = self.size.as_deref().and_then(|size| {
            let number: serde_json::Number = size.parse().ok()?;
            Some(Value::Number(number))
        });
        json!({"action": self.action, "instrument": self.instrument, "size": size}).to_string()
    }
}

fn size(units: i64) -> String {
    from_e8(units).normalize().to_string()
}

/// The state as text.
pub(super) fn user(
    step: &Step,
    features: &[(String, String)],
    actions: &[(String, i64)],
) -> String {
    let mut text = String::new();
    write(&mut text, step, features, actions).expect("writing into a String cannot fail");
    text
}

fn write(
    text: &mut String,
    step: &Step,
    features: &[(String, String)],
    actions: &[(String, i64)],
) -> std::fmt::Result {
    writeln!(text, "Time: {}", iso(step.at_ms))?;
    writeln!(
        text,
        "Underlying: {}, index {} USD",
        step.underlying, step.index_price
    )?;
    writeln!(text, "Profile: {}; regime: {}", step.profile, step.regime)?;
    let held = if step.chain.is_some() {
        "a call is held"
    } else {
        "no call is held"
    };
    writeln!(text, "Book: {held}")?;
    writeln!(text, "State:")?;
    let values = step.observation.trim_matches(['[', ']']).split(',');
    for ((name, unit), value) in features.iter().zip(values) {
        let unit = if unit.is_empty() {
            String::new()
        } else {
            format!(" {unit}")
        };
        match value.trim() {
            "null" => writeln!(text, "- {name}: not known")?,
            number => writeln!(text, "- {name}: {number}{unit}")?,
        }
    }
    let legal = actions
        .iter()
        .filter(|(_, bit)| step.legal_actions & bit != 0);
    let legal: Vec<&str> = legal.map(|(action, _)| action.as_str()).collect();
    writeln!(text, "Actions: {}", legal.join(", "))?;
    calls(text, &step.calls)
}

const TERMS: [&str; 9] = [
    "dte",
    "delta",
    "bid",
    "ask",
    "mark_iv",
    "ivrv",
    "open_interest",
    "premium_usd",
    "yield_net",
];

fn calls(text: &mut String, calls: &[Call]) -> std::fmt::Result {
    if calls.is_empty() {
        return write!(text, "Calls: none");
    }
    write!(text, "Calls:")?;
    for call in calls {
        write!(text, "\n- {}", call.instrument)?;
        for (name, value) in TERMS.iter().zip(call.terms) {
            if let Some(value) = value {
                write!(text, ", {name} {value}")?;
            }
        }
    }
    Ok(())
}

/// What the policy prefers and what it scores lower; no outcome is looked at. `None` when the step offers
/// no second answer.
pub(super) fn pair(step: &Step, taken: &Answer) -> Option<(Answer, Answer)> {
    let mut scored: Vec<(&Call, f64)> = step
        .calls
        .iter()
        .filter_map(|call| Some((call, call.score?)))
        .collect();
    scored.sort_by(|left, right| right.1.total_cmp(&left.1));
    let (best, worst) = (scored.first()?, scored.last()?);
    if ![OPEN, ROLL].contains(&taken.action.as_str()) {
        let other = Answer::sells(step, OPEN, best.0);
        let nothing = taken.action == NOTHING && step.chain.is_none();
        return nothing.then(|| (taken.clone(), other));
    }
    if best.1 == worst.1 {
        return None;
    }
    // A drawn call is not what the policy holds best.
    let chosen = if step.explored {
        Answer::sells(step, &taken.action, best.0)
    } else {
        taken.clone()
    };
    let rejected = Answer::sells(step, &taken.action, worst.0);
    (chosen != rejected).then_some((chosen, rejected))
}
