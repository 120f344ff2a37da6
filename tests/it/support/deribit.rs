//! A server that speaks the exchange's JSON-RPC by script: what each method answers next, and what was asked.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How one call is answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Result(Value),
    /// HTTP 400 with the error in the body.
    Error(Value),
    Status(u16, &'static str, &'static str),
    /// Half of a JSON body, and the connection ends.
    Truncated,
    /// The connection ends without an answer.
    Hangup,
    /// An answer that comes after the client's patience.
    Slow(Duration),
}

impl Answer {
    pub(crate) fn result(result: Value) -> Self {
        Self::Result(result)
    }

    pub(crate) fn error(code: i64, message: &str) -> Self {
        Self::Error(json!({ "code": code, "message": message }))
    }

    pub(crate) fn error_with(code: i64, message: &str, data: &Value) -> Self {
        Self::Error(json!({ "code": code, "message": message, "data": data }))
    }

    pub(crate) fn status(status: u16, content_type: &'static str, body: &'static str) -> Self {
        Self::Status(status, content_type, body)
    }
}

#[derive(Debug)]
struct Call {
    method: String,
    params: Value,
    bearer: String,
    address: String,
    at: Instant,
}

#[derive(Debug)]
struct Play {
    next: BTreeMap<String, VecDeque<Answer>>,
    always: BTreeMap<String, Answer>,
    calls: Vec<Call>,
    tokens: u32,
    life_s: i64,
    scope: Option<String>,
    refuses_refresh: bool,
    auth: Option<Answer>,
    testnet: bool,
    anchor: Option<String>,
}

/// The server and its script; clones are the same server.
#[derive(Clone)]
pub(crate) struct Script {
    play: Arc<Mutex<Play>>,
    port: u16,
    stop: CancellationToken,
    ended: Arc<tokio::sync::Notify>,
}

impl Script {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let script = Self {
            play: Arc::new(Mutex::new(Play {
                next: BTreeMap::new(),
                always: BTreeMap::new(),
                calls: Vec::new(),
                tokens: 0,
                life_s: 900,
                scope: None,
                refuses_refresh: false,
                auth: None,
                testnet: true,
                anchor: None,
            })),
            port: listener.local_addr().unwrap().port(),
            stop: CancellationToken::new(),
            ended: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(script.clone());
        let (stop, ended) = (script.stop.clone(), script.ended.clone());
        tokio::spawn(async move {
            tokio::select! {
                served = axum::serve(listener, router).into_future() => served.unwrap(),
                () = stop.cancelled() => {}
            }
            ended.notify_one();
        });
        script
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/api/v2", self.port)
    }

    /// Closes the port.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.ended.notified().await;
    }

    /// Answers one call of a method, before what it always answers.
    pub(crate) fn next(&self, method: &str, answer: Answer) {
        self.with(|play| {
            let waiting = play.next.entry(method.to_owned()).or_default();
            waiting.push_back(answer);
        });
    }

    pub(crate) fn always(&self, method: &str, answer: Answer) {
        self.with(|play| play.always.insert(method.to_owned(), answer));
    }

    pub(crate) fn tokens_live_for(&self, seconds: i64) {
        self.with(|play| play.life_s = seconds);
    }

    pub(crate) fn grant_scope(&self, scope: &str) {
        self.with(|play| play.scope = Some(scope.to_owned()));
    }

    pub(crate) fn refuse_refresh(&self) {
        self.with(|play| play.refuses_refresh = true);
    }

    pub(crate) fn refuse_key(&self, message: &str) {
        self.answer_auth(Answer::error(13_004, message));
    }

    pub(crate) fn answer_auth(&self, answer: Answer) {
        self.with(|play| play.auth = Some(answer));
    }

    /// Replies say how time runs here.
    pub(crate) fn say_anchor(&self, anchor: &str) {
        self.with(|play| play.anchor = Some(anchor.to_owned()));
    }

    /// Replies say that this is no test system.
    pub(crate) fn say_production(&self) {
        self.with(|play| play.testnet = false);
    }

    /// Parameters of the calls of a method.
    pub(crate) fn calls(&self, method: &str) -> Vec<Value> {
        self.of(method, |call| call.params.clone())
    }

    /// (method, parameters) of every call.
    pub(crate) fn all_calls(&self) -> Vec<(String, Value)> {
        let call = |call: &Call| (call.method.clone(), call.params.clone());
        self.with(|play| play.calls.iter().map(call).collect())
    }

    pub(crate) fn count(&self, method: &str) -> usize {
        self.calls(method).len()
    }

    pub(crate) fn count_all(&self) -> usize {
        self.with(|play| play.calls.len())
    }

    pub(crate) fn arrivals(&self, method: &str) -> Vec<Instant> {
        self.of(method, |call| call.at)
    }

    /// Kinds of grant that were asked for.
    pub(crate) fn grants(&self) -> Vec<String> {
        self.of("public/auth", |call| {
            call.params["grant_type"].as_str().unwrap().to_owned()
        })
    }

    pub(crate) fn last_bearer(&self, method: &str) -> String {
        self.of(method, |call| call.bearer.clone()).pop().unwrap()
    }

    /// Request lines as a proxy would log them.
    pub(crate) fn addresses(&self) -> Vec<String> {
        self.with(|play| play.calls.iter().map(|call| call.address.clone()).collect())
    }

    fn of<T>(&self, method: &str, what: impl Fn(&Call) -> T) -> Vec<T> {
        self.with(|play| {
            let calls = play.calls.iter().filter(|call| call.method == method);
            calls.map(what).collect()
        })
    }

    fn with<T>(&self, ask: impl FnOnce(&mut Play) -> T) -> T {
        ask(&mut self.play.lock().unwrap())
    }
}

