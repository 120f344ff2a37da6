//! Receipts: a number of an answer is supported when a look-up of the same answer holds it.
//!
//! Allowed are fewer decimals (rounded), percent of a fraction, basis points, thousands and millions,
//! another unit of a span of time, and a loss told without its sign. Everything else is marked.

use super::facts::{Cited, Fact, Facts};
use super::numbers::{Kind, Number, Said, Unit, said};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A number of an answer with the row it comes from; none when no look-up holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// Bytes of the text.
    pub start: usize,
    pub end: usize,
    pub row: Option<Cited>,
}

/// Every number of the text with its receipt.
pub fn check(text: &str, facts: &Facts) -> Vec<Receipt> {
    let numbers = said(text);
    let receipt = |one: &Said| Receipt {
        start: one.start,
        end: one.end,
        row: source(text, one, facts).cloned(),
    };
    numbers.iter().map(receipt).collect()
}

/// Rows that the receipts point at, each once.
pub fn citations(receipts: &[Receipt]) -> Vec<Cited> {
    let rows = receipts.iter().filter_map(|receipt| receipt.row.clone());
    let named = rows.filter(|row| !row.id.is_empty());
    let mut seen = BTreeSet::new();
    named
        .filter(|row| seen.insert((row.table.clone(), row.id.clone())))
        .collect()
}

pub fn unsupported(receipts: &[Receipt]) -> i64 {
    let without = receipts.iter().filter(|receipt| receipt.row.is_none());
    i64::try_from(without.count()).unwrap_or(i64::MAX)
}

fn source<'a>(text: &str, one: &Said, facts: &'a Facts) -> Option<&'a Cited> {
    let word = text[one.start..one.end].to_lowercase();
    match &one.kind {
        Kind::Name => named(&word, facts),
        Kind::Number(number) => {
            let equal = |fact: &&Fact<f64>| says(number, fact);
            let found = facts.numbers.iter().find(equal).map(|fact| &fact.row);
            found.or_else(|| dated(text, one, facts))
        }
    }
}

fn named<'a>(word: &str, facts: &'a Facts) -> Option<&'a Cited> {
    let word = word.trim_end_matches('z');
    // Not inside of a longer name: `90000-C` is no name of `BTC-30JAN26-90000-C`.
    let whole = |text: &str| {
        text.match_indices(word).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + word.len()..].chars().next();
            let open =
                |c: Option<char>| c.is_none_or(|c| !c.is_ascii_digit() && c != '-' && c != '_');
            let time = before == Some('t');
            open(before)
                && (time || before.is_none_or(|c| !c.is_alphanumeric()))
                && (open(after) || time)
        })
    };
    let found = facts.texts.iter().find(|fact| whole(&fact.value));
    found.map(|fact| &fact.row)
}

/// Whether the number is the fact, in one of the forms that people use.
fn says(number: &Number, fact: &Fact<f64>) -> bool {
    let scales: &[f64] = match number.unit {
        Unit::Percent => &[100.0, 1.0],
        Unit::BasisPoints => &[10_000.0, 1.0],
        Unit::Thousand => &[1e-3],
        Unit::Million => &[1e-6],
        Unit::Seconds if fact.milliseconds => &[1e-3],
        Unit::Minutes if fact.milliseconds => &[1.0 / 60_000.0],
        Unit::Hours if fact.milliseconds => &[1.0 / 3_600_000.0],
        Unit::Days if fact.milliseconds => &[1.0 / 86_400_000.0],
        _ => &[1.0],
    };
    scales.iter().any(|scale| {
        let value = fact.value * scale;
        close(number, value) || (number.value > 0.0 && value < 0.0 && close(number, -value))
    })
}

