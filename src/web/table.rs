//! The rows behind a table of a page, as CSV and JSON of exactly what is shown.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

/// Named rows; values are raw (no grouping, no percent), times in milliseconds UTC.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    pub name: &'static str,
    pub columns: &'static [&'static str],
    rows: Vec<Map<String, Value>>,
}

impl Table {
    /// Takes `columns` out of each row; a row that lacks one gives null.
    pub(super) fn of<T: Serialize>(
        name: &'static str,
        columns: &'static [&'static str],
        rows: impl IntoIterator<Item = T>,
    ) -> Self {
        let pick = |row: T| {
            let mut object = match serde_json::to_value(row) {
                Ok(Value::Object(object)) => object,
                _ => Map::new(),
            };
            object.retain(|key, _| columns.contains(&key.as_str()));
            object
        };
        Self {
            name,
            columns,
            rows: rows.into_iter().map(pick).collect(),
        }
    }

    /// RFC 4180 with a header line; null is the empty field.
    pub(super) fn csv(&self) -> anyhow::Result<Response> {
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(Vec::new());
        writer.write_record(self.columns)?;
        for row in &self.rows {
            writer.write_record(self.columns.iter().map(|column| cell(row.get(*column))))?;
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

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