impl Play {
    fn take(&mut self, method: &str, params: &Value) -> Answer {
        if let Some(answer) = self.next.get_mut(method).and_then(VecDeque::pop_front) {
            return answer;
        }
        if method == "public/auth" {
            return self.auth.clone().unwrap_or_else(|| self.grant(params));
        }
        let unscripted = Answer::error(-32_601, "Method not found");
        self.always.get(method).cloned().unwrap_or(unscripted)
    }

    fn grant(&mut self, params: &Value) -> Answer {
        if params["grant_type"] == "refresh_token" && self.refuses_refresh {
            return Answer::error(13_009, "unauthorized");
        }
        self.tokens += 1;
        let wanted = params["scope"]
            .as_str()
            .unwrap_or("account:read trade:read_write");
        Answer::result(json!({ "access_token": format!("token-{}", self.tokens),
            "refresh_token": format!("refresh-{}", self.tokens), "expires_in": self.life_s,
            "token_type": "bearer", "scope": self.scope.as_deref().unwrap_or(wanted) }))
    }
}

async fn answer(State(script): State<Script>, request: Request) -> Response {
    let address = request.uri().to_string();
    let header = request.headers().get("authorization");
    let bearer = header
        .map_or("", |value| value.to_str().unwrap())
        .to_owned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20)
        .await
        .unwrap();
    let call: Value = serde_json::from_slice(&body).unwrap();
    let method = call["method"].as_str().unwrap().to_owned();
    assert!(address.ends_with(&format!("/api/v2/{method}")), "{address}");
    let params = call["params"].clone();
    let (answer, testnet, anchor) = script.with(|play| {
        let seen = Call {
            method: method.clone(),
            params: params.clone(),
            bearer,
            address,
            at: Instant::now(),
        };
        play.calls.push(seen);
        let answer = play.take(&method, &params);
        (answer, play.testnet, play.anchor.clone())
    });
    let envelope = |key: &str, value: Value| json!({ "jsonrpc": "2.0", "id": call["id"], key: value, "usIn": 1, "usOut": 2, "usDiff": 1, "testnet": testnet });
    let mut response = match answer {
        Answer::Result(result) => reply(
            200,
            "application/json",
            envelope("result", result).to_string(),
        ),
        Answer::Error(error) => reply(
            400,
            "application/json",
            envelope("error", error).to_string(),
        ),
        Answer::Status(status, content_type, body) => reply(status, content_type, body),
        Answer::Truncated => cut(&envelope("result", json!([1, 2, 3])).to_string()[..40]),
        Answer::Hangup => cut(""),
        Answer::Slow(pause) => {
            tokio::time::sleep(pause).await;
            reply(
                200,
                "application/json",
                envelope("result", json!(null)).to_string(),
            )
        }
    };
    if let Some(anchor) = anchor {
        let headers = response.headers_mut();
        headers.insert("x-thetaq-anchor", anchor.parse().unwrap());
    }
    response
}

fn reply(status: u16, content_type: &str, body: impl Into<Body>) -> Response {
    let response = Response::builder().status(StatusCode::from_u16(status).unwrap());
    response
        .header("content-type", content_type)
        .body(body.into())
        .unwrap()
}

/// Headers promise a longer body than comes before the connection breaks.
fn cut(part: &str) -> Response {
    let first = Bytes::copy_from_slice(part.as_bytes());
    let broken = std::io::Error::other("the script ends the connection");
    let parts = futures::stream::iter([Ok(first), Err(broken)]);
    let response = Response::builder().header("content-type", "application/json");
    response
        .header("content-length", "400")
        .body(Body::from_stream(parts))
        .unwrap()
}
