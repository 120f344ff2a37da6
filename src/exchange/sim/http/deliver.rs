//! One request from arrival to answer, with the faults of the line and of the machines in between.

use super::call::{Call, Trouble};
use super::line::Line;
use super::methods::{self, Method};
use super::reply::{Answer, Envelope, RpcError, Sealed};
use super::request::{self, Asked, BODY_MAX_BYTES, Refused};
use super::{House, held, session};
use crate::exchange::sim::faults::{Fault, FaultKind};
use crate::exchange::wire::envelope::ANCHOR_HEADER;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;

/// Answers any request the server gets, and says how its time runs where that is not the wall's.
pub(super) async fn deliver(
    State(house): State<Arc<House>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response {
    let mut response = answer(&house, &line, request).await;
    if let Some(anchor) = house.clock.anchor()
        && let Ok(value) = HeaderValue::from_str(&anchor.to_string())
    {
        response.headers_mut().insert(ANCHOR_HEADER, value);
    }
    response
}

async fn answer(house: &House, line: &Line, request: Request) -> Response {
    let in_us = house.clock.now_ms() * 1_000;
    let (head, body) = request.into_parts();
    let Some(path) = below_root(&head.uri) else {
        return (StatusCode::NOT_FOUND, "the API is below /api/v2\n").into_response();
    };
    let asked = request::read(path, &head.uri, &whole(body).await);
    let visit = asked.and_then(|asked| match methods::find(&asked.method) {
        Ok(method) => Ok(Visit {
            house,
            method,
            asked,
            header: authorization(&head.headers),
            in_us,
        }),
        Err(error) => Err(Box::new(Refused::new(asked.id, error))),
    });
    match visit {
        Ok(visit) => {
            house.calls.note(visit.method.name, visit.header.is_some());
            visit.fare(line).await
        }
        Err(refused) => house
            .seal(refused.id, in_us, &Err(refused.error))
            .response(),
    }
}

/// What follows `/api/v2` in a path, without slashes around it.
fn below_root(uri: &Uri) -> Option<&str> {
    let below = uri.path().strip_prefix("/api/v2")?;
    (below.is_empty() || below.starts_with('/')).then(|| below.trim_matches('/'))
}

/// The body, or something too long to be taken where it is longer than the limit.
async fn whole(body: Body) -> Bytes {
    let bytes = axum::body::to_bytes(body, BODY_MAX_BYTES).await;
    bytes.unwrap_or_else(|_| Bytes::from(vec![b' '; BODY_MAX_BYTES + 1]))
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()
}

impl House {
    fn seal(&self, id: Option<serde_json::Value>, in_us: i64, answer: &Answer) -> Sealed {
        let out_us = (self.clock.now_ms() * 1_000).max(in_us);
        Envelope { id, in_us, out_us }.seal(answer)
    }
}

/// A request that was understood and names a method.
struct Visit<'a> {
    house: &'a House,
    method: &'static Method,
    asked: Asked,
    header: Option<&'a str>,
    in_us: i64,
}

