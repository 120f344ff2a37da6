//! Receipts: a number of an answer is supported when a look-up of the same answer holds it.
//!
//! Allowed are fewer decimals (rounded), percent and basis points of a fraction, thousands and millions, another unit
//! of a span of time, and a loss told without its sign. Everything else is marked: a count is no percentage.

use super::dates;
use super::facts::{Amount, Cited, Fact, Facts, Measure};
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
            let equal = |fact: &&Fact<Amount>| says(number, fact.value);
            let found = facts.numbers.iter().find(equal).map(|fact| &fact.row);
            found
                .or_else(|| dated(text, one, facts))
                .or_else(|| number.compound.then(|| of_a_field(number, facts)).flatten())
        }
    }
}

fn named<'a>(word: &str, facts: &'a Facts) -> Option<&'a Cited> {
    let hour = word.find(':') == Some(1);
    let word = if hour {
        format!("0{word}")
    } else {
        word.to_owned()
    };
    let word = word.trim_end_matches('z');
    let expiry = word.contains(char::is_alphabetic) && !word.contains('-');
    // Not inside of a longer name: `90000-C` is no name of `BTC-30JAN26-90000-C`, but `30JAN26` is its expiry.
    let whole = |text: &str| {
        text.match_indices(word).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + word.len()..].chars().next();
            let part = expiry && before == Some('-') && after.is_none_or(|c| c == '-');
            let open =
                |c: Option<char>| c.is_none_or(|c| !c.is_ascii_digit() && c != '-' && c != '_');
            let time = before == Some('t');
            part || open(before)
                && (time || before.is_none_or(|c| !c.is_alphanumeric()))
                && (open(after) || time)
        })
    };
    let found = facts.texts.iter().find(|fact| whole(&fact.value));
    found.map(|fact| &fact.row)
}

/// Whether the number is the fact, in one of the forms that people use.
fn says(number: &Number, fact: Amount) -> bool {
    let Some(scale) = scale(number.unit, fact.measure) else {
        return false;
    };
    let value = fact.value * scale;
    let part = scale != 1.0 || matches!(number.unit, Unit::Percent | Unit::BasisPoints);
    let rough = part || value.abs() >= 10.0;
    let close = |value: f64| close(number, value, rough);
    close(value) || (number.value > 0.0 && value < 0.0 && close(-value))
}

/// What a fact is multiplied by to be told in the unit; `None` where it cannot be told so.
fn scale(unit: Unit, measure: Measure) -> Option<f64> {
    match unit {
        Unit::None => Some(1.0),
        Unit::Percent => Some(share(measure)? * 100.0),
        Unit::BasisPoints => Some(share(measure)? * 1e4),
        Unit::Delta if measure == Measure::Real => Some(100.0),
        Unit::Delta | Unit::Money => plain(measure, 1.0),
        Unit::Thousand => plain(measure, 1e-3),
        Unit::Million => plain(measure, 1e-6),
        Unit::Billion => plain(measure, 1e-9),
        Unit::Seconds => span(measure, 1e3),
        Unit::Minutes => span(measure, 60e3),
        Unit::Hours => span(measure, 3_600e3),
        Unit::Days => span(measure, 86_400e3),
    }
}

/// What makes a fraction of it.
fn share(measure: Measure) -> Option<f64> {
    match measure {
        Measure::Real => Some(1.0),
        Measure::Percent => Some(0.01),
        Measure::BasisPoints => Some(1e-4),
        Measure::Entries | Measure::Whole | Measure::Milliseconds => None,
    }
}

/// A span in units of so many milliseconds; any other number may be of that unit already.
fn span(measure: Measure, ms: f64) -> Option<f64> {
    if measure == Measure::Milliseconds {
        return Some(1.0 / ms);
    }
    plain(measure, 1.0)
}

fn plain(measure: Measure, scale: f64) -> Option<f64> {
    matches!(measure, Measure::Real | Measure::Whole).then_some(scale)
}

/// Fewer decimals are told, but no digit is invented: nothing is told as 0, and a small number without a unit is
/// not rounded to a count.
fn close(number: &Number, value: f64, rough: bool) -> bool {
    let half = 0.5 * crate::domain::math::pow(10.0, f64::from(-number.decimals));
    let whole = number.decimals == 0 && (value.fract() == 0.0 || !rough);
    let allowed = if whole || number.value == 0.0 {
        0.0
    } else {
        half
    };
    (number.value - value).abs() <= allowed + 1e-9 * value.abs()
}

/// `5 January 2026` of a fact that says `2026-01-05T..`, or of a contract that expires then.
fn dated<'a>(text: &str, one: &Said, facts: &'a Facts) -> Option<&'a Cited> {
    let parts = dates::written(text, one.start, one.end);
    let says = |fact: &&Fact<String>| {
        let said = |part: &String| {
            let mut at = fact.value.match_indices(part.as_str());
            // `2026-` begins a time, and `-5jan` is not the end of `-15jan`.
            let year = !part.starts_with('-');
            at.any(|(at, _)| !year || !fact.value[..at].ends_with(|c: char| c.is_ascii_digit()))
        };
        parts.iter().any(said)
    };
    facts.texts.iter().find(says).map(|fact| &fact.row)
}

/// The `30` of `30-day` in the name `rv_30d`.
fn of_a_field<'a>(number: &Number, facts: &'a Facts) -> Option<&'a Cited> {
    let digits = number.value.to_string();
    let says = |fact: &&Fact<String>| {
        let mut runs = fact.value.split(|c: char| !c.is_ascii_digit());
        runs.any(|run| run == digits)
    };
    facts.fields.iter().find(says).map(|fact| &fact.row)
}

#[cfg(test)]
mod tests;
