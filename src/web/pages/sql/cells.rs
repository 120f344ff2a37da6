//! How a value of a result is shown; CSV and JSON keep it exact.

use crate::db::reader::Rows;
use crate::web::format;
use serde_json::{Value, json};

/// Whole numbers beyond this lose digits as floats.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// Digits of a fraction that say something.
const DIGITS: i32 = 6;

/// Which columns hold numbers only.
pub(super) fn numbers(rows: &Rows) -> Vec<bool> {
    (0..rows.columns.len())
        .map(|at| {
            let mut values = rows
                .rows
                .iter()
                .map(|row| &row[at])
                .filter(|value| !value.is_null());
            values.clone().next().is_some() && values.all(Value::is_number)
        })
        .collect()
}

/// `{text, kind, exact, href}` of one cell.
pub(super) fn cell(value: &Value, column: &str) -> Value {
    match value {
        Value::Null => json!({"text": format::NONE, "kind": "null"}),
        Value::Number(number) => {
            json!({"text": number_text(number), "kind": "num", "exact": number.to_string()})
        }
        Value::Bool(flag) => json!({"text": if *flag { "true" } else { "false" }, "kind": "flag"}),
        Value::String(text) => {
            json!({"text": text, "kind": text_kind(text), "href": link(column, text)})
        }
        Value::Array(_) | Value::Object(_) => json!({"text": value.to_string(), "kind": "json"}),
    }
}

fn number_text(number: &serde_json::Number) -> String {
    let value = number.as_f64().unwrap_or_default();
    if !number.is_f64() {
        // Grouping goes through a float: what does not fit stands as it is.
        return if value.abs() < EXACT {
            format::grouped(value, 0)
        } else {
            number.to_string()
        };
    }
    if value != 0.0 && !(1e-8..1e15).contains(&value.abs()) {
        return format!("{value:e}");
    }
    let whole = if value == 0.0 {
        0
    } else {
        value.abs().log10().floor() as i32 + 1
    };
    let digits = (DIGITS - whole).clamp(0, 12) as usize;
    let text = format::grouped(value, digits);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// Ids, times and names stay on one line; sentences wrap.
fn text_kind(text: &str) -> &'static str {
    let short = text.len() <= 32 && !text.contains(' ');
    if short { "word" } else { "text" }
}

/// The page of what a column names.
fn link(column: &str, text: &str) -> Option<String> {
    let place = match column {
        "decision" => "/decisions/",
        "job" => "/jobs/",
        "backtest" => "/lab/",
        "sweep" => "/lab/sweeps/",
        _ => return None,
    };
    let id = !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric());
    id.then(|| format!("{place}{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_show_what_says_something_and_big_ones_stay_exact() {
        for (value, text) in [
            (json!(9_007_199_254_740_993_i64), "9007199254740993"),
            (json!(-12_345), "\u{2212}12,345"),
            (json!(0.1 + 0.2), "0.3"),
            (json!(0.000_012_345_678), "0.0000123457"),
            (json!(87_000.5), "87,000.5"),
            (json!(0.0), "0"),
            (json!(1.5e-12), "1.5e-12"),
        ] {
            assert_eq!(cell(&value, "x")["text"], text, "{value}");
        }
        assert_eq!(cell(&json!("01K"), "decision")["href"], "/decisions/01K");
        assert_eq!(cell(&json!("javascript:x"), "job")["href"], Value::Null);
    }
}
