//! What a request ends in when it cannot be answered: a status, a sentence, and the next step.
//!
//! Handlers return [`PageError`]; the outermost layer dresses it as a page for people and as an
//! RFC 9457 problem for programs, so that no handler has to know who asks.

use super::Site;
use super::view;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

/// A refusal or a failure, in words for the person who meets it.
#[derive(Clone, Debug)]
pub(in crate::web) struct PageError {
    pub status: StatusCode,
    pub title: String,
    /// What to do next.
    pub detail: String,
}

impl PageError {
    pub(in crate::web) fn new(
        status: StatusCode,
        title: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            title: title.into(),
            detail: detail.into(),
        }
    }

    pub(in crate::web) fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            format!("{what} is not here"),
            "It may have been pruned, or the address is wrong. The Live agent and the list of jobs link what exists.",
        )
    }

    pub(in crate::web) fn bad_request(title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, title, detail)
    }
}

impl<E: Into<anyhow::Error>> From<E> for PageError {
    /// Anything unexpected: the log has the cause, the page says that it failed.
    fn from(error: E) -> Self {
        let error: anyhow::Error = error.into();
        tracing::error!(error = %format!("{error:#}"), "a page could not be made");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "This page could not be made",
            format!("{error:#}. `thetaq doctor` checks the database and the workers."),
        )
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Turns the error a handler left behind into a body.
pub(super) async fn dress(State(site): State<Site>, request: Request, next: Next) -> Response {
    let api = request.uri().path().starts_with("/api/");
    let browser = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    let back = form_of(request.uri().path());
    let response = next.run(request).await;
    let Some(error) = error_of(&response) else {
        return response;
    };
    if api || !browser {
        return problem(&error);
    }
    let values = serde_json::json!({
        "title": error.title, "detail": error.detail, "status": error.status.as_u16(), "back": back,
    });
    match view::render(&site, "error.html", &values) {
        Ok(html) => (error.status, Html(html)).into_response(),
        Err(_) => problem(&error),
    }
}

/// The page whose form posts to an address: (its name, its address).
fn form_of(path: &str) -> Option<(&'static str, &'static str)> {
    let (part, form) = path.strip_prefix('/')?.split_once("/start/")?;
    match (part, form) {
        ("lab", "backtest") => Some(("the form of a backtest", "/lab?new=1")),
        ("lab", "sweep") => Some(("the form of a sweep", "/lab/sweeps")),
        ("lab", "what_if") => Some(("the form of a what-if", "/lab/what-if")),
        ("lab", "fill" | "import") => Some(("the calendar", "/lab/coverage")),
        ("lab", _) => Some(("the lab", "/lab?new=1")),
        ("training", "export") => Some(("the form of an export", "/exports")),
        ("training", _) => Some(("training", "/training")),
        _ => None,
    }
}

/// The error a handler left behind, or one in words for the bare status of a layer or a router.
fn error_of(response: &Response) -> Option<PageError> {
    if let Some(error) = response.extensions().get::<PageError>() {
        return Some(error.clone());
    }
    let status = response.status();
    let made_here = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !made_here
        || !(status.is_client_error() || status.is_server_error())
        || status == StatusCode::SERVICE_UNAVAILABLE
    {
        return None;
    }
    let (title, detail) = match status {
        StatusCode::FORBIDDEN => (
            "That request came from another site",
            "Actions are taken from the desk's own pages. Programs send `Authorization: Bearer TOKEN` and no Origin.",
        ),
        StatusCode::METHOD_NOT_ALLOWED => (
            "That address does not take this method",
            "Pages and lists are read with GET; actions are sent with POST.",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => ("The request is too large", "Send fewer ids at once."),
        _ if status.is_client_error() => (
            "The request is not what was expected",
            "Check its fields; /api/v1/openapi.json describes them.",
        ),
        _ => (
            "This answer could not be made",
            "`thetaq doctor` checks the database and the workers.",
        ),
    };
    Some(PageError::new(status, title, detail))
}

fn problem(error: &PageError) -> Response {
    let body = serde_json::json!({
        "type": "about:blank",
        "title": error.title,
        "status": error.status.as_u16(),
        "detail": error.detail,
    });
    let kind = [(header::CONTENT_TYPE, "application/problem+json")];
    (error.status, kind, Json(body)).into_response()
}
