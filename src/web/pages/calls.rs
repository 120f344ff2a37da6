//! Calls of a language model as pages show them: what was asked and answered, as text and never as markup.

use crate::db::llm_calls::LlmCallRow;
use serde_json::{Value, json};

pub(super) const COLUMNS: &[&str] = &[
    "id",
    "job",
    "model",
    "model_answered",
    "structured_mode",
    "prompt_version",
    "outcome",
    "error",
    "attempts",
    "latency_ms",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "llm_action",
    "rule_action",
    "verdict",
    "final_action",
    "request_hash",
    "request",
    "response",
];

/// One call with its bytes as text; what is JSON is laid out.
pub(super) fn shown(call: &LlmCallRow) -> Value {
    json!({
        "id": call.id, "job": call.job, "created_ms": call.created_ms, "model": call.model,
        "model_answered": call.model_answered, "structured_mode": call.structured_mode,
        "prompt_version": call.prompt_version, "outcome": call.outcome, "error": call.error,
        "attempts": call.attempts, "latency_ms": call.latency_ms, "status": call.status,
        "input_tokens": call.input_tokens, "output_tokens": call.output_tokens, "cost_usd": call.cost_usd,
        "llm_action": call.llm_action, "rule_action": call.rule_action, "verdict": call.verdict,
        "final_action": call.final_action, "request_hash": call.request_hash,
        "messages": messages(&call.request), "request": text(&call.request), "response": text(&call.response),
    })
}

/// (role, content) of every message that was sent.
fn messages(request: &[u8]) -> Vec<Value> {
    let sent: Value = serde_json::from_slice(request).unwrap_or_default();
    let sent = sent["messages"].as_array().cloned().unwrap_or_default();
    let one = |message: &Value| json!({"role": message["role"], "content": message["content"]});
    sent.iter().map(one).collect()
}

fn text(bytes: &[u8]) -> String {
    let laid_out = serde_json::from_slice::<Value>(bytes)
        .and_then(|value| serde_json::to_string_pretty(&value));
    laid_out.unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned())
}
