//! What a look-up gives: tables of rows, the same for a page, for a model and for the check of an answer.

use crate::db::reader::Rows;
use crate::domain::redact::redact;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Everything one look-up found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Found {
    pub tables: Vec<Table>,
}

/// Rows of one view, or of a document made of rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// The view, or what the rows are.
    pub table: String,
    /// Names of the rows' fields in their order.
    pub columns: Vec<String>,
    pub rows: Vec<Value>,
    /// True when there are more rows than were read.
    #[serde(default)]
    pub truncated: bool,
}

impl Found {
    pub fn one(table: Table) -> Self {
        Self {
            tables: vec![table],
        }
    }

    pub fn rows(&self) -> i64 {
        let rows = self.tables.iter().map(|table| table.rows.len());
        i64::try_from(rows.sum::<usize>()).unwrap_or(i64::MAX)
    }

    pub fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// JSON for a model, cut between rows where it would be longer than `most` bytes.
    pub fn text(&self, most: usize) -> String {
        let mut left = most;
        let mut tables = Vec::new();
        for table in &self.tables {
            let mut rows = Vec::new();
            for row in &table.rows {
                let size = row.to_string().len() + 1;
                if size > left {
                    break;
                }
                left -= size;
                rows.push(row);
            }
            let not_shown = table.rows.len() - rows.len();
            tables.push(json!({
                "table": table.table, "rows": rows, "rows_in_all": table.rows.len(),
                "rows_not_shown": not_shown, "more_in_the_database": table.truncated,
            }));
        }
        json!({ "tables": tables }).to_string()
    }
}

impl Table {
    /// Rows of a query, without secrets.
    pub fn of(table: &str, rows: &Rows) -> Self {
        Self {
            table: table.to_owned(),
            columns: rows.columns.clone(),
            rows: rows.objects().iter().map(redact).collect(),
            truncated: rows.truncated,
        }
    }

    /// The fields of a document as rows of path and value.
    pub fn document(table: &str, document: &Value) -> Self {
        let mut rows = Vec::new();
        flatten("", document, &mut rows);
        Self {
            table: table.to_owned(),
            columns: vec!["name".to_owned(), "value".to_owned()],
            rows,
            truncated: false,
        }
    }
}

fn flatten(path: &str, value: &Value, rows: &mut Vec<Value>) {
    let joined = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                flatten(&joined(name), value, rows);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (n, item) in items.iter().enumerate() {
                flatten(&joined(&(n + 1).to_string()), item, rows);
            }
        }
        Value::Null => {}
        other => rows.push(json!({ "name": path, "value": other })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_becomes_rows_and_the_text_ends_between_two() {
        let document = json!({"list": [1, 2], "metrics": {"coin": {"sharpe": 1.5}}, "none": null});
        let found = Found::one(Table::document("backtest", &document));
        assert_eq!(found.rows(), 2);
        let sharpe = json!({"name": "metrics.coin.sharpe", "value": 1.5});
        assert!(found.tables[0].rows.contains(&sharpe), "{found:?}");
        let short: Value = serde_json::from_str(&found.text(40)).expect("JSON");
        assert_eq!(short["tables"][0]["rows_not_shown"], 1, "{short}");
    }
}
