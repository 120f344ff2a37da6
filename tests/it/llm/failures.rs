//! Answers that do not come as they should, and what is made of them.

use super::{answers, choice, client, question, reply, tools};
use crate::support::aimock::Aimock;
use serde_json::{Value, json};
use std::time::Duration;
use thetaq::clock::Stopwatch;
use thetaq::config::LlmConfig;
use thetaq::llm::{Answer, Llm, Outcome, Reply, Usage};
use tokio_util::sync::CancellationToken;

/// The outcome and the words of one answer to one question.
async fn outcome(fixture: Value, answer: Answer) -> Option<(Outcome, String, Reply)> {
    let reply = reply(|_, _| (), fixture, answer).await?;
    Some((
        reply.outcome,
        reply.error.clone().unwrap_or_default(),
        reply,
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_not_what_was_asked_for_are_named_by_field() {
    let json = |value: Value| answers("go", json!({ "content": value }));
    for (fixture, expect, words) in [
        (
            json("I would rather talk.".into()),
            Outcome::InvalidJson,
            "no JSON object",
        ),
        (
            json("{\"choice\": \"c1\"".into()),
            Outcome::InvalidJson,
            "no JSON",
        ),
        (
            json(json!({ "choice": "c9", "size": 1 })),
            Outcome::SchemaViolation,
            "choice: ",
        ),
        (
            json(json!({ "choice": "c1", "size": 5 })),
            Outcome::SchemaViolation,
            "size: ",
        ),
        (
            json(json!({ "choice": "c1", "size": 1, "sell": "all" })),
            Outcome::SchemaViolation,
            "sell",
        ),
        (
            json(json!({ "choice": "c1" })),
            Outcome::SchemaViolation,
            "size",
        ),
    ] {
        let Some((found, error, reply)) = outcome(fixture, choice()).await else {
            return;
        };
        assert_eq!(found, expect, "{error}");
        assert!(error.contains(words), "{error}");
        assert_eq!(reply.attempts, 1, "asking the same again would not help");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_and_answers_without_an_end_are_told_apart() {
    for (reason, expect) in [
        ("content_filter", Outcome::Refused),
        ("length", Outcome::Truncated),
        // What servers of local models say.
        ("eos", Outcome::Ok),
        ("", Outcome::Ok),
    ] {
        let fixture = answers(
            "go",
            json!({ "content": "Half of an", "finishReason": reason }),
        );
        let Some((found, error, reply)) = outcome(fixture, Answer::Text).await else {
            return;
        };
        assert_eq!(found, expect, "{reason}: {error}");
        assert_eq!(reply.text, "Half of an");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_stream_is_not_an_answer() {
    let fixture = json!({
        "match": { "userMessage": "go" }, "chunkSize": 4, "latency": 20, "truncateAfterChunks": 4,
        "response": { "content": "Sell nothing before the end of this sentence." },
    });
    let Some(server) = Aimock::start(json!([fixture]), &[]).await else {
        return;
    };
    let (llm, mut text) = (client(server.settings()), String::new());
    let (ask, stop) = (question("go", Answer::Text), CancellationToken::new());
    let reply = llm.stream(&ask, &stop, |piece| text += piece).await;
    assert_eq!(reply.outcome, Outcome::Truncated, "{:?}", reply.error);
    assert!(
        reply.error.as_ref().unwrap().contains("cut"),
        "{:?}",
        reply.error
    );
    assert!(
        !text.is_empty() && reply.text == text && reply.text.len() < 40,
        "{text}"
    );
    assert_eq!(
        reply.usage,
        Usage::default(),
        "it never said what that cost"
    );
    assert_eq!(
        reply.attempts, 1,
        "what a reader has seen is not asked for again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_server_is_asked_again_after_a_capped_wait() {
    let fixtures = json!([
        { "match": { "userMessage": "go", "sequenceIndex": 0 },
          "response": { "error": { "message": "slow down", "type": "rate_limit" }, "status": 429, "retryAfter": 600 } },
        { "match": { "userMessage": "go", "sequenceIndex": 1 },
          "response": { "error": { "message": "broken" }, "status": 500 } },
        answers("go", json!({ "content": "yes" })),
    ]);
    let Some(server) = Aimock::start(fixtures, &[]).await else {
        return;
    };
    let (llm, watch) = (client(server.settings()), Stopwatch::start());
    let reply = llm
        .ask(&question("go", Answer::Text), &CancellationToken::new())
        .await;
    assert_eq!(
        (reply.outcome, reply.attempts, reply.text.as_str()),
        (Outcome::Ok, 3, "yes")
    );
    assert!(
        watch.elapsed() < Duration::from_secs(8),
        "ten minutes were asked for"
    );
    assert!(
        watch.elapsed() > Duration::from_millis(1_500),
        "the server wanted a pause"
    );
    assert_eq!(server.journal().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_server_is_asked_three_times_and_a_wrong_question_once() {
    for (status, attempts) in [(500, 3), (503, 3), (400, 1), (401, 1), (404, 1)] {
        let response =
            json!({ "error": { "message": "not now", "code": "why" }, "status": status });
        let Some((found, error, reply)) = outcome(answers("go", response), tools()).await else {
            return;
        };
        assert_eq!(
            (found, reply.attempts),
            (Outcome::HttpError, attempts),
            "{status}"
        );
        assert_eq!(reply.status, Some(status));
        assert!(
            error.contains(&status.to_string()) && error.contains("not now"),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_whose_code_is_a_number_keep_their_status() {
    let response = json!({ "error": { "message": "no credits" }, "status": 402 });
    let base =
        |settings: &mut LlmConfig, server: &Aimock| settings.base_url = server.open_router_url();
    let Some(reply) = reply(base, answers("go", response), Answer::Text).await else {
        return;
    };
    let sent: Value = serde_json::from_slice(&reply.response).unwrap();
    assert_eq!(
        sent["error"]["code"], 402,
        "the server has the other shape: {sent}"
    );
    assert_eq!(
        (reply.status, reply.outcome),
        (Some(402), Outcome::HttpError)
    );
    assert!(reply.error.unwrap().contains("no credits"));
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_replies_and_lost_connections_are_told_apart() {
    let chaos = |what: Value| json!({ "match": { "userMessage": "go" }, "response": { "content": "never" }, "chaos": what });
    let Some((found, error, reply)) =
        outcome(chaos(json!({ "malformedRate": 1 })), Answer::Text).await
    else {
        return;
    };
    assert_eq!(found, Outcome::InvalidJson, "{error}");
    assert!(
        error.contains("no JSON") && !reply.response.is_empty(),
        "{error}"
    );
    let lost = outcome(chaos(json!({ "disconnectRate": 1 })), Answer::Text).await;
    let (found, error, reply) = lost.unwrap();
    assert_eq!(
        (found, reply.status, reply.attempts),
        (Outcome::HttpError, None, 3),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_answer_and_a_stop_end_the_wait() {
    let slow = json!({
        "match": { "userMessage": "go" }, "response": { "content": "late" },
        "chaos": { "latencyMs": 20_000 },
    });
    let Some(server) = Aimock::start(json!([slow]), &[]).await else {
        return;
    };
    let llm = client(LlmConfig {
        timeout_ms: 600,
        ..server.settings()
    });
    let (ask, stop, watch) = (
        question("go", Answer::Text),
        CancellationToken::new(),
        Stopwatch::start(),
    );
    let reply = llm.ask(&ask, &stop).await;
    assert_eq!(reply.outcome, Outcome::Timeout);
    assert!(reply.error.unwrap().contains("timeout_ms = 600"));
    let llm = client(server.settings());
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        stop.cancel();
    };
    let (reply, ()) = tokio::join!(llm.ask(&ask, &stop), stopping);
    assert_eq!(reply.outcome, Outcome::Cancelled);
    assert!(watch.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_key_that_cannot_be_sent_is_refused_by_name_and_not_repeated() {
    let settings = LlmConfig {
        base_url: "http://127.0.0.1:9/v1".to_owned(),
        model: "m".to_owned(),
        ..LlmConfig::default()
    };
    let error = Llm::new(&settings, Some("sk-secret\n".into())).expect_err("a line break");
    let said = format!("{error:#} {error:?}");
    assert!(
        said.contains("THETAQ_LLM_API_KEY") && !said.contains("sk-secret"),
        "{said}"
    );
    let shown = format!(
        "{:?}",
        Llm::new(&settings, Some("sk-secret".into())).unwrap()
    );
    assert!(!shown.contains("sk-secret"), "{shown}");
}
