//! Elements of the observation that are known in some splits or coins and in none of the rows of another.

use super::{Code, Finding, Severity};
use crate::db::scan::Cell;

/// What rows are divided by, where there are such columns.
const BY: [&str; 2] = ["split", "underlying"];

#[derive(Default)]
pub(super) struct Parts {
    places: Vec<(&'static str, usize)>,
    parts: Vec<Part>,
}

struct Part {
    /// In the order of the places.
    values: Vec<String>,
    rows: u64,
    /// Rows that know an element.
    known: Vec<u64>,
}

impl Parts {
    pub(super) fn new(names: &[String]) -> Self {
        let place = |by: &&'static str| Some((*by, names.iter().position(|name| name == by)?));
        Self {
            places: BY.iter().filter_map(place).collect(),
            parts: Vec::new(),
        }
    }

    /// Counts a row with the elements of its observation.
    pub(super) fn row(&mut self, row: &[Cell<'_>], observation: &str) {
        if self.places.is_empty() {
            return;
        }
        let part = self.part(row);
        part.rows += 1;
        let inside = observation.trim_matches(['[', ']']);
        for (at, item) in inside.split(',').enumerate() {
            if at == part.known.len() {
                part.known.push(0);
            }
            part.known[at] += u64::from(item.trim() != "null");
        }
    }

    fn part(&mut self, row: &[Cell<'_>]) -> &mut Part {
        let text = |at: usize| match &row[at] {
            Cell::Text(text) => *text,
            _ => "",
        };
        let of_row = |part: &Part| {
            let mut both = part.values.iter().zip(&self.places);
            both.all(|(value, (_, at))| value == text(*at))
        };
        let found = self.parts.iter().position(of_row);
        let at = found.unwrap_or_else(|| {
            let values = self.places.iter().map(|(_, at)| text(*at).to_owned());
            self.parts.push(Part {
                values: values.collect(),
                rows: 0,
                known: Vec::new(),
            });
            self.parts.len() - 1
        });
        &mut self.parts[at]
    }

    /// Elements without a value in a part, which have some in another.
    pub(super) fn findings(&self, features: &[String]) -> Vec<Finding> {
        let known = |at: usize| self.parts.iter().any(|part| part.known.get(at) > Some(&0));
        let mut findings = Vec::new();
        for part in self.parts.iter().filter(|part| part.rows > 1) {
            let elements = part.known.iter().enumerate();
            for (at, _) in elements.filter(|(at, rows)| **rows == 0 && known(*at)) {
                let number = at.to_string();
                let name = features.get(at).unwrap_or(&number);
                findings.push(self.finding(part, &format!("observation.{name}")));
            }
        }
        findings
    }

    fn finding(&self, part: &Part, column: &str) -> Finding {
        let named = self.places.iter().zip(&part.values);
        let named: Vec<String> = named
            .map(|((by, _), value)| format!("{by} {value}"))
            .collect();
        Finding {
            code: Code::NullColumn,
            severity: Severity::Warning,
            column: column.to_owned(),
            rows: part.rows,
            text: format!(
                "{column} has no value in any of the {} rows of {}, but elsewhere",
                part.rows,
                named.join(" and ")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_that_one_split_of_a_coin_never_has_is_named() {
        let names = ["split", "underlying", "observation"].map(str::to_owned);
        let mut parts = Parts::new(&names);
        let mut row = |split, coin, observation| {
            let cells = [split, coin, observation].map(Cell::Text);
            parts.row(&cells, observation);
        };
        for _ in 0..3 {
            row("train", "BTC", "[1.5,0.4,null]");
            row("test", "BTC", "[1.5,null,null]");
            row("test", "ETH", "[1.5,0.5,null]");
        }
        let features = ["index_price", "dvol", "skew"].map(str::to_owned);
        let findings = parts.findings(&features);
        let texts: Vec<&str> = findings.iter().map(|found| found.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "observation.dvol has no value in any of the 3 rows of split test and underlying BTC, but elsewhere"
            ]
        );
    }
}
