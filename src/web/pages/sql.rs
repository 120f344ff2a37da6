//! The SQL page: named questions with their parameters, one select of one's own, and what came of it.

mod cells;
mod charts;
mod export;

use super::query::Query;
use super::{answer, encode};
use crate::db::access::AuditRow;
use crate::db::named::{self, Question};
use crate::db::reader::{ReadError, Rows};
use crate::db::views;
use crate::jobs::registry;
use crate::web::Site;
use crate::web::access::Actor;
use crate::web::ask::{self, Answer, Asked};
use crate::web::error::PageError;
use crate::web::table::{Table, sort};
use crate::web::view::View;
use axum::extract::{Extension, State};
use axum::http::Uri;
use axum::response::Response;
pub(in crate::web) use export::export;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Longest statement in an address, characters; programs post longer ones.
const QUERY_MAX: usize = 8_000;
/// Lines of the history that are read, and shown when they differ.
const HISTORY_READ: i64 = 200;
const HISTORY_SHOWN: usize = 15;

/// Names in an address that are not parameters of a question.
pub(super) const OWN: &[&str] = &[
    "query", "rows", "seconds", "sort", "format", "table", "notice",
];

/// Answers with the page. It has a route of its own: what is asked is written down with who asked.
pub(in crate::web) async fn page(
    State(site): State<Site>,
    Extension(actor): Extension<Actor>,
    uri: Uri,
) -> Result<Response, PageError> {
    let query = Query::of(&uri);
    let asked = asked(uri.path(), &query)?;
    let limits = ask::limits(whole(&query, "rows")?, whole(&query, "seconds")?)?;
    let found = match &asked {
        Some(asked) => Some(asked.ask(&site, &actor, limits).await?),
        None => None,
    };
    if query.get("format").is_some()
        && let Some(Err(error)) = found.as_ref().map(|found| &found.rows)
    {
        return Err(PageError::bad_request(error.to_string(), ADVICE));
    }
    let mut view = frame();
    view.values = values(&site, asked.as_ref(), &query).await?;
    if let Some(found) = found {
        show(&mut view, found, asked.as_ref(), &query, limits.rows);
    }
    answer(&site, &uri, &view).await
}

/// The page without an answer: a live page follows its status line only and asks nothing again.
pub(super) fn frame() -> View {
    View {
        title: "SQL".to_owned(),
        name: "sql",
        fragments: &[],
        values: json!({}),
        tables: Vec::new(),
    }
}

pub(in crate::web) const ADVICE: &str =
    "One select over the views v_* runs here; the page lists them with their columns.";

fn asked(path: &str, query: &Query) -> Result<Option<Asked>, PageError> {
    if let Some(name) = path.strip_prefix("/sql/") {
        let mut given = BTreeMap::new();
        for name in query.names().filter(|name| !OWN.contains(name)) {
            if let Some(value) = query.get(name) {
                given.insert(name.to_owned(), value.trim().to_owned());
            }
        }
        return Ok(Some(Asked::named(name, given)?));
    }
    let Some(sql) = query.get("query").map(str::trim) else {
        return Ok(None);
    };
    if sql.chars().count() > QUERY_MAX {
        return Err(PageError::bad_request(
            format!("The statement is longer than {QUERY_MAX} characters"),
            "Use `thetaq sql --query`, or post it to /api/v1/sql.",
        ));
    }
    Ok(Some(Asked::Free(sql.to_owned())).filter(|_| !sql.is_empty()))
}

fn whole<T: std::str::FromStr>(query: &Query, name: &str) -> Result<Option<T>, PageError> {
    let most = if name == "rows" {
        ask::ROWS_MAX as u64
    } else {
        ask::SECONDS_MAX
    };
    let parse = |text: &str| text.parse().map_err(|_| ask::out_of_range(name, most));
    query.get(name).map(parse).transpose()
}

/// What the page shows beside an answer.
async fn values(site: &Site, asked: Option<&Asked>, query: &Query) -> Result<Value, PageError> {
    let history = ask::history(site, HISTORY_READ).await?;
    let (question, text) = match asked {
        Some(Asked::Named { question, given }) => {
            (Some(form(question, given)), question.text(given).ok())
        }
        Some(Asked::Free(sql)) => (None, Some(sql.clone())),
        None => (None, None),
    };
    let current = question.as_ref().and_then(|shown| shown["name"].as_str());
    Ok(json!({
        "topics": topics(current), "views": views::all(), "history": remembered(&history),
        "question": question, "query": text, "query_max": QUERY_MAX, "free": matches!(asked, Some(Asked::Free(_))),
        "rows_wanted": query.get("rows").unwrap_or("1000"), "seconds_wanted": query.get("seconds").unwrap_or("10"),
        "rows_choices": ["100", "1000", "10000"], "seconds_choices": ["5", "10", "30", "60"],
        "can_export": registry::all().known(export::KIND).is_ok(),
    }))
}

