//! A model's answer: the schema it must have at this tick, and reading it without forgiving anything.

use super::menu::{Choice, Menu};
use crate::domain::action::Action;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Number, Value, json};

/// Characters of a reason.
pub const REASON_MAX: usize = 300;

/// The answer's form, before it is narrowed to the choices of a tick.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Answer {
    /// The id of one entry of `choices`.
    choice: String,
    /// Coin; 0 with `nothing`.
    size: Number,
    /// Why, in one or two sentences.
    reason: String,
}

/// What a model chose, of the size it named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    pub choice: String,
    pub action: Action,
    pub reason: String,
}

/// Why an answer is no decision; the text names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("the answer is not JSON: {0}")]
    InvalidJson(String),
    #[error("{0}")]
    Schema(String),
}

impl Menu {
    /// The schema of an answer, with the ids and the largest size of this tick.
    pub fn schema(&self) -> Value {
        let mut schema = schemars::schema_for!(Answer).to_value();
        let ids: Vec<&str> = self
            .choices
            .iter()
            .map(|choice| choice.id.as_str())
            .collect();
        let fields = &mut schema["properties"];
        fields["choice"]["enum"] = json!(ids);
        fields["size"]["minimum"] = json!(0);
        fields["size"]["maximum"] = number(self.size_max());
        fields["reason"]["minLength"] = json!(1);
        fields["reason"]["maxLength"] = json!(REASON_MAX);
        schema
    }

    /// Reads an answer. It is taken as it stands or not at all.
    pub fn read(&self, text: &str) -> Result<Chosen, Rejection> {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| Rejection::InvalidJson(error.to_string()))?;
        let answer: Answer = serde_json::from_value(value)
            .map_err(|error| Rejection::Schema(format!("the answer: {error}")))?;
        let listed = self
            .choices
            .iter()
            .find(|listed| listed.id == answer.choice);
        let listed = listed.ok_or_else(|| {
            let most = self
                .choices
                .last()
                .map_or("nothing", |last| last.id.as_str());
            let known = format!("ids go from `nothing` to `{most}`");
            Rejection::Schema(format!(
                "choice: `{}` is not a choice; {known}",
                shown(&answer.choice)
            ))
        })?;
        let size = size(&answer.size, listed)?;
        Ok(Chosen {
            choice: answer.choice,
            action: sized(listed.action, size),
            reason: reason(&answer.reason)?,
        })
    }
}

fn size(given: &Number, listed: &Choice) -> Result<Decimal, Rejection> {
    let text = given.to_string();
    let exact = text.parse().or_else(|_| Decimal::from_scientific(&text));
    let problem = match exact {
        Ok(size) => match listed.sizes.problem(size) {
            None => return Ok(size),
            Some(problem) => problem,
        },
        Err(_) => format!("must be an amount, not {text}"),
    };
    Err(Rejection::Schema(format!(
        "size of `{}` {problem}",
        listed.id
    )))
}

fn reason(given: &str) -> Result<String, Rejection> {
    let reason = given.trim();
    let length = reason.chars().count();
    if (1..=REASON_MAX).contains(&length) {
        return Ok(reason.to_owned());
    }
    let problem = format!("reason: has {length} characters; 1 to {REASON_MAX} are allowed");
    Err(Rejection::Schema(problem))
}

fn sized(action: Action, size: Decimal) -> Action {
    match action {
        Action::DoNothing => Action::DoNothing,
        Action::OpenCoveredCall { instrument, .. } => Action::OpenCoveredCall { instrument, size },
        Action::CloseCoveredCall { instrument, .. } => {
            Action::CloseCoveredCall { instrument, size }
        }
        Action::RollCoveredCall { from, to, .. } => Action::RollCoveredCall { from, to, size },
    }
}

/// A text of the model's in one of our messages: short, on one line.
fn shown(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(40).collect()
}

/// An amount as a JSON number.
pub(super) fn number(amount: Decimal) -> Value {
    serde_json::from_str(&amount.normalize().to_string()).unwrap_or(Value::Null)
}
