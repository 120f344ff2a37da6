//! Times in the arguments of a drafted job: milliseconds where a job reads them, ISO 8601 where people and models do.

use crate::clock::{from_iso, iso};
use crate::domain::instrument::DAY_MS;
use serde_json::{Map, Value};

/// Arguments that are instants; other `_ms` are lengths of time.
pub const TIMES: [&str; 3] = ["from_ms", "to_ms", "at_ms"];

/// The arguments with every ISO date and time in milliseconds. A day that is the end of a range is whole.
pub fn in_ms(args: &Value) -> Result<Value, String> {
    let Value::Object(fields) = args else {
        return Ok(args.clone());
    };
    let mut made = Map::new();
    for (name, value) in fields {
        let value = match value.as_str() {
            Some(text) if TIMES.contains(&name.as_str()) => instant(name, text)?.into(),
            _ => in_ms(value)?,
        };
        made.insert(name.clone(), value);
    }
    Ok(Value::Object(made))
}

fn instant(name: &str, text: &str) -> Result<i64, String> {
    let at_ms = from_iso(text).or_else(|| text.parse().ok());
    let at_ms = at_ms.ok_or_else(|| {
        format!("{name}: `{text}` is neither a date (2026-01-02) nor a time (2026-01-02T09:00:00Z)")
    })?;
    let whole_day = name == "to_ms" && text.len() == 10;
    Ok(if whole_day { at_ms + DAY_MS - 1 } else { at_ms })
}

/// The arguments as a person reads them: `from`, `to` and `at` as ISO 8601 times.
pub fn in_words(args: &Value) -> Value {
    let Value::Object(fields) = args else {
        return args.clone();
    };
    let shown = |(name, value): (&String, &Value)| match value.as_i64() {
        Some(at_ms) if TIMES.contains(&name.as_str()) => {
            (name.trim_end_matches("_ms").to_owned(), iso(at_ms).into())
        }
        _ => (name.clone(), in_words(value)),
    };
    Value::Object(fields.iter().map(shown).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn dates_and_times_become_milliseconds_and_words_again() {
        let given = json!({"at_ms": "2026-01-05T08:00:00Z", "settings": {
            "from_ms": "2026-01-05", "to_ms": "2026-01-05", "interval_ms": 60_000, "seed": "2026-01-05"}});
        let made = in_ms(&given).unwrap_or_default();
        let settings = &made["settings"];
        assert_eq!(made["at_ms"], 1_767_600_000_000_i64);
        assert_eq!(
            settings["to_ms"].as_i64(),
            settings["from_ms"].as_i64().map(|at_ms| at_ms + DAY_MS - 1)
        );
        assert_eq!(
            (&settings["interval_ms"], &settings["seed"]),
            (&json!(60_000), &json!("2026-01-05"))
        );
        assert_eq!(in_ms(&made), Ok(made.clone()), "milliseconds stay");
        let shown = in_words(&made);
        assert_eq!(shown["at"], "2026-01-05T08:00:00Z");
        assert_eq!(
            (&shown["settings"]["to"], &shown["settings"]["interval_ms"]),
            (&json!("2026-01-05T23:59:59Z"), &json!(60_000))
        );
        let wrong = in_ms(&json!({"from_ms": "last week"}))
            .err()
            .unwrap_or_default();
        assert!(
            wrong.starts_with("from_ms: `last week` is neither"),
            "{wrong}"
        );
    }
}
