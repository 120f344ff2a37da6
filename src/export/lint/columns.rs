//! Columns, and elements of the observation, that say nothing; and which types the values have.

use super::{Code, Finding, Severity, mix, text_hash};
use crate::db::scan::Cell;
use crate::export::schema::Seen;

/// Columns that are the same for a whole dataset by their nature, or filled only where something happened.
const BY_NATURE: [&str; 24] = [
    "dataset",
    "underlying",
    "profile",
    "policy",
    "policy_version",
    "mode",
    "exit_style",
    "seed",
    "price_source",
    "fee_model",
    "reward_definition",
    "config_hash",
    "split",
    "error",
    "refusal",
    "rolled_from",
    "explored",
    "truncated",
    "terminated",
    "fills",
    "source",
    "state",
    "job",
    "desk",
];

#[derive(Default)]
pub(super) struct Columns {
    values: Vec<Values>,
    /// The observation, and its elements.
    observation: Option<usize>,
    elements: Vec<Values>,
}

/// Values of one column so far.
#[derive(Clone, Default)]
struct Values {
    name: String,
    seen: Seen,
    nulls: u64,
    first: Option<u64>,
    varies: bool,
}

impl Columns {
    pub(super) fn new(names: &[String]) -> Self {
        let column = |name: &String| Values {
            name: name.clone(),
            ..Values::default()
        };
        Self {
            values: names.iter().map(column).collect(),
            observation: names.iter().position(|name| name == "observation"),
            elements: Vec::new(),
        }
    }

    pub(super) fn row(&mut self, row: &[Cell<'_>]) {
        for (cell, values) in row.iter().zip(&mut self.values) {
            values.seen.note(cell);
            match cell {
                Cell::Null => values.nulls += 1,
                // Once it varies, only its nulls are of interest.
                _ if values.varies => {}
                cell => values.note(mix(0, cell)),
            }
        }
        if let Some(Cell::Text(text)) = self.observation.map(|at| row[at]) {
            self.elements(text);
        }
    }

    fn elements(&mut self, text: &str) {
        let inside = text.trim_matches(['[', ']']);
        for (at, item) in inside.split(',').enumerate() {
            if at == self.elements.len() {
                self.elements.push(Values::default());
            }
            let values = &mut self.elements[at];
            match item.trim() {
                "null" => values.nulls += 1,
                _ if values.varies => {}
                item => values.note(text_hash(item.as_bytes())),
            }
        }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.values.iter().map(|values| values.seen).collect()
    }

    pub(super) fn findings(&self, hidden: usize, rows: u64, features: &[String]) -> Vec<Finding> {
        let columns = self.values.iter().skip(hidden);
        let columns = columns.filter(|values| !BY_NATURE.contains(&values.name.as_str()));
        let columns = columns.filter_map(|values| values.finding(&values.name, rows));
        let elements = self.elements.iter().enumerate().filter_map(|(at, values)| {
            let number = at.to_string();
            let name = features.get(at).unwrap_or(&number);
            values.finding(&format!("observation.{name}"), rows)
        });
        columns.chain(elements).collect()
    }
}

impl Values {
    fn note(&mut self, hash: u64) {
        match self.first {
            None => self.first = Some(hash),
            Some(first) => self.varies |= first != hash,
        }
    }

    fn finding(&self, name: &str, rows: u64) -> Option<Finding> {
        let finding = |code, text: String| Finding {
            code,
            severity: Severity::Warning,
            column: name.to_owned(),
            rows,
            text,
        };
        if rows < 2 || self.varies {
            return None;
        }
        if self.first.is_none() {
            let text = format!("{name} has no value in any of {rows} rows");
            return Some(finding(Code::NullColumn, text));
        }
        let text = format!(
            "{name} has one value in all of {} rows",
            rows - self.nulls.min(rows)
        );
        (self.nulls == 0).then(|| finding(Code::ConstantColumn, text))
    }
}
