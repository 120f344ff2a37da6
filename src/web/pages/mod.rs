//! From an address to a page. The same address gives the page, its live fragments, and its tables
//! as CSV or JSON, so that what is exported is what is shown.

mod calls;
mod chains;
mod chat;
mod confirm;
mod council;
mod decision;
mod exports;
mod fields;
mod insight;
mod job;
mod jobs;
mod lab;
mod live;
mod payoff;
mod query;
mod queues;
mod quotes;
mod snapshot;
mod sql;
mod training;
mod why_not;

use super::Site;
use super::error::PageError;
use super::status;
use super::view::{self, View};
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
pub(super) use jobs::filter as job_filter;
pub(super) use lab::start as start_in_lab;
pub(super) use query::{Query, encode};
use serde_json::{Value, json};
pub(super) use sql::{ADVICE as SQL_ADVICE, export as start_export, page as sql};
pub(super) use training::start as start_training;

/// How much of a page is wanted: all of it, or what its fragments show, which is asked for again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Live,
}

/// Opens the page of an address.
pub(super) async fn open(site: &Site, uri: &Uri, part: Part) -> Result<View, PageError> {
    let query = Query::of(uri);
    let segments: Vec<&str> = uri
        .path()
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    match segments[..] {
        [] => live::view(site, &query).await,
        ["decisions", id] => decision::view(site, id, &query).await,
        ["chat", ref path @ ..] => chat::view(site, path).await,
        ["quotes"] => quotes::view(site, &query).await,
        ["jobs"] => jobs::view(site, &query).await,
        ["jobs", id] => job::view(site, id).await,
        ["lab", ref path @ ..] => lab::view(site, path, &query).await,
        ["council"] => council::view(site, &query).await,
        ["sql", ..] => Ok(sql::frame()),
        ["training", ref path @ ..] => training::view(site, path, &query, part).await,
        ["exports", ref path @ ..] => exports::view(site, path, &query, part).await,
        ["confirm", action] => confirm::view(site, action, &query).await,
        _ => Err(PageError::not_found("That page")),
    }
}

/// Everything a page's templates may name: its own values, then what every page carries.
pub(super) async fn values(site: &Site, uri: &Uri, view: &View) -> Result<Value, PageError> {
    let query = Query::of(uri);
    let mut values = view.values.clone();
    let common = status::values(site, uri.path()).await?;
    let own = json!({
        "title": view.title,
        "address": uri.path_and_query().map_or("/", |address| address.as_str()),
        "notice": query.get("notice"),
        "base": query.base(uri.path()),
        "sort": query.sort(),
        "sort_base": query.sort_base(uri.path()),
    });
    for part in [common, own] {
        if let (Value::Object(all), Value::Object(part)) = (&mut values, part) {
            all.extend(part);
        }
    }
    Ok(values)
}

/// Answers with the page, or with one of its tables when `format` asks for it.
pub(super) async fn page(
    State(site): State<Site>,
    method: Method,
    uri: Uri,
) -> Result<Response, PageError> {
    if method != Method::GET && method != Method::HEAD {
        return Err(PageError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Pages are only read",
            "Actions are posted to /actions/NAME.",
        ));
    }
    let view = open(&site, &uri, Part::Whole).await?;
    answer(&site, &uri, &view).await
}

/// The page, or the table of it that is asked for.
async fn answer(site: &Site, uri: &Uri, view: &View) -> Result<Response, PageError> {
    let query = Query::of(uri);
    if let Some(format) = query.get("format") {
        return export(view, format, query.get("table"));
    }
    let values = values(site, uri, view).await?;
    let html = view::render(site, &format!("{}.html", view.name), &values)?;
    Ok(Html(html).into_response())
}

fn export(view: &View, format: &str, name: Option<&str>) -> Result<Response, PageError> {
    let table = view
        .tables
        .iter()
        .find(|table| name.is_none_or(|name| name == table.name))
        .ok_or_else(|| PageError::not_found("That table"))?;
    match format {
        "csv" => Ok(table.csv()?),
        "json" => Ok(table.json()),
        _ => Err(PageError::bad_request(
            format!("`{format}` is no format of tables"),
            "Use format=csv or format=json.",
        )),
    }
}
