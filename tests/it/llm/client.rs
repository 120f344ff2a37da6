//! Answers that come as they should: text, JSON in every mode, tools with and without function calling, streams.

use super::{MODES, answers, choice, client, question, reply, tools};
use crate::support::aimock::Aimock;
use serde_json::{Value, json};
use thetaq::config::{LlmConfig, StructuredMode, TokenField};
use thetaq::llm::{Answer, Ask, Llm, Message, Outcome, ToolCall};
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn every_mode_gives_the_same_checked_json() {
    let good = json!({ "choice": "c1", "size": 0.5 });
    for mode in MODES {
        let response = match mode {
            StructuredMode::Tool => {
                json!({ "toolCalls": [{ "name": "choice", "arguments": good }] })
            }
            StructuredMode::Prompt => {
                json!({ "content": format!("Here it is:\n```json\n{good}\n```") })
            }
            _ => json!({ "content": good }),
        };
        let Some(server) = Aimock::start(json!([answers("go", response)]), &[]).await else {
            return;
        };
        let settings = LlmConfig {
            structured_mode: mode,
            // A slash at the end of the address is taken too.
            base_url: format!("{}/", server.base_url()),
            ..server.settings()
        };
        let (llm, ask) = (client(settings), question("go", choice()));
        let reply = llm.ask(&ask, &CancellationToken::new()).await;
        assert_eq!(
            (reply.outcome, reply.error.as_deref()),
            (Outcome::Ok, None),
            "{mode:?}"
        );
        assert_eq!(serde_json::from_str::<Value>(&reply.text).unwrap(), good);
        assert!(reply.usage.input_tokens.unwrap() > 0 && reply.usage.output_tokens.unwrap() > 0);
        assert_eq!((reply.status, reply.attempts), (Some(200), 1));
        asked_as(mode, &server.journal().await[0]["body"]);
        // Stored bytes are read as the same reply.
        let again = llm.read(&ask, 200, &reply.response);
        assert_eq!(
            (again.text, again.usage, again.outcome),
            (reply.text, reply.usage, reply.outcome)
        );
        assert_eq!(again.request, reply.request);
    }
}

