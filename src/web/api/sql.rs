//! Questions to the database from programs: what there is to ask, and one question.

use super::parsed;
use crate::db::{named, views};
use crate::web::Site;
use crate::web::access::Actor;
use crate::web::ask::{Asked, limits};
use crate::web::error::PageError;
use crate::web::pages::SQL_ADVICE;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The body of `POST /sql`: either a question with its parameters, or a query.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    question: Option<String>,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    query: Option<String>,
    rows: Option<usize>,
    seconds: Option<u64>,
}

/// The questions and the views, as `thetaq sql --json` prints them.
pub(super) async fn known() -> Json<Value> {
    Json(json!({"questions": named::all(), "views": views::all()}))
}

/// Columns and rows; nothing is changed by it, but it is written down who asked.
pub(super) async fn ask(
    State(site): State<Site>,
    Extension(actor): Extension<Actor>,
    body: Bytes,
) -> Result<Json<Value>, PageError> {
    let body: Body = parsed(&body)?;
    let asked = match (body.question, body.query) {
        (Some(name), None) => Asked::named(&name, body.parameters)?,
        (None, Some(sql)) if body.parameters.is_empty() => Asked::Free(sql),
        _ => {
            return Err(PageError::bad_request(
                "Either `question` or `query` is needed",
                "`parameters` go with a question; a query has its values written into it.",
            ));
        }
    };
    let limits = limits(body.rows, body.seconds)?;
    let answer = asked.ask(&site, &actor, limits).await?;
    let rows = answer
        .rows
        .map_err(|error| PageError::bad_request(error.to_string(), SQL_ADVICE))?;
    Ok(Json(json!(rows)))
}
