//! Calls of a language model as pages show them: what was asked and answered, as text and never as markup.

use crate::db::llm_calls::LlmCallRow;
use crate::db::shadow_decisions::ShadowRow;
use crate::llm::{Outcome, Purpose};
use serde_json::{Value, json};

pub(super) const COLUMNS: &[&str] = &[
    "id",
    "job",
    "policy",
    "part",
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

/// The calls about a decision, those of the desk first and then its council's, each with its part in it.
pub(super) fn of_decision(calls: &[LlmCallRow], council: &[ShadowRow]) -> Vec<Value> {
    let desk = Purpose::Decision.as_str();
    let (own, others): (Vec<_>, Vec<_>) = calls.iter().partition(|call| call.purpose == desk);
    own.into_iter()
        .chain(others)
        .map(|call| {
            let mut shown = shown(call);
            shown["policy"] = json!((call.purpose != desk).then(|| policy(call, calls, council)));
            shown["part"] = part(call).into();
            shown
        })
        .collect()
}

/// What a call was to the one who asked: its answer counted, or another attempt followed.
fn part(call: &LlmCallRow) -> String {
    let outcome = Outcome::named(&call.outcome);
    let usable = matches!(outcome, Some(Outcome::Ok | Outcome::RiskRejected));
    let came_to = match (call.final_action.is_some(), usable) {
        (true, true) if call.purpose == Purpose::Decision.as_str() => "decided",
        (true, true) => "its opinion",
        (true, false) => "gave no decision",
        (false, _) => "not used",
    };
    match (is_repair(call), call.final_action.is_some()) {
        (true, _) => format!("repair attempt, {came_to}"),
        (false, false) => format!("first attempt, {came_to}"),
        (false, true) => came_to.to_owned(),
    }
}

/// A repair repeats the answer that it is to mend.
fn is_repair(call: &LlmCallRow) -> bool {
    messages(&call.request)
        .iter()
        .any(|message| message["role"] == "assistant")
}

/// Whose opinion a call was: a council's row names its last call, and earlier attempts went to the same model.
fn policy<'a>(call: &'a LlmCallRow, calls: &[LlmCallRow], council: &'a [ShadowRow]) -> &'a str {
    let model_of = |row: &&ShadowRow| {
        let last = calls
            .iter()
            .find(|last| Some(&last.id) == row.llm_call.as_ref());
        last.is_some_and(|last| last.model == call.model)
    };
    let own = |row: &&ShadowRow| row.llm_call.as_ref() == Some(&call.id);
    let row = council.iter().find(own);
    let row = row.or_else(|| council.iter().find(model_of));
    row.map_or(&call.model, |row| &row.policy)
}

/// One call with its bytes as text; what is JSON is laid out.
fn shown(call: &LlmCallRow) -> Value {
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
    fn the_call_that_decided_is_told_from_its_repair_and_from_the_councils() {
        let call =
            |id: &str, purpose: &str, model: &str, outcome: &str, roles: &[&str], done: bool| {
                let messages: Vec<Value> = roles
                    .iter()
                    .map(|role| json!({"role": role, "content": "x"}))
                    .collect();
                LlmCallRow {
                    id: id.to_owned(),
                    purpose: purpose.to_owned(),
                    model: model.to_owned(),
                    outcome: outcome.to_owned(),
                    request: json!({ "messages": messages }).to_string().into_bytes(),
                    final_action: done.then(|| "{}".to_owned()),
                    ..LlmCallRow::default()
                }
            };
        let (first, again) = (["system", "user"], ["system", "user", "assistant", "user"]);
        let calls = [
            call("1", "council", "big", "schema_violation", &first, false),
            call("2", "decision", "small", "invalid_json", &first, false),
            call("3", "council", "big", "timeout", &again, true),
            call("4", "decision", "small", "ok", &again, true),
        ];
        let council = [ShadowRow {
            policy: "llm:big".to_owned(),
            llm_call: Some("3".to_owned()),
            ..ShadowRow::default()
        }];
        let told: Vec<(Value, Value)> = of_decision(&calls, &council)
            .into_iter()
            .map(|call| (call["policy"].clone(), call["part"].clone()))
            .collect();
        let expected = [
            (Value::Null, json!("first attempt, not used")),
            (Value::Null, json!("repair attempt, decided")),
            (json!("llm:big"), json!("first attempt, not used")),
            (json!("llm:big"), json!("repair attempt, gave no decision")),
        ];
        assert_eq!(told, expected);
    }

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
