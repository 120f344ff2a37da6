//! What forms post: texts by name, read as settings, times and numbers; an error names the field.

use super::Query;
use crate::backtest::{Key, Range, Setup, keys};
use crate::ctx::Ctx;
use crate::domain::instrument::DAY_MS;
use crate::web::error::PageError;
use chrono::{DateTime, NaiveDate};
use serde_json::{Map, Value, json};

pub(super) type Fields = Vec<(String, String)>;

pub(super) fn value<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    let found = fields.iter().find(|(key, _)| key == name)?;
    Some(found.1.trim()).filter(|text| !text.is_empty())
}

pub(super) fn text(fields: &Fields, name: &str) -> Result<String, PageError> {
    let found = value(fields, name).map(str::to_owned);
    found.ok_or_else(|| refused(name, "is missing"))
}

pub(super) fn source(fields: &Fields) -> Result<String, PageError> {
    let source = value(fields, "source")
        .ok_or_else(|| refused("source", "choose where quotes come from"))?;
    Ok(source.to_owned())
}

/// Refuses a job whose quotes are to come from a store without chains of its underlying.
pub(super) async fn known_source(ctx: &Ctx, kind: &str, args: &Value) -> Result<(), PageError> {
    let unknown = crate::jobs::source::unknown(&ctx.db, kind, args).await?;
    let refused = |unknown| PageError::bad_request(format!("{unknown}"), BACK);
    unknown.map_or(Ok(()), |unknown| Err(refused(unknown)))
}

/// A synthetic source carries its seed: `synthetic:SEED` stays a name of rows, the job wants it apart.
pub(super) fn market_seed(fields: &Fields) -> Option<String> {
    value(fields, "market_seed").map(str::to_owned)
}

/// The settings as a job takes them: `base` is what fields are laid over, those left empty keep its values or the
/// defaults; `json` is pasted over all.
pub(super) fn settings(fields: &Fields) -> Result<Value, PageError> {
    let mut settings = pasted(fields, "base")?;
    for key in keys() {
        if let Some(text) = value(fields, key.key) {
            settings.insert(key.key.to_owned(), typed(&key, text)?);
        }
    }
    for (name, key) in [("from", "from_ms"), ("to", "to_ms")] {
        if let Some(at_ms) = time(fields, name)? {
            let last_of_day = name == "to" && is_day(fields, name);
            let whole_day = if last_of_day { DAY_MS - 1 } else { 0 };
            settings.insert(key.to_owned(), json!(at_ms + whole_day));
        }
    }
    settings.extend(pasted(fields, "json")?);
    let settings = Value::Object(settings);
    Setup::parse(&settings).map_err(|error| refused(&error.key, &error.problem))?;
    Ok(settings)
}

fn pasted(fields: &Fields, name: &str) -> Result<Map<String, Value>, PageError> {
    let text = value(fields, name).unwrap_or("{}");
    serde_json::from_str(text).map_err(|error| refused("JSON", &error.to_string()))
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
pub(super) fn time(fields: &Fields, name: &str) -> Result<Option<i64>, PageError> {
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

/// A last day is meant whole, a time to the millisecond.
fn is_day(fields: &Fields, name: &str) -> bool {
    value(fields, name).is_some_and(|text| text.parse::<NaiveDate>().is_ok())
}

const BACK: &str = "Go back in the browser: the form still holds what you wrote.";

pub(super) fn refused(field: &str, problem: &str) -> PageError {
    PageError::bad_request(format!("{field}: {problem}"), BACK)
}

/// A number, when one was written.
pub(super) fn number<T: std::str::FromStr>(
    query: &Query,
    name: &str,
    wanted: &str,
) -> Result<Option<T>, PageError> {
    let Some(text) = query.get(name) else {
        return Ok(None);
    };
    let read = text.trim().parse().ok();
    let read = read.ok_or_else(|| refused(name, &format!("`{text}` is not {wanted}")))?;
    Ok(Some(read))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_day_is_meant_whole_and_a_time_to_the_millisecond() {
        let to_ms = |to: &str| {
            let fields = vec![("to".to_owned(), to.to_owned())];
            settings(&fields).map(|settings| settings["to_ms"].as_i64())
        };
        let end = |to: &str| to_ms(to).ok().flatten();
        assert_eq!(end("2026-05-29"), Some(1_780_099_199_999));
        assert_eq!(end("2026-05-29T00:00:00Z"), Some(1_780_012_800_000));
        assert!(to_ms("29.5.2026").is_err());
    }
}
