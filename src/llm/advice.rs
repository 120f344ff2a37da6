//! What a person can do about a call that gave no answer.

use super::Llm;
use super::words::{Outcome, Reply};
use crate::config::LLM_KEY;

impl Llm {
    /// The error of a reply with the next step behind it; `None` for a reply that has none.
    pub fn explained(&self, reply: &Reply) -> Option<String> {
        if reply.outcome == Outcome::Ok {
            return None;
        }
        let error = reply.error.as_deref().unwrap_or("no reason was given");
        let outcome = reply.outcome.as_str();
        Some(match self.next_step(reply.outcome, reply.status) {
            Some(step) => format!("{outcome}: {error}. {step}"),
            None => format!("{outcome}: {error}"),
        })
    }

    /// What to do about an outcome, given the HTTP status that came with it.
    pub fn next_step(&self, outcome: Outcome, status: Option<u16>) -> Option<String> {
        let url = &self.config.base_url;
        let mode = self.config.structured_mode.as_str();
        match (outcome, status) {
            (Outcome::HttpError, None) => {
                Some(format!("Is the server running at [llm] base_url = {url}?"))
            }
            (Outcome::HttpError, Some(401 | 403)) if self.transport.key().is_empty() => {
                Some(format!(
                    "The server wants a key: put it into the environment variable {LLM_KEY} and start thetaq again"
                ))
            }
            (Outcome::HttpError, Some(401 | 403)) => Some(format!(
                "The server does not take the key in {LLM_KEY}: correct it and start thetaq again"
            )),
            (Outcome::HttpError, Some(404)) => Some(format!(
                "Look at [llm] model, and at base_url = {url}: with most servers it ends in /v1"
            )),
            (Outcome::HttpError, Some(400 | 422)) => Some(format!(
                "If the server does not know what was asked: try another [llm] structured_mode than {mode}, or another token_field"
            )),
            (Outcome::HttpError, Some(429)) => Some(
                "The server has too much to do, or the account is used up: ask again later"
                    .to_owned(),
            ),
            (Outcome::InvalidJson | Outcome::SchemaViolation, _) => Some(format!(
                "The server does not hold the model to [llm] structured_mode = {mode}: try another mode, or a larger model"
            )),
            (Outcome::BudgetExhausted, _) => {
                Some("Raise that budget, or wait until it is free again".to_owned())
            }
            _ => None,
        }
    }
}
