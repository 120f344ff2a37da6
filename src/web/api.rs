//! The same data for programs under /api/v1: rows of the views, desk actions, new jobs.
//!
//! Two tables, [`lists::LISTS`] and [`rows::ROWS`], make the routes and the OpenAPI document alike.

mod lists;
mod openapi;
mod rows;
mod sql;

use super::Site;
use super::access::Actor;
use super::actions::{self, Fields};
use super::error::PageError;
use crate::db::access::audit;
use crate::jobs::{Options, registry, source};
use axum::body::Bytes;
use axum::extract::{Extension, OriginalUri, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn router() -> Router<Site> {
    let mut router = Router::new()
        .route("/openapi.json", get(openapi::document))
        .route("/actions/{action}", post(act))
        .route("/jobs", post(enqueue))
        .route("/chat", post(chat))
        .route("/sql", get(sql::known).post(sql::ask));
    for list in lists::LISTS {
        let answer = async move |State(site): State<Site>, OriginalUri(uri): OriginalUri| {
            lists::answer(&site, list, &uri).await
        };
        router = router.route(list.path, get(answer));
    }
    for row in rows::ROWS {
        let answer = async move |State(site): State<Site>, Path(id): Path<String>| {
            rows::answer(&site, row, &id).await
        };
        router = router.route(row.path, get(answer));
    }
    router
}

/// A desk action with its fields as a JSON object; the same as the form of the page.
async fn act(
    State(site): State<Site>,
    Extension(actor): Extension<Actor>,
    Path(action): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, PageError> {
    let fields = fields(&body)?;
    let notice = actions::perform(&site.ctx, &actor, &action, &fields).await?;
    Ok(Json(json!({ "notice": notice })))
}

/// Every value of the object as the text a form would send; a list repeats its key.
fn fields(body: &Bytes) -> Result<Fields, PageError> {
    let object: serde_json::Map<String, Value> = if body.is_empty() {
        serde_json::Map::new()
    } else {
        parsed(body)?
    };
    let text = |value: Value| match value {
        Value::String(text) => text,
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    };
    let mut fields = Fields::new();
    for (key, value) in object {
        match value {
            Value::Array(items) => {
                fields.extend(items.into_iter().map(|item| (key.clone(), text(item))));
            }
            value => fields.push((key, text(value))),
        }
    }
    Ok(fields)
}

/// The body of `POST /jobs`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewJob {
    kind: String,
    #[serde(default = "nothing")]
    args: Value,
    priority: Option<i64>,
    run_at_ms: Option<i64>,
    unique_key: Option<String>,
}

fn nothing() -> Value {
    json!({})
}

/// Enqueues one job of a known kind; 201 for a fresh one, 200 when its unique key already has one.
async fn enqueue(
    State(site): State<Site>,
    Extension(actor): Extension<Actor>,
    body: Bytes,
) -> Result<Response, PageError> {
    let wanted: NewJob = parsed(&body)?;
    let (ctx, kinds) = (&site.ctx, registry::all());
    let refused = |error: anyhow::Error| {
        PageError::bad_request(
            format!("{error:#}"),
            "GET /api/v1/openapi.json lists the kinds.",
        )
    };
    let kind = kinds.known(&wanted.kind).map_err(refused)?;
    kind.check(&wanted.args).map_err(refused)?;
    let options = Options {
        priority: wanted.priority,
        run_at_ms: wanted.run_at_ms,
        unique_key: wanted.unique_key,
        ..Options::default()
    };
    if let Some(unknown) = source::unknown(&ctx.db, kind.name, &wanted.args).await? {
        return Err(PageError::bad_request(
            format!("args: {unknown}"),
            "GET /api/v1/coverage lists the chains that are stored.",
        ));
    }
    let mut tx = ctx.db.begin().await?;
    let made = kinds
        .enqueue(&mut tx, ctx, kind.name, wanted.args, options)
        .await?;
    let detail = json!({ "kind": kind.name, "inserted": made.inserted });
    audit(
        &mut tx,
        &ctx.clock,
        &actor.0,
        "enqueue",
        Some(&made.id),
        detail,
    )
    .await?;
    tx.commit().await?;
    let status = if made.inserted {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let place = [(header::LOCATION, format!("/api/v1/jobs/{}", made.id))];
    Ok((status, place, Json(made)).into_response())
}

/// The body of `POST /chat`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    text: String,
    thread: Option<String>,
}

/// Asks; the answer is the message of that id in /chat/messages, once its job has succeeded.
async fn chat(
    State(site): State<Site>,
    Extension(actor): Extension<Actor>,
    body: Bytes,
) -> Result<Response, PageError> {
    let asked: Question = parsed(&body)?;
    let made = super::chat::store(&site, &actor, asked.thread.as_deref(), &asked.text).await?;
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

fn parsed<T: serde::de::DeserializeOwned>(body: &Bytes) -> Result<T, PageError> {
    serde_json::from_slice(body).map_err(|error| {
        PageError::bad_request(
            format!("The body is not what was expected: {error}"),
            "Send a JSON object; /api/v1/openapi.json describes its fields.",
        )
    })
}