impl Visit<'_> {
    /// Answers, or fails as the plan says.
    async fn fare(&self, line: &Line) -> Response {
        let now_ms = self.house.clock.now_ms();
        let Some(fault) = self.house.faults.next(self.method.kind, now_ms) else {
            return self.plain().await;
        };
        tracing::debug!(
            fault = fault.kind.as_str(),
            method = self.method.name,
            "a fault strikes"
        );
        self.fail(fault, line).await
    }

    async fn plain(&self) -> Response {
        self.seal(&self.run(Trouble::default(), 0).await).response()
    }

    async fn fail(&self, fault: Fault, line: &Line) -> Response {
        if let Some((code, message)) = fault.kind.refusal() {
            return self.seal(&Err(RpcError::new(code, message))).response();
        }
        match fault.kind {
            FaultKind::AnswerLate => self.late(fault.by_ms).await,
            FaultKind::Duplicate => {
                let first = self.run(Trouble::default(), 0).await;
                // Only the first delivery is answered.
                self.run(Trouble::default(), 0).await.ok();
                self.seal(&first).response()
            }
            FaultKind::StaleQuotes | FaultKind::MissingQuotes | FaultKind::PartialThenCancel => {
                self.seal(&self.run(trouble(fault), 0).await).response()
            }
            FaultKind::ClockSkew => {
                let answer = self.run(Trouble::default(), fault.by_ms).await;
                self.seal_skewed(&answer, fault.by_ms).response()
            }
            _ => self.unanswered(fault, line).await,
        }
    }

    /// Half of the delay is on the way here, half on the way back.
    async fn late(&self, by_ms: i64) -> Response {
        let half = Duration::from_millis(by_ms as u64 / 2);
        tokio::time::sleep(half).await;
        let answer = self.run(Trouble::default(), 0).await;
        tokio::time::sleep(half).await;
        self.seal(&answer).response()
    }

    /// Faults after which the client knows nothing about what happened here.
    async fn unanswered(&self, fault: Fault, line: &Line) -> Response {
        let mut sealed = None;
        if fault.executed {
            sealed = Some(self.seal(&self.run(Trouble::default(), 0).await));
        }
        match (fault.kind, sealed) {
            (FaultKind::ServerError, _) => server_error(fault.share),
            (FaultKind::Html, _) => page(fault.share),
            (FaultKind::Truncated, Some(sealed)) => sealed.truncated(fault.share).response(),
            _ => {
                line.cut();
                StatusCode::NO_CONTENT.into_response()
            }
        }
    }

    /// Checks the caller, spends the credits, asks the method.
    async fn run(&self, trouble: Trouble, skew_ms: i64) -> Answer {
        let wall_ms = self.house.clock.wall_ms();
        let key = &self.house.key;
        let caller = held(&self.house.sessions).caller(self.header, key, wall_ms);
        let known = caller.is_some();
        if !held(&self.house.credits).spend(known, self.method.class, wall_ms) {
            return Err(RpcError::new(10_028, "too_many_requests"));
        }
        session::check(caller.as_ref(), self.method.scope)?;
        let call = Call {
            house: self.house,
            params: &self.asked.params,
            header: self.header,
            at_ms: self.house.clock.now_ms() + skew_ms,
            trouble,
        };
        methods::answer(self.method, &call).await
    }

    fn seal(&self, answer: &Answer) -> Sealed {
        self.house.seal(self.asked.id.clone(), self.in_us, answer)
    }

    fn seal_skewed(&self, answer: &Answer, skew_ms: i64) -> Sealed {
        let id = self.asked.id.clone();
        let in_us = self.in_us + skew_ms * 1_000;
        Envelope {
            id,
            in_us,
            out_us: in_us,
        }
        .seal(answer)
    }
}

fn trouble(fault: Fault) -> Trouble {
    let share = Some(fault.share);
    match fault.kind {
        FaultKind::StaleQuotes => Trouble {
            stale_ms: fault.by_ms,
            ..Trouble::default()
        },
        FaultKind::MissingQuotes => Trouble {
            quoteless: share,
            ..Trouble::default()
        },
        _ => Trouble {
            cut: share,
            ..Trouble::default()
        },
    }
}

/// Plain text of a gateway.
fn server_error(share: f64) -> Response {
    let all = [
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::GATEWAY_TIMEOUT,
    ];
    let status = all[(share * all.len() as f64) as usize % all.len()];
    (status, "upstream request failed\n").into_response()
}

/// The page of a machine in front of the exchange, with a status that may well say that all is fine.
fn page(share: f64) -> Response {
    let status = if share < 0.5 {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let html = [(header::CONTENT_TYPE, "text/html; charset=UTF-8")];
    (status, html, PAGE).into_response()
}

const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head>\
    <body><h1>Checking your connection</h1></body></html>\n";
