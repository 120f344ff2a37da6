//! A reply out of a status and bytes: pure, so that stored bytes give the same reply again.

use super::schema;
use super::wire::{self, Said};
use super::words::{Answer, Ask, Outcome, Reply, ToolCall};
use crate::config::{LlmConfig, StructuredMode};
use serde_json::Value;

/// Characters of a body that an error quotes.
const QUOTED: usize = 200;

/// What the bytes came to; `request`, `attempts` and `latency_ms` are for the caller to fill in.
pub(super) fn reply(config: &LlmConfig, ask: &Ask, status: u16, response: &[u8]) -> Reply {
    let mut reply = match wire::read(response) {
        Ok(said) => judge(config, ask, status, response, said),
        Err(_) if !is_success(status) => http_error(status, &quoted(response)),
        Err(error) => Reply::failed(
            Outcome::InvalidJson,
            format!(
                "the server's reply is no JSON ({error}): {}",
                quoted(response)
            ),
        ),
    };
    reply.status = Some(status);
    reply.response = response.to_vec();
    reply
}

fn judge(config: &LlmConfig, ask: &Ask, status: u16, response: &[u8], said: Said) -> Reply {
    let (outcome, error) = verdict(status, response, &said);
    let mut reply = Reply {
        outcome,
        text: said.text,
        calls: said
            .calls
            .into_iter()
            .filter(|call| !call.name.is_empty())
            .collect(),
        model: said.model,
        finish_reason: said.finish_reason,
        usage: said.usage,
        error,
        ..Reply::failed(outcome, "")
    };
    if reply.outcome == Outcome::Ok {
        answer(config, ask, &mut reply);
    }
    reply
}

/// What the envelope says, before anybody looks into the answer.
fn verdict(status: u16, response: &[u8], said: &Said) -> (Outcome, Option<String>) {
    let failed = |outcome, error: String| (outcome, Some(error));
    if let Some(error) = &said.error
        && (!is_success(status) || !said.answered || said.code.is_some())
    {
        return failed(Outcome::HttpError, format!("HTTP {status}: {error}"));
    }
    if !is_success(status) {
        return failed(
            Outcome::HttpError,
            format!("HTTP {status}: {}", quoted(response)),
        );
    }
    if !said.answered {
        return failed(
            Outcome::HttpError,
            format!(
                "HTTP {status}, but the reply has no answer: {}",
                quoted(response)
            ),
        );
    }
    if !said.refusal.is_empty() {
        return failed(
            Outcome::Refused,
            format!("the model refused: {}", said.refusal),
        );
    }
    match said.finish_reason.as_deref() {
        Some("content_filter") => failed(
            Outcome::Refused,
            "the server's content filter stopped the answer".to_owned(),
        ),
        Some("length") => failed(
            Outcome::Truncated,
            "the answer reached [llm] max_tokens before its end".to_owned(),
        ),
        None if !said.done => failed(
            Outcome::Truncated,
            "the stream was cut: it ended without a finish_reason".to_owned(),
        ),
        _ => (Outcome::Ok, None),
    }
}

/// Looks into an answer that came whole.
fn answer(config: &LlmConfig, ask: &Ask, reply: &mut Reply) {
    match &ask.answer {
        Answer::Json { schema, .. } => {
            // Servers in mode tool answer with a call, or in spite of it with text.
            let text = reply
                .calls
                .first()
                .map_or(&reply.text, |call| &call.arguments);
            match checked(schema, text) {
                Ok(value) => reply.text = value.to_string(),
                Err((outcome, error)) => fail(reply, outcome, error),
            }
            reply.calls.clear();
        }
        Answer::Tools(tools)
            if config.structured_mode != StructuredMode::Tool && reply.calls.is_empty() =>
        {
            match checked(&schema::choice_of_tools(tools), &reply.text) {
                Ok(value) => step(reply, &value),
                Err((outcome, error)) => fail(reply, outcome, error),
            }
        }
        Answer::Text | Answer::Tools(_) => {}
    }
}

fn checked(schema: &Value, text: &str) -> Result<Value, (Outcome, String)> {
    let value = schema::find(text).map_err(|error| (Outcome::InvalidJson, error))?;
    match schema::check(schema, &value) {
        Ok(()) => Ok(value),
        Err(error) => Err((Outcome::SchemaViolation, error)),
    }
}

/// `{tool, arguments}` becomes a call, `{answer}` text.
fn step(reply: &mut Reply, value: &Value) {
    let Some(tool) = value["tool"].as_str() else {
        value["answer"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut reply.text);
        return;
    };
    reply.calls = vec![ToolCall {
        id: "call_1".to_owned(),
        name: tool.to_owned(),
        arguments: value["arguments"].to_string(),
    }];
    reply.text.clear();
}

fn fail(reply: &mut Reply, outcome: Outcome, error: String) {
    reply.outcome = outcome;
    reply.error = Some(error);
}

fn http_error(status: u16, said: &str) -> Reply {
    Reply::failed(Outcome::HttpError, format!("HTTP {status}: {said}"))
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// The beginning of a body, in one line.
fn quoted(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() {
        return "an empty body".to_owned();
    }
    line.chars().take(QUOTED).collect()
}
