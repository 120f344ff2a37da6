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
mod tests {
    use super::*;
    use crate::chat::found::{Found, Table};
    use serde_json::json;

    fn facts() -> Facts {
        let rows = vec![
            json!({"id": "01KE6Z0V1W3T5Q8R2M4N6P8S0A", "decided_at": "2026-01-05T09:00:00.000Z", "delta": 0.3149,
                   "instrument": "BTC-30JAN26-90000-C", "return_coin": 0.0321, "pnl": -0.0042, "index_price": 91_234.56,
                   "age_ms": 5_400_000, "size": "0.10", "fees": -1.5, "margin_used_pct": 7, "share": 0.5,
                   "rv_30d": 0.45, "iv": 1.0, "expires_at": "2026-01-30T08:00:00.000Z", "moved_bps": 40,
                   "reason": "spread of 4.5 percent, 6 h old, three of five filters"}),
            json!({"id": "b", "chains": 12, "premium_usd": 1_234_567.8}),
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
            "twelve chains, a dozen, two rows",
            "half of it, 50 %",
            "margin 7 %, 7 percent, 0.4 % and 40 bps",
            "three of the five filters, 4.5% wide, 6 hours, 360 minutes",
            "$1,234,567.80, 1.23M, 1.2 million, 1235k, $1\u{202f}234\u{202f}568",
            "\u{2212}0.0042 and -0.0042 and \u{2013}0.0042",
            "3.2-4.5%, or 12\u{2013}7",
            "30-day volatility of 45 %, 100 % at most",
            "the 31-delta call, BTC-30JAN26-90000-C's bid, the 30JAN26 expiry of 30 January, January 30, 2026",
            "in 2026, January 2026, 30th of January, at 9:00",
            "the first half, one of the calls, step 1",
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
            marked("8 h old"),
            ["8"],
            "a span is told in its own size only"
        );
    }

    #[test]
    fn a_fact_is_not_told_in_a_unit_it_does_not_have() {
        for (text, wanted) in [
            ("12 % of them, 1200 %", &["12 %", "1200 %"][..]),
            ("12 bps and 31 %, 31 bps", &["12", "31"]),
            (
                "2 %, 2 BTC, $2, 2 days: there are 2 rows",
                &["2 %", "2", "$2", "2"],
            ),
            ("0.5 % of a share", &["0.5"]),
            ("0 calls, 0.0 BTC, 0.00", &["0", "0.0", "0.00"]),
            ("2 calls lost 1 coin, and 0 were kept", &["0"]),
            ("12k, 12 million", &["12k", "12"]),
        ] {
            let found: Vec<&str> = marked(text);
            let wanted: Vec<&str> = wanted
                .iter()
                .map(|one| one.trim_end_matches(" %"))
                .collect();
            assert_eq!(found, wanted, "{text}");
        }
    }

    #[test]
    fn numbers_in_words_need_a_row_as_well() {
        for (text, wanted) in [
            ("Four calls, thirteen chains", &["Four", "thirteen"][..]),
            (
                "two dozen, a quarter of them, two thirds",
                &["two dozen", "a quarter", "two thirds"],
            ),
            ("eight percent, twenty-five bps", &["eight", "twenty-five"]),
            ("a six-day wait", &["six"]),
        ] {
            assert_eq!(marked(text), wanted, "{text}");
        }
    }

    #[test]
    fn days_and_contracts_are_those_of_a_row() {
        for (text, wanted) in [
            ("BTC-27MAR26-80000-C", &["BTC-27MAR26-80000-C"][..]),
            (
                "the 27MAR26 expiry, 27 March, in 2025",
                &["27MAR26", "27", "2025"],
            ),
            ("30 markets, 30 February", &["30", "30"]),
            ("0.2-0.9 and 3/7", &["0.2", "0.9"]),
            ("a 90-day average", &["90"]),
        ] {
            assert_eq!(marked(text), wanted, "{text}");
        }
    }

    #[test]
    fn every_row_is_cited_once() {
        let receipts = check("0.31 and 3.2 % and 12 of 2", &facts());
        let rows: Vec<String> = citations(&receipts).into_iter().map(|row| row.id).collect();
        assert_eq!(rows, ["01KE6Z0V1W3T5Q8R2M4N6P8S0A", "b"]);
        assert_eq!(unsupported(&receipts), 0);
    }
}
