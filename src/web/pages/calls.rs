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
        "chose": action(call.llm_action.as_deref()), "ruled": action(call.rule_action.as_deref()),
        "did": action(call.final_action.as_deref()), "answer": answer(&call.response),
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

/// A stored action in the parts that a person reads.
fn action(stored: Option<&str>) -> Value {
    let Some(action) = stored.and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
        return Value::Null;
    };
    let call = if action["to"].is_null() {
        &action["instrument"]
    } else {
        &action["to"]
    };
    json!({"name": action["action"], "from": action["from"], "call": call, "size": action["size"]})
}

/// Characters of an answer that are shown unasked; the reply has all of them.
const ANSWER_MAX: usize = 600;

/// What the model wrote, out of its envelope: its text, or what it called a function with.
fn answer(response: &[u8]) -> Option<String> {
    let reply: Value = serde_json::from_slice(response).ok()?;
    let message = &reply["choices"][0]["message"];
    let called = &message["tool_calls"][0]["function"]["arguments"];
    let text = message["content"].as_str().filter(|text| !text.is_empty());
    let text = text.or_else(|| called.as_str())?;
    let cut: String = text.chars().take(ANSWER_MAX).collect();
    let more = if cut.len() < text.len() { " …" } else { "" };
    Some(cut + more)
}

fn text(bytes: &[u8]) -> String {
    let laid_out = serde_json::from_slice::<Value>(bytes)
        .and_then(|value| serde_json::to_string_pretty(&value));
    laid_out.unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_and_answers_are_taken_apart_for_people() {
        let roll = r#"{"action":"ROLL_COVERED_CALL","from":"BTC-9JAN26-91000-C","to":"BTC-16JAN26-96000-C","size":"0.1"}"#;
        let expected = json!({
            "name": "ROLL_COVERED_CALL", "from": "BTC-9JAN26-91000-C", "call": "BTC-16JAN26-96000-C", "size": "0.1",
        });
        assert_eq!(action(Some(roll)), expected);
        assert_eq!(action(None), Value::Null);
        let said = |message: Value| {
            answer(
                json!({"choices": [{"message": message}]})
                    .to_string()
                    .as_bytes(),
            )
        };
        assert_eq!(said(json!({"content": "c1"})).as_deref(), Some("c1"));
        let call = json!({"content": null, "tool_calls": [{"function": {"arguments": "{}"}}]});
        assert_eq!(said(call).as_deref(), Some("{}"));
        let long = said(json!({"content": "é".repeat(601)})).unwrap_or_default();
        assert_eq!(long.chars().count(), 602);
        assert_eq!(answer(b"not JSON"), None);
    }
}