/// The questions under their topics.
fn topics(current: Option<&str>) -> Vec<Value> {
    let mut topics: Vec<(&str, Vec<Value>)> = Vec::new();
    for one in named::all() {
        let link =
            json!({"name": one.name, "title": one.title, "current": Some(one.name) == current});
        match topics.last_mut() {
            Some((name, links)) if *name == one.topic => links.push(link),
            _ => topics.push((one.topic, vec![link])),
        }
    }
    let topic = |(name, questions)| json!({"name": name, "questions": questions});
    topics.into_iter().map(topic).collect()
}

/// A question with its parameters as inputs.
fn form(question: &Question, given: &BTreeMap<String, String>) -> Value {
    let fields: Vec<Value> = question
        .parameters
        .iter()
        .map(|one| {
            json!({
                "name": one.name, "meaning": one.meaning, "value": given.get(one.name),
                "default": one.without(),
                "number": one.kind != "text",
            })
        })
        .collect();
    json!({"name": question.name, "title": question.title, "read_it": question.read_it, "fields": fields})
}

/// Each question once, with how it went the last time.
fn remembered(history: &[AuditRow]) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    let mut shown = Vec::new();
    for row in history {
        let detail = &row.detail.0;
        let (label, address) = place(detail);
        if shown.len() < HISTORY_SHOWN && seen.insert(address.clone()) {
            shown.push(json!({
                "label": label, "address": address, "at_ms": row.at_ms, "actor": row.actor,
                "rows": detail["rows"], "truncated": detail["truncated"], "error": detail["error"],
            }));
        }
    }
    shown
}

/// How a question of the history reads, and where it is asked again.
fn place(detail: &Value) -> (String, String) {
    if let Some(sql) = detail["query"].as_str() {
        return (sql.to_owned(), format!("/sql?query={}", encode(sql)));
    }
    let name = detail["question"].as_str().unwrap_or_default();
    let empty = Map::new();
    let given = detail["parameters"].as_object().unwrap_or(&empty);
    let pair = |(key, value): (&String, &Value)| {
        format!("{key}={}", encode(value.as_str().unwrap_or_default()))
    };
    let pairs: Vec<String> = given.iter().map(pair).collect();
    let joint = if pairs.is_empty() { "" } else { "?" };
    let address = format!("/sql/{name}{joint}{}", pairs.join("&"));
    (address.trim_start_matches("/sql/").to_owned(), address)
}

fn show(view: &mut View, found: Answer, asked: Option<&Asked>, query: &Query, most: usize) {
    view.values["took_ms"] = found.took_ms.into();
    match found.rows {
        Ok(mut rows) => {
            let mut objects: Vec<Map<String, Value>> =
                rows.objects().into_iter().filter_map(object).collect();
            sort(&mut objects, query.sort());
            rows.rows = objects
                .iter()
                .map(|row| in_order(&rows.columns, row))
                .collect();
            view.values["result"] = result(&rows, most);
            view.values["charts"] = charts::charts(&rows).into();
            if let Some(Asked::Named { question, .. }) = asked {
                question.title.clone_into(&mut view.title);
            }
            view.tables = vec![Table::of("result", &rows.columns, objects)];
        }
        Err(error) => {
            view.values["error"] = error.to_string().into();
            view.values["stopped"] = matches!(error, ReadError::TimedOut(_)).into();
        }
    }
}

fn object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

fn in_order(columns: &[String], row: &Map<String, Value>) -> Vec<Value> {
    let cell = |column: &String| row.get(column).cloned().unwrap_or_default();
    columns.iter().map(cell).collect()
}

fn result(rows: &Rows, most: usize) -> Value {
    let numbers = cells::numbers(rows);
    let columns: Vec<Value> = rows
        .columns
        .iter()
        .zip(&numbers)
        .map(|(name, number)| json!({"name": name, "number": number}))
        .collect();
    let lines: Vec<Vec<Value>> = rows
        .rows
        .iter()
        .map(|row| {
            let cells = row.iter().zip(&rows.columns);
            cells
                .map(|(value, column)| cells::cell(value, column))
                .collect()
        })
        .collect();
    json!({
        "columns": columns, "rows": lines, "count": rows.rows.len(), "truncated": rows.truncated,
        // Cut off below the number of rows that was asked for, the size was too much.
        "too_large": rows.truncated && rows.rows.len() < most,
    })
}
