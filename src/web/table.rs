//! The rows behind a table of a page, as CSV and JSON of exactly what is shown.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// Named rows; values are raw (no grouping, no percent), times in milliseconds UTC.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    pub name: &'static str,
    pub columns: Vec<String>,
    rows: Vec<Map<String, Value>>,
}

impl Table {
    /// Takes `columns` out of each row; a row that lacks one gives null.
    pub(super) fn of<T: Serialize>(
        name: &'static str,
        columns: &[impl AsRef<str>],
        rows: impl IntoIterator<Item = T>,
    ) -> Self {
        let columns: Vec<String> = columns
            .iter()
            .map(|name| name.as_ref().to_owned())
            .collect();
        let pick = |row: T| {
            let mut object = match serde_json::to_value(row) {
                Ok(Value::Object(object)) => object,
                _ => Map::new(),
            };
            object.retain(|key, _| columns.contains(key));
            object
        };
        let rows = rows.into_iter().map(pick).collect();
        Self {
            name,
            columns,
            rows,
        }
    }

    /// RFC 4180 with a header line; null is the empty field.
    pub(super) fn csv(&self) -> anyhow::Result<Response> {
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(Vec::new());
        writer.write_record(&self.columns)?;
        for row in &self.rows {
            writer.write_record(self.columns.iter().map(|column| cell(row.get(column))))?;
        }
        let kind = [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
            (
                header::CONTENT_DISPOSITION,
                format!("attachment; filename=\"{}.csv\"", self.name),
            ),
        ];
        Ok((kind, writer.into_inner()?).into_response())
    }

    pub(super) fn json(&self) -> Response {
        axum::Json(&self.rows).into_response()
    }
}

/// Puts rows into the order an address asks for (`delta`, `-delta`); without a wish they stay. What has no
/// value comes last.
pub(super) fn sort<T: Serialize>(rows: &mut [T], wish: Option<&str>) {
    let Some(wish) = wish else { return };
    let column = wish.trim_start_matches('-');
    let key = |row: &T| {
        let row = serde_json::to_value(row).unwrap_or_default();
        row.get(column).cloned().unwrap_or_default()
    };
    rows.sort_by_cached_key(|row| Cell {
        value: key(row),
        descending: wish.starts_with('-'),
    });
}

/// A value in the order of its column.
struct Cell {
    value: Value,
    descending: bool,
}

impl Ord for Cell {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (&self.value, &other.value);
        let order = match (a.is_null(), b.is_null()) {
            (false, false) => match (a.as_f64(), b.as_f64()) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                _ => a.to_string().cmp(&b.to_string()),
            },
            (a, b) => return a.cmp(&b),
        };
        if self.descending {
            order.reverse()
        } else {
            order
        }
    }
}

impl PartialOrd for Cell {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Cell {}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_come_in_the_order_asked_for_and_what_has_no_value_last() {
        let row = |name: &str, delta: Option<f64>| json!({"name": name, "delta": delta});
        let given = || vec![row("b", Some(0.2)), row("c", None), row("a", Some(0.1))];
        let order = |wish: Option<&str>| {
            let mut rows = given();
            sort(&mut rows, wish);
            let names: Vec<String> = rows
                .iter()
                .map(|row| row["name"].as_str().unwrap_or_default().to_owned())
                .collect();
            names.concat()
        };
        assert_eq!(order(None), "bca");
        assert_eq!(order(Some("delta")), "abc");
        assert_eq!(order(Some("-delta")), "bac");
        assert_eq!(order(Some("-name")), "cba");
        assert_eq!(order(Some("nothing")), "bca");
    }
}
