//! One call over HTTP and what became of it. Bodies are read before statuses: an RPC error comes with 400.

use super::settings::{Host, Settings};
use super::token::Bearer;
use crate::clock::{Anchor, Clock};
use crate::exchange::Result;
use crate::exchange::error::{ExchangeError, Reply};
use crate::exchange::wire::envelope::{self, ANCHOR_HEADER, Request};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, StatusCode};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::Semaphore;

/// Calls on the wire at once; the exchange allows 32 connections per address.
const CALLS_MAX: usize = 8;
/// Bytes of an answer; all instruments of a currency are about 3 MB.
const BODY_MAX: usize = 64 << 20;

/// What became of a call.
#[derive(Debug)]
pub(super) enum Outcome<T> {
    Answered(T),
    /// The exchange said no, in its own words.
    Refused(Reply),
    /// It never got there: nothing was executed.
    NotSent(Reply),
    /// It was refused on the way, by status alone: nothing was executed.
    TurnedAway(Reply),
    /// It may have got there, but no usable answer came back.
    Lost(Reply),
    /// Repeating changes nothing.
    Broken(Reply),
}

impl<T> Outcome<T> {
    pub(super) fn refused(code: i64, message: impl Into<String>) -> Self {
        Self::Refused(reply(code, message))
    }

    pub(super) fn not_sent(message: impl Into<String>) -> Self {
        Self::NotSent(reply(0, message))
    }

    pub(super) fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Refused(reply) if reply.code == 13_009)
    }

    pub(super) fn is_over_limit(&self) -> bool {
        matches!(self, Self::Refused(reply) | Self::TurnedAway(reply)
            if [10_028, i64::from(StatusCode::TOO_MANY_REQUESTS.as_u16())].contains(&reply.code))
    }

    /// True when a call that does no harm twice may be sent again.
    pub(super) fn may_repeat(&self) -> bool {
        match self {
            Self::Answered(_) | Self::Broken(_) => false,
            Self::NotSent(_) | Self::TurnedAway(_) | Self::Lost(_) => true,
            Self::Refused(reply) => {
                let error = ExchangeError::from_code(reply.code, "");
                matches!(
                    error,
                    ExchangeError::Retry(_) | ExchangeError::UnknownOutcome(_)
                )
            }
        }
    }

    /// The decision: a lost order is of unknown outcome, a lost read is asked again later.
    pub(super) fn into_result(self, is_order: bool, method: &str) -> Result<T> {
        let named = |reply: Reply| Reply {
            message: format!("{method}: {}", reply.message),
            ..reply
        };
        Err(match self {
            Self::Answered(answer) => return Ok(answer),
            Self::Lost(reply) if is_order => ExchangeError::UnknownOutcome(named(reply)),
            Self::NotSent(reply) | Self::TurnedAway(reply) | Self::Lost(reply) => {
                ExchangeError::Retry(named(reply))
            }
            Self::Broken(reply) => ExchangeError::Fatal(named(reply)),
            Self::Refused(reply) => {
                let reply = named(reply);
                match ExchangeError::from_code(reply.code, reply.message) {
                    ExchangeError::UnknownOutcome(reply) if !is_order => {
                        ExchangeError::Retry(reply)
                    }
                    error => error,
                }
            }
        })
    }

    /// The same failure of a call that would have given something else; `Ok` when it was answered.
    pub(super) fn failed<U>(self) -> std::result::Result<T, Outcome<U>> {
        Err(match self {
            Self::Answered(answer) => return Ok(answer),
            Self::Refused(reply) => Outcome::Refused(reply),
            Self::NotSent(reply) => Outcome::NotSent(reply),
            Self::TurnedAway(reply) => Outcome::TurnedAway(reply),
            Self::Lost(reply) => Outcome::Lost(reply),
            Self::Broken(reply) => Outcome::Broken(reply),
        })
    }
}

fn reply(code: i64, message: impl Into<String>) -> Reply {
    Reply {
        code,
        message: message.into(),
    }
}

/// The connection pool and the address.
#[derive(Debug)]
pub(super) struct Transport {
    client: Client,
    base_url: String,
    calls: Semaphore,
    next_id: AtomicU64,
    /// Some reply said that this is no test system.
    production: AtomicBool,
    /// Follows the time of a simulated exchange; `None` on Deribit's hosts, which live in real time.
    follower: Option<Clock>,
}

impl Transport {
    pub(super) fn new(settings: &Settings, clock: &Clock) -> Result<Self> {
        let client = build(settings).map_err(|error| {
            let message = format!("cannot set up HTTP: {}", chain(&error));
            ExchangeError::Fatal(reply(-1, message))
        })?;
        Ok(Self {
            client,
            base_url: settings.host.base_url().to_owned(),
            calls: Semaphore::new(CALLS_MAX),
            next_id: AtomicU64::new(1),
            production: AtomicBool::new(settings.host == Host::Main),
            follower: matches!(settings.host, Host::Url(_)).then(|| clock.clone()),
        })
    }

    /// True on the main host, and behind any address whose replies say that they are production's.
    pub(super) fn is_production(&self) -> bool {
        self.production.load(Ordering::Relaxed)
    }