fn close(number: &Number, value: f64) -> bool {
    let half = 0.5 * crate::domain::math::pow(10.0, f64::from(-number.decimals));
    let whole = number.decimals == 0 && value.fract() == 0.0;
    let allowed = if whole { 0.0 } else { half };
    (number.value - value).abs() <= allowed + 1e-9 * value.abs().max(1.0)
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// `5 January 2026` of a fact that says `2026-01-05T..`.
fn dated<'a>(text: &str, one: &Said, facts: &'a Facts) -> Option<&'a Cited> {
    let lower = text.to_lowercase();
    let around = [
        lower.get(..one.start)?.split_whitespace().next_back(),
        lower.get(one.end..)?.split_whitespace().next(),
        lower.get(..one.start)?.split_whitespace().rev().nth(1),
    ];
    let month = around.into_iter().flatten().find_map(|word| {
        let start = word.get(..3)?;
        MONTHS.iter().position(|month| *month == start)
    })?;
    let said: u32 = text.get(one.start..one.end)?.parse().ok()?;
    let part = if said > 31 {
        format!("{said}-{:02}-", month + 1)
    } else {
        format!("-{:02}-{said:02}", month + 1)
    };
    let found = facts.texts.iter().find(|fact| fact.value.contains(&part));
    found.map(|fact| &fact.row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::found::{Found, Table};
    use serde_json::json;

    fn facts() -> Facts {
        let rows = vec![
            json!({"id": "01KE6Z0V1W3T5Q8R2M4N6P8S0A", "decided_at": "2026-01-05T09:00:00.000Z", "delta": 0.3149,
                   "instrument": "BTC-30JAN26-90000-C", "return_coin": 0.0321, "pnl": -0.0042, "index_price": 91_234.56,
                   "age_ms": 5_400_000, "size": "0.10", "fees": -1.5}),
            json!({"id": "b", "chains": 12}),
        ];
        let table = Table {
            table: "v_decisions".to_owned(),
            rows,
            ..Table::default()
        };
        let mut facts = Facts::default();
        facts.add(1, &Found::one(table));
        facts
    }

    fn marked(text: &str) -> Vec<&str> {
        let receipts = check(text, &facts());
        let without = receipts.iter().filter(|receipt| receipt.row.is_none());
        without
            .map(|receipt| &text[receipt.start..receipt.end])
            .collect()
    }

    #[test]
    fn forms_of_a_fact_are_supported() {
        for text in [
            "delta 0.31, or 0.315, or 0.3149",
            "3.2 % in coin, 3.21%, 321 bps",
            "index at $91,235, about 91.2k",
            "it lost 0.0042 BTC, that is -0.0042",
            "quotes are 1.5 hours old, 90 minutes",
            "size 0.1, 12 chains, 2 rows",
            "BTC-30JAN26-90000-C at 2026-01-05T09:00:00Z, that is 2026-01-05, 09:00",
            "on 5 January 2026",
            "decision 01KE6Z0V1W3T5Q8R2M4N6P8S0A",
            "no number at all",
        ] {
            assert_eq!(marked(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn what_no_look_up_holds_is_marked() {
        assert_eq!(marked("delta 0.33 and 0.32"), ["0.33", "0.32"]);
        assert_eq!(marked("13 chains, 5.0%"), ["13", "5.0%"]);
        assert_eq!(
            marked("strike BTC-30JAN26-95000-C"),
            ["BTC-30JAN26-95000-C"]
        );
        assert_eq!(
            marked("it earned +0.0321, or -0.0321"),
            ["-0.0321"],
            "a gain is no loss"
        );
        assert_eq!(marked("on 6 January 2026, at 10:00"), ["6", "10:00"]);
        assert_eq!(
            marked("3 h old"),
            ["3"],
            "a span is told in its own size only"
        );
    }

    #[test]
    fn every_row_is_cited_once() {
        let receipts = check("0.31 and 3.2 % and 12 of 2", &facts());
        let rows: Vec<String> = citations(&receipts).into_iter().map(|row| row.id).collect();
        assert_eq!(rows, ["01KE6Z0V1W3T5Q8R2M4N6P8S0A", "b"]);
        assert_eq!(unsupported(&receipts), 0);
    }
}
