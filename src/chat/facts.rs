//! What look-ups found, as numbers and texts with the row each stands in.

use super::found::Found;
use super::numbers::{Kind, said};
use crate::clock::iso;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A row that an answer can point at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cited {
    /// Number of the part of the answer that looked it up.
    pub part: i64,
    pub table: String,
    /// What names the row in its table; empty for a count of rows.
    pub id: String,
}

/// One number or text.
#[derive(Clone, Debug)]
pub(super) struct Fact<T> {
    pub value: T,
    pub row: Cited,
    /// True for a span in milliseconds, which may be told in seconds, hours or days.
    pub milliseconds: bool,
}

/// Everything an answer may say.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub(super) numbers: Vec<Fact<f64>>,
    pub(super) texts: Vec<Fact<String>>,
}

/// Fields that name a row, the best first.
const NAMES: [&str; 8] = [
    "id",
    "decision",
    "drift",
    "sweep",
    "instrument",
    "name",
    "at",
    "job",
];

impl Facts {
    /// Adds what part number `part` found.
    pub fn add(&mut self, part: i64, found: &Found) {
        for table in &found.tables {
            let cited = |id: &str| Cited {
                part,
                table: table.table.clone(),
                id: id.to_owned(),
            };
            self.number(table.rows.len() as f64, "", &cited(""));
            for row in &table.rows {
                let id = NAMES.iter().find_map(|name| row[*name].as_str());
                self.walk("", row, &cited(id.unwrap_or_default()));
            }
        }
    }

    fn walk(&mut self, key: &str, value: &Value, row: &Cited) {
        match value {
            Value::Number(number) => self.number(number.as_f64().unwrap_or_default(), key, row),
            Value::String(text) => self.text(text, row),
            Value::Array(items) => {
                self.number(items.len() as f64, "", row);
                for item in items {
                    self.walk(key, item, row);
                }
            }
            Value::Object(fields) => {
                // A flattened document has the name of the number beside it.
                let named = value["name"].as_str().unwrap_or_default();
                for (name, value) in fields {
                    let key = if name == "value" {
                        named
                    } else {
                        name.as_str()
                    };
                    self.walk(key, value, row);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn number(&mut self, value: f64, key: &str, row: &Cited) {
        let instant = (1e12..5e12).contains(&value) && value.fract() == 0.0;
        if instant {
            self.push_text(&iso(value as i64), row);
        }
        self.numbers.push(Fact {
            value,
            row: row.clone(),
            milliseconds: !instant && key.ends_with("_ms"),
        });
    }

    /// A text counts as a whole, and so does every number it says: decimals are stored as text. Digits inside
    /// of ids, names and times are no numbers.
    fn text(&mut self, text: &str, row: &Cited) {
        self.push_text(text, row);
        for one in said(text) {
            if let Kind::Number(number) = one.kind {
                self.number(number.value, "", row);
            }
        }
    }

    fn push_text(&mut self, text: &str, row: &Cited) {
        self.texts.push(Fact {
            value: text.to_lowercase(),
            row: row.clone(),
            milliseconds: false,
        });
    }
}
