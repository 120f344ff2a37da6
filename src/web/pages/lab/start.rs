//! What the lab's forms post: one job each, enqueued beside its line in the audit trail.

use super::sweeps;
use crate::backtest::{Key, Range, Setup, keys};
use crate::db::access::audit;
use crate::jobs::{Options, registry};
use crate::web::Site;
use crate::web::access::Actor;
use crate::web::error::PageError;
use axum::Form;
use axum::extract::{Extension, Path, State};
use axum::response::Redirect;
use chrono::{DateTime, NaiveDate};
use serde_json::{Map, Value, json};

type Fields = Vec<(String, String)>;

/// Enqueues a `backtest`, `lookahead`, `what_if` or `sweep` job and goes to where its result will be.
pub(in crate::web) async fn start(
    State(site): State<Site>,
    Extension(actor): Extension<Actor>,
    Path(kind): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Redirect, PageError> {
    let args = match kind.as_str() {
        "backtest" | "lookahead" => json!({
            "source": source(&fields)?, "settings": settings(&fields)?, "market_seed": market_seed(&fields),
        }),
        "what_if" => json!({
            "source": source(&fields)?, "settings": settings(&fields)?, "market_seed": market_seed(&fields),
            "at_ms": time(&fields, "at")?.ok_or_else(|| refused("at", "a time is needed, such as 2026-02-01T12:00Z"))?,
            "instrument": value(&fields, "instrument"),
        }),
        "sweep" => sweep(&fields)?,
        _ => return Err(PageError::not_found("That form")),
    };
    let ctx = &site.ctx;
    let mut tx = ctx.db.begin().await?;
    let registry = registry::all();
    let enqueued = registry.enqueue(&mut tx, ctx, &kind, args.clone(), Options::default());
    let enqueued = enqueued
        .await
        .map_err(|error| refused("settings", &error.to_string()))?;
    let target = Some(enqueued.id.as_str());
    audit(&mut tx, &ctx.clock, &actor.0, &kind, target, args).await?;
    tx.commit().await?;
    let place = match kind.as_str() {
        "backtest" => "lab",
        "sweep" => "lab/sweeps",
        _ => "jobs",
    };
    Ok(Redirect::to(&format!("/{place}/{}", enqueued.id)))
}

fn sweep(fields: &Fields) -> Result<Value, PageError> {
    let settings = settings(fields)?;
    let args = sweeps::args(|name| value(fields, name), &settings);
    let mut args = args.map_err(|(key, problem)| refused(&key, &problem))?;
    args.insert("source".to_owned(), source(fields)?.into());
    args.insert("settings".to_owned(), settings);
    if let Some(seed) = market_seed(fields) {
        args.insert("market_seed".to_owned(), seed.into());
    }
    Ok(Value::Object(args))
}

fn value<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    let found = fields.iter().find(|(key, _)| key == name)?;
    Some(found.1.trim()).filter(|text| !text.is_empty())
}

fn source(fields: &Fields) -> Result<String, PageError> {
    let source = value(fields, "source")
        .ok_or_else(|| refused("source", "choose where quotes come from"))?;
    Ok(source.to_owned())
}

/// A synthetic source carries its seed: `synthetic:SEED` stays a name of rows, the job wants it apart.
fn market_seed(fields: &Fields) -> Option<String> {
    value(fields, "market_seed").map(str::to_owned)
}

/// The settings as a job takes them: fields left empty keep their defaults; `json` pastes over them.
fn settings(fields: &Fields) -> Result<Value, PageError> {
    let mut settings = Map::new();
    for key in keys() {
        if let Some(text) = value(fields, key.key) {
            settings.insert(key.key.to_owned(), typed(&key, text)?);
        }
    }
    for (name, key) in [("from", "from_ms"), ("to", "to_ms")] {
        if let Some(at_ms) = time(fields, name)? {
            settings.insert(key.to_owned(), json!(at_ms));
        }
    }
    if let Some(text) = value(fields, "json") {
        let pasted: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| refused("JSON", &error.to_string()))?;
        settings.extend(pasted);
    }
    let settings = Value::Object(settings);
    Setup::parse(&settings).map_err(|error| refused(&error.key, &error.problem))?;
    Ok(settings)
}

fn typed(key: &Key, text: &str) -> Result<Value, PageError> {
    let number = |problem: &str| refused(key.key, &format!("`{text}` is not {problem}"));
    match (key.kind, key.range) {
        ("number", _) => {
            let number_: f64 = text.parse().map_err(|_| number("a number"))?;
            Ok(json!(number_))
        }
        ("integer", _) => {
            let whole: i64 = text.parse().map_err(|_| number("a whole number"))?;
            Ok(json!(whole))
        }
        ("amount", Range::Between(..)) => {
            let exact: rust_decimal::Decimal = text.parse().map_err(|_| number("an amount"))?;
            Ok(json!(exact))
        }
        _ => Ok(json!(text)),
    }
}

/// A day or an instant of UTC.
fn time(fields: &Fields, name: &str) -> Result<Option<i64>, PageError> {
    let Some(text) = value(fields, name) else {
        return Ok(None);
    };
    if let Ok(at_ms) = text.parse::<i64>() {
        return Ok(Some(at_ms));
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(Some(
            day.and_time(chrono::NaiveTime::MIN)
                .and_utc()
                .timestamp_millis(),
        ));
    }
    let at = DateTime::parse_from_rfc3339(text);
    let at = at.map_err(|_| {
        refused(
            name,
            &format!(
                "`{text}` is neither a day like 2026-01-02 nor a time like 2026-01-02T06:00:00Z"
            ),
        )
    })?;
    Ok(Some(at.timestamp_millis()))
}

fn refused(field: &str, problem: &str) -> PageError {
    PageError::bad_request(
        format!("{field}: {problem}"),
        "Go back in the browser: the form still holds what you wrote.",
    )
}
