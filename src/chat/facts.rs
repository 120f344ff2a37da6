//! What look-ups found, as numbers and texts with the row each stands in.

use super::found::Found;
use super::numbers::{Kind, Unit, said};
use crate::clock::iso;
use crate::db::views;
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
}

/// A number with what is known of its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Amount {
    pub value: f64,
    pub measure: Measure,
}

/// In which other forms a number may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// How many rows or entries there are: nothing else than a count.
    Entries,
    /// An integer of some unit; a fraction it is not.
    Whole,
    /// May be a fraction, and then told as percent.
    Real,
    Percent,
    BasisPoints,
    /// A span, which may be told in seconds, minutes, hours or days.
    Milliseconds,
}

/// Everything an answer may say.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub(super) numbers: Vec<Fact<Amount>>,
    pub(super) texts: Vec<Fact<String>>,
    /// Names of fields with digits in them, such as `rv_30d`.
    pub(super) fields: Vec<Fact<String>>,
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
        let views = views::all();
        for table in &found.tables {
            let cited = |id: &str| Cited {
                part,
                table: table.table.clone(),
                id: id.to_owned(),
            };
            let known = views.iter().find(|view| view.name == table.table);
            let unit = |name: &str| {
                let column = known.and_then(|view| view.columns.iter().find(|it| it.name == name));
                column.map_or("", |column| column.unit)
            };
            self.entries(table.rows.len(), &cited(""));
            for row in &table.rows {
                let id = NAMES.iter().find_map(|name| row[*name].as_str());
                self.walk(Key::default(), row, &cited(id.unwrap_or_default()), &unit);
            }
        }
    }

    fn walk<'a>(
        &mut self,
        key: Key<'a>,
        value: &'a Value,
        row: &Cited,
        unit: &dyn Fn(&str) -> &'static str,
    ) {
        match value {
            Value::Number(number) => self.number(number, key, row),
            Value::String(text) => self.text(text, key, row),
            Value::Array(items) => {
                self.entries(items.len(), row);
                for item in items {
                    self.walk(key, item, row, unit);
                }
            }
            Value::Object(fields) => {
                // A flattened document has the name of the number beside it; a limit of risk its unit.
                let named = value["name"].as_str().unwrap_or_default();
                let counted = value["unit"].as_str();
                for (name, value) in fields {
                    let is_value = name == "value" && !named.is_empty();
                    let name = if is_value { named } else { name };
                    self.field(name, row);
                    let unit_of = counted.unwrap_or_else(|| unit(name));
                    let key = Key {
                        name,
                        unit: unit_of,
                    };
                    self.walk(key, value, row, unit);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn entries(&mut self, count: usize, row: &Cited) {
        self.push(count as f64, Measure::Entries, row);
    }

    fn number(&mut self, number: &serde_json::Number, key: Key<'_>, row: &Cited) {
        let value = number.as_f64().unwrap_or_default();
        let instant = (1e12..5e12).contains(&value) && value.fract() == 0.0;
        if instant {
            self.push_text(&iso(value as i64), row);
        }
        let measure = match key.measure() {
            _ if instant => Measure::Whole,
            Some(known) => known,
            None if number.is_f64() => Measure::Real,
            None => Measure::Whole,
        };
        self.push(value, measure, row);
    }

    /// A text counts as a whole, and so does every number it says: decimals are stored as text. Digits inside
    /// of ids, names and times are no numbers.
    fn text(&mut self, text: &str, key: Key<'_>, row: &Cited) {
        self.push_text(text, row);
        for one in said(text) {
            let Kind::Number(number) = one.kind else {
                continue;
            };
            let alone = text.len() == one.end - one.start;
            let (factor, told) = told(number.unit);
            let measure = key.measure().filter(|_| alone).or(told);
            let plain = if number.decimals > 0 {
                Measure::Real
            } else {
                Measure::Whole
            };
            self.push(number.value * factor, measure.unwrap_or(plain), row);
        }
    }

    /// The name of a field, for adjectives such as `30-day`.
    fn field(&mut self, name: &str, row: &Cited) {
        let new = |name: &str| self.fields.iter().all(|known| known.value != name);
        let name = name.to_lowercase();
        if name.bytes().any(|byte| byte.is_ascii_digit()) && new(&name) {
            self.push_text(&name, row);
            let row = row.clone();
            self.fields.push(Fact { value: name, row });
        }
    }

    fn push(&mut self, value: f64, measure: Measure, row: &Cited) {
        self.numbers.push(Fact {
            value: Amount { value, measure },
            row: row.clone(),
        });
    }

    fn push_text(&mut self, text: &str, row: &Cited) {
        self.texts.push(Fact {
            value: text.to_lowercase(),
            row: row.clone(),
        });
    }
}

/// The field a value stands in.
#[derive(Clone, Copy, Default)]
struct Key<'a> {
    name: &'a str,
    unit: &'a str,
}

impl Key<'_> {
    /// What the name or the unit of a field says; `None` where they say nothing.
    fn measure(self) -> Option<Measure> {
        let named = |names: &[&str]| {
            let mut parts = self.name.split(['_', '.', ' ']);
            parts.any(|part| names.contains(&part))
        };
        match self.unit {
            "ms" => Some(Measure::Milliseconds),
            "percent" => Some(Measure::Percent),
            "fraction" => Some(Measure::Real),
            "count" => Some(Measure::Whole),
            _ if self.name.ends_with("_ms") => Some(Measure::Milliseconds),
            _ if named(&["percent", "pct", "percentage"]) => Some(Measure::Percent),
            _ if named(&["bps"]) => Some(Measure::BasisPoints),
            _ => None,
        }
    }
}

/// What a number of a text is in its base unit: the factor, and the measure where the unit says it.
fn told(unit: Unit) -> (f64, Option<Measure>) {
    match unit {
        Unit::None | Unit::Money | Unit::Delta => (1.0, None),
        Unit::Percent => (1.0, Some(Measure::Percent)),
        Unit::BasisPoints => (1.0, Some(Measure::BasisPoints)),
        Unit::Thousand => (1e3, None),
        Unit::Million => (1e6, None),
        Unit::Billion => (1e9, None),
        Unit::Seconds => (1e3, Some(Measure::Milliseconds)),
        Unit::Minutes => (60e3, Some(Measure::Milliseconds)),
        Unit::Hours => (3_600e3, Some(Measure::Milliseconds)),
        Unit::Days => (86_400e3, Some(Measure::Milliseconds)),
    }
}
