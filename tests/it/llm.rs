//! Calls of a language model against a real server process: every mode, every failure, the budget and the key.

mod advice;
mod calls;
mod checked;
mod client;
mod counted;
mod decisions;
mod failures;
mod fallback;
mod process;
mod reached;
mod recorded;
mod replayed;
mod unsaid;

use crate::support::aimock::Aimock;
use serde_json::{Value, json};
use thetaq::config::{LlmConfig, StructuredMode};
use thetaq::llm::{Answer, Ask, Llm, Message, Purpose, Reply, Tool};
use tokio_util::sync::CancellationToken;

pub(super) const MODES: [StructuredMode; 4] = [
    StructuredMode::JsonSchema,
    StructuredMode::JsonObject,
    StructuredMode::Tool,
    StructuredMode::Prompt,
];

/// An answer of the server to the user's text.
pub(super) fn answers(text: &str, response: impl Into<Value>) -> Value {
    let response: Value = response.into();
    json!({ "match": { "userMessage": text }, "response": response })
}

pub(super) fn question(text: &str, answer: Answer) -> Ask {
    Ask {
        purpose: Purpose::Chat,
        model: None,
        messages: vec![
            Message::System("You are tested.".to_owned()),
            Message::User(text.to_owned()),
        ],
        answer,
        prompt_version: "test 1".to_owned(),
    }
}

pub(super) fn choice() -> Answer {
    Answer::Json {
        name: "choice".to_owned(),
        schema: json!({
            "type": "object", "required": ["choice", "size"],
            "properties": {
                "choice": { "type": "string", "enum": ["c1", "nothing"] },
                "size": { "type": "number", "minimum": 0, "maximum": 2 },
            },
        }),
    }
}

pub(super) fn tools() -> Answer {
    Answer::Tools(vec![Tool {
        name: "market".to_owned(),
        description: "Quotes of a coin.".to_owned(),
        parameters: json!({
            "type": "object", "required": ["coin"],
            "properties": { "coin": { "type": "string", "enum": ["BTC", "ETH"] } },
        }),
    }])
}

pub(super) fn client(settings: impl std::borrow::Borrow<LlmConfig>) -> Llm {
    Llm::new(settings.borrow(), None).unwrap().unwrap()
}

/// The reply of a server with one answer to one question.
pub(super) async fn reply(
    change: impl FnOnce(&mut LlmConfig, &Aimock),
    fixture: Value,
    answer: Answer,
) -> Option<Reply> {
    let server = Aimock::start(json!([fixture]), &[]).await?;
    let mut settings = server.settings();
    change(&mut settings, &server);
    let stop = CancellationToken::new();
    Some(client(settings).ask(&question("go", answer), &stop).await)
}