/// The request has what servers of that mode want, and nothing that they do not know.
fn asked_as(mode: StructuredMode, body: &Value) {
    let last = body["messages"].as_array().unwrap().last().unwrap();
    let told = last["content"]
        .as_str()
        .unwrap()
        .contains("\"additionalProperties\":false");
    let format = &body["response_format"];
    match mode {
        StructuredMode::JsonSchema => {
            assert_eq!(format["json_schema"]["strict"], true);
            assert_eq!(
                format["json_schema"]["schema"]["additionalProperties"],
                false
            );
        }
        StructuredMode::JsonObject => assert!(told && format["type"] == "json_object"),
        StructuredMode::Prompt => assert!(told && format.is_null()),
        StructuredMode::Tool => assert_eq!(body["tool_choice"]["function"]["name"], "choice"),
    }
    assert_eq!(
        (&body["max_tokens"], &body["model"]),
        (&json!(800), &json!("tester"))
    );
    assert!(body["temperature"].is_null() && body["stream"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_is_asked_for_and_its_result_is_read_in_every_mode() {
    for mode in MODES {
        let native = mode == StructuredMode::Tool;
        let fixtures = if native {
            json!([
                { "match": { "userMessage": "go", "hasToolResult": true }, "response": { "content": "It is 90000." } },
                { "match": { "userMessage": "go" }, "response": { "toolCalls":
                    [{ "id": "a", "name": "market", "arguments": { "coin": "BTC" } }] } },
            ])
        } else {
            json!([
                answers(
                    "Result of tool call",
                    json!({ "content": { "answer": "It is 90000." } })
                ),
                answers(
                    "go",
                    json!({ "content": { "tool": "market", "arguments": { "coin": "BTC" } } })
                ),
            ])
        };
        let Some(server) = Aimock::start(fixtures, &[]).await else {
            return;
        };
        let llm = client(LlmConfig {
            structured_mode: mode,
            ..server.settings()
        });
        let (mut ask, stop) = (question("go", tools()), CancellationToken::new());
        let first = llm.ask(&ask, &stop).await;
        let [
            ToolCall {
                name,
                arguments,
                id,
            },
        ] = &first.calls[..]
        else {
            panic!("{mode:?}: {first:?}");
        };
        assert_eq!(
            (name.as_str(), arguments.as_str()),
            ("market", "{\"coin\":\"BTC\"}")
        );
        let call = id.clone();
        ask.messages.push(Message::Assistant {
            text: None,
            calls: first.calls,
        });
        ask.messages.push(Message::Tool {
            call,
            text: "{\"index\": 90000}".to_owned(),
        });
        let second = llm.ask(&ask, &stop).await;
        assert_eq!(
            (second.outcome, second.text.as_str()),
            (Outcome::Ok, "It is 90000."),
            "{mode:?}"
        );
        assert!(second.calls.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_that_do_not_exist_are_refused_where_a_schema_says_so() {
    let wild = json!({ "content": { "tool": "place_order", "arguments": { "size": 5 } } });
    let Some(reply) = reply(|_, _| (), answers("go", wild), tools()).await else {
        return;
    };
    assert_eq!(reply.outcome, Outcome::SchemaViolation);
    assert!(reply.calls.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_comes_in_pieces_and_ends_with_its_usage() {
    let text = "A long answer, in several pieces, of a covered call.";
    let fixtures = json!([answers("go", json!({ "content": text }))]);
    let Some(server) = Aimock::start(fixtures, &["-c", "5"]).await else {
        return;
    };
    let (llm, mut pieces) = (client(server.settings()), Vec::new());
    let (ask, stop) = (question("go", Answer::Text), CancellationToken::new());
    let reply = llm
        .stream(&ask, &stop, |piece| pieces.push(piece.to_owned()))
        .await;
    assert_eq!((reply.outcome, reply.text.as_str()), (Outcome::Ok, text));
    assert!(pieces.len() > 5 && pieces.concat() == text, "{pieces:?}");
    assert!(
        reply.usage.output_tokens.is_some(),
        "{}",
        String::from_utf8_lossy(&reply.response)
    );
    let body = &server.journal().await[0]["body"];
    assert_eq!(
        (&body["stream"], &body["stream_options"]["include_usage"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        llm.read(&ask, 200, &reply.response).text,
        text,
        "a stored stream is read again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_comes_back_in_pieces_is_neither_shown_nor_kept() {
    let key = "sk-a-very-distinctive-key-7461";
    let fixtures = json!([
        answers("go", json!({ "content": format!("You sent {key}, which is wrong: {key}!") })),
        {
            "match": { "userMessage": "cut" }, "chunkSize": 5, "latency": 5, "truncateAfterChunks": 7,
            "response": { "content": format!("You sent {key}.") },
        },
    ]);
    let Some(server) = Aimock::start(fixtures, &["-c", "5"]).await else {
        return;
    };
    let llm = Llm::new(&server.settings(), Some(key.into()))
        .unwrap()
        .unwrap();
    let stop = CancellationToken::new();
    for (question_text, wanted, outcome) in [
        (
            "go",
            "You sent [the key], which is wrong: [the key]!",
            Outcome::Ok,
        ),
        ("cut", "You sent [the key]", Outcome::Truncated),
    ] {
        let (ask, mut shown, mut pieces) =
            (question(question_text, Answer::Text), String::new(), 0);
        let on_text = |piece: &str| {
            shown += piece;
            pieces += 1;
            assert!(!shown.contains("sk-a-very"), "{shown}");
        };
        let reply = llm.stream(&ask, &stop, on_text).await;
        assert_eq!((reply.outcome, reply.text.as_str()), (outcome, wanted));
        assert_eq!(shown, wanted);
        assert!(pieces > 2, "it was streamed: {pieces}");
        let again = llm.read(&ask, 200, &reply.response);
        assert_eq!(again.text, wanted, "the stored bytes have no piece of it");
    }
}

#[test]
fn the_same_question_gives_the_same_bytes_and_every_setting_other_ones() {
    let bytes = |change: &dyn Fn(&mut LlmConfig), ask: &Ask| {
        let mut settings = LlmConfig {
            base_url: "http://127.0.0.1:9/v1".to_owned(),
            model: "m".to_owned(),
            ..LlmConfig::default()
        };
        change(&mut settings);
        Llm::new(&settings, None).unwrap().unwrap().request(ask)
    };
    let ask = question("go", choice());
    let plain = bytes(&|_| (), &ask);
    assert_eq!(plain, bytes(&|_| (), &ask.clone()));
    assert_eq!(plain.hash.len(), 64);
    let other = Ask {
        model: Some("n".to_owned()),
        ..ask.clone()
    };
    let mut hashes = vec![plain.hash.clone(), bytes(&|_| (), &other).hash];
    let changes: [&dyn Fn(&mut LlmConfig); 4] = [
        &|it| it.temperature = Some(0.2),
        &|it| it.max_tokens = 9,
        &|it| it.token_field = TokenField::MaxCompletionTokens,
        &|it| it.structured_mode = StructuredMode::Prompt,
    ];
    hashes.extend(changes.map(|change| bytes(change, &ask).hash));
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 6);
    let warm = bytes(&|it| it.temperature = Some(0.2), &ask).bytes;
    assert!(
        String::from_utf8(warm)
            .unwrap()
            .contains("\"temperature\":0.2}")
    );
}