    /// Sends one call, once.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        method: &str,
        params: &Value,
        bearer: Option<&Bearer>,
    ) -> Outcome<T> {
        let Ok(_place) = self.calls.acquire().await else {
            return Outcome::not_sent("the client is closing");
        };
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let body = match serde_json::to_vec(&Request::new(id, method, params)) {
            Ok(body) => body,
            Err(error) => return Outcome::Broken(reply(-1, error.to_string())),
        };
        let mut request = self.client.post(format!("{}/{method}", self.base_url));
        request = request.header(CONTENT_TYPE, "application/json").body(body);
        if let Some(bearer) = bearer {
            request = request.header(AUTHORIZATION, bearer.header());
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() || error.is_builder() => {
                return Outcome::not_sent(format!(
                    "cannot connect: {}",
                    chain(&error.without_url())
                ));
            }
            Err(error) => return Outcome::Lost(reply(0, chain(&error.without_url()))),
        };
        let status = response.status();
        let anchor = response.headers().get(ANCHOR_HEADER).cloned();
        match read(response).await {
            Ok(body) => {
                let outcome = self.judge(status, &body, id, method);
                self.follow(anchor.as_ref());
                outcome
            }
            Err(lost) => Outcome::Lost(reply(0, lost)),
        }
    }

    /// Sets the clock by what a simulated exchange says of its time. It serves this machine alone, so both
    /// walls are one; production says no such thing, and would not be believed.
    fn follow(&self, said: Option<&HeaderValue>) {
        let anchor = said.and_then(|said| said.to_str().ok()?.parse::<Anchor>().ok());
        if let (Some(clock), Some(anchor), false) = (&self.follower, anchor, self.is_production()) {
            clock.follow(anchor);
        }
    }

    /// A JSON-RPC body decides; without one the status does.
    fn judge<T: DeserializeOwned>(
        &self,
        status: StatusCode,
        body: &[u8],
        id: u64,
        method: &str,
    ) -> Outcome<T> {
        let Ok(envelope) = serde_json::from_slice::<envelope::Reply<IgnoredAny>>(body) else {
            return by_status(status, body);
        };
        if envelope.testnet == Some(false) {
            self.production.store(true, Ordering::Relaxed);
        }
        if let Some(error) = envelope.error {
            return Outcome::Refused(reply(error.code, error.text()));
        }
        if !status.is_success() {
            return by_status(status, body);
        }
        if envelope.id.is_some_and(|echoed| echoed != id) {
            return Outcome::Lost(reply(0, "the answer belongs to another call"));
        }
        // A null result is one too, but of no call of ours.
        match serde_json::from_slice::<envelope::Reply<T>>(body) {
            Ok(envelope::Reply {
                result: Some(result),
                ..
            }) => Outcome::Answered(result),
            Ok(_) => Outcome::Lost(reply(0, "the answer has neither result nor error")),
            // What does not fit may be a token, and the error would quote it.
            Err(_) if method == "public/auth" => Outcome::Lost(reply(0, "the answer is no token")),
            Err(error) => {
                Outcome::Lost(reply(0, format!("the answer is not as expected: {error}")))
            }
        }
    }
}

/// The meaning of a status with a body that is no JSON-RPC: a page of something in between, or half an answer.
fn by_status<T>(status: StatusCode, body: &[u8]) -> Outcome<T> {
    let code = i64::from(status.as_u16());
    let said = format!("HTTP {status}, {} bytes that are no JSON-RPC", body.len());
    match status {
        StatusCode::TOO_MANY_REQUESTS => Outcome::TurnedAway(reply(code, said)),
        status if status.is_server_error() || status.is_success() => Outcome::Lost(reply(0, said)),
        StatusCode::REQUEST_TIMEOUT => Outcome::Lost(reply(0, said)),
        _ => Outcome::Broken(reply(
            code,
            format!("{said}; check the exchange's address, which ends in /api/v2"),
        )),
    }
}

async fn read(mut response: reqwest::Response) -> std::result::Result<Vec<u8>, String> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > BODY_MAX => {
                return Err(format!("the answer is longer than {BODY_MAX} bytes"));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => return Err(format!("cut off: {}", chain(&error.without_url()))),
        }
    }
}

fn build(settings: &Settings) -> reqwest::Result<Client> {
    // The first provider installed in the process stays; a second try is no error.
    let _already = rustls::crypto::ring::default_provider().install_default();
    let timeouts = settings.timeouts;
    let mut builder = Client::builder()
        .user_agent(concat!("thetaq/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(timeouts.connect)
        .read_timeout(timeouts.read)
        .timeout(timeouts.overall)
        .redirect(reqwest::redirect::Policy::none());
    if settings.host.base_url().starts_with("http://") {
        // Plain HTTP is for a simulator near by: it needs neither certificates nor a proxy.
        builder = builder.tls_certs_only([]).no_proxy();
    } else {
        builder = builder.https_only(true);
    }
    builder.build()
}

/// The error with its causes, in one line; reqwest keeps the interesting part in the causes.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
