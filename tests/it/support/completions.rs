//! A server of chat completions that answers with the test's own bytes, for replies that aimock does not make.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use std::future::IntoFuture as _;
use std::sync::Arc;
use thetaq::config::LlmConfig;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The server; it ends when this is dropped.
pub(crate) struct Completions {
    port: u16,
    _stop: DropGuard,
}

impl Completions {
    /// Answers everything with this body, which is a stream of events when it begins like one.
    pub(crate) async fn start(body: &str) -> Self {
        Self::start_with(200, body).await
    }

    /// The same under another status.
    pub(crate) async fn start_with(status: u16, body: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = (StatusCode::from_u16(status).unwrap(), Arc::from(body));
        let router = Router::new().fallback(answer).with_state(state);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                served = axum::serve(listener, router).into_future() => served.unwrap(),
                () = stopped.cancelled() => {}
            }
        });
        Self {
            port,
            _stop: stop.drop_guard(),
        }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// Settings that ask this server, with prices.
    pub(crate) fn settings(&self) -> LlmConfig {
        LlmConfig {
            base_url: self.base_url(),
            model: "tester".to_owned(),
            price_input_usd: Some(1.0),
            price_output_usd: Some(2.0),
            ..LlmConfig::default()
        }
    }
}

async fn answer(State((status, body)): State<(StatusCode, Arc<str>)>) -> impl IntoResponse {
    let kind = if body.starts_with("data:") {
        "text/event-stream"
    } else {
        "application/json"
    };
    (status, [(CONTENT_TYPE, kind)], body.to_string())
}

/// A whole answer: its message, why it ended, and its usage; a null usage is said as null.
pub(crate) fn whole(message: &Value, finish_reason: &str, usage: &Value) -> String {
    let choice = json!({ "index": 0, "message": message, "finish_reason": finish_reason });
    json!({ "model": "tester-1", "choices": [choice], "usage": usage }).to_string()
}

/// The same as a stream, a piece of the message an event.
pub(crate) fn streamed(pieces: &[Value], finish_reason: &str, usage: &Value) -> String {
    let event = |value: Value| format!("data: {value}\n\n");
    let choice = |delta: &Value, finish_reason: Value| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish_reason });
        event(json!({ "model": "tester-1", "choices": [choice] }))
    };
    let pieces: String = pieces
        .iter()
        .map(|piece| choice(piece, Value::Null))
        .collect();
    let end = choice(&json!({}), finish_reason.into());
    let usage = event(json!({ "model": "tester-1", "choices": [], "usage": usage }));
    format!("{pieces}{end}{usage}data: [DONE]\n\n")
}
