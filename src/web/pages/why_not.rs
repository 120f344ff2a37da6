//! The why-not explorer: what kept a contract out, and the smallest change of settings that lets it in.

use super::query::Query;
use crate::db::candidates::CandidateRow;
use crate::domain::settings::Settings;
use crate::market::candidates::{Admission, admission};
use crate::web::table;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a person asked the explorer for.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Asked {
    /// Part of a contract's name, in capitals.
    contract: Option<String>,
    /// Only calls that this filter stopped first.
    filter: Option<String>,
    all: bool,
    sort: Option<String>,
}

impl Asked {
    pub(super) fn of(query: &Query) -> Self {
        Self {
            contract: query.get("contract").map(str::to_uppercase),
            filter: query.owned("filter"),
            all: query.get("all").is_some(),
            sort: query.owned("sort"),
        }
    }

    fn matches(&self, call: &CandidateRow) -> bool {
        let named = |text: &String| call.instrument.contains(text.as_str());
        let stopped = |filter: &String| call.failed_filter.as_ref() == Some(filter);
        self.contract.as_ref().is_none_or(named) && self.filter.as_ref().is_none_or(stopped)
    }
}

/// A rejected call with what would admit it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Rejected<'a> {
    #[serde(flatten)]
    call: &'a CandidateRow,
    /// Null when the settings of the decision are gone.
    admission: Option<Admission>,
    /// The changes as one line: `dte_max = 25.1, delta_max = 0.422`.
    would_pass_with: Option<String>,
}

pub(super) const COLUMNS: &[&str] = &[
    "instrument",
    "dte",
    "delta",
    "bid",
    "ask",
    "mark_iv",
    "ivrv",
    "open_interest",
    "premium_usd",
    "yield_net",
    "failed_filter",
    "failed_by",
    "would_pass_with",
];

/// Rows shown unless all are asked for: those that came nearest.
const NEAR: usize = 20;

/// The rejected calls that were asked for; those that the fewest and smallest changes admit come first.
pub(super) fn rejected<'a>(
    seen: &'a [CandidateRow],
    settings: Option<&Settings>,
    index_price: Option<f64>,
    asked: &Asked,
) -> Vec<Rejected<'a>> {
    let mut rows: Vec<Rejected<'a>> = seen
        .iter()
        .filter(|call| call.failed_filter.is_some() && asked.matches(call))
        .map(|call| explained(call, settings, index_price))
        .collect();
    rows.sort_by(|a, b| {
        distance(a)
            .partial_cmp(&distance(b))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    if !asked.all {
        rows.truncate(NEAR);
    }
    table::sort(&mut rows, asked.sort.as_deref());
    rows
}

fn explained<'a>(
    call: &'a CandidateRow,
    settings: Option<&Settings>,
    index_price: Option<f64>,
) -> Rejected<'a> {
    let measured = call.measured().zip(index_price).zip(settings);
    let admission = measured.map(|((call, index), settings)| admission(&call, index, settings));
    let would_pass_with = match &admission {
        Some(Admission::Changes(changes)) => {
            let texts: Vec<String> = changes
                .iter()
                .map(|change| format!("{} = {}", change.key, change.to))
                .collect();
            Some(texts.join(", "))
        }
        _ => None,
    };
    Rejected {
        call,
        admission,
        would_pass_with,
    }
}

/// (no setting helps, number of changes, their relative size): smaller is nearer.
fn distance(row: &Rejected<'_>) -> (bool, usize, f64) {
    match &row.admission {
        Some(Admission::Changes(changes)) => {
            let size = |from: f64, to: f64| (to - from).abs() / from.abs().max(1e-9);
            let sum = changes
                .iter()
                .map(|change| size(change.from, change.to))
                .sum();
            (false, changes.len(), sum)
        }
        _ => (true, 0, 0.0),
    }
}

/// How many calls each filter stopped first, most first.
pub(super) fn counts(seen: &[CandidateRow]) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for filter in seen.iter().filter_map(|call| call.failed_filter.as_deref()) {
        *counts.entry(filter).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts
        .into_iter()
        .map(|(filter, count)| (filter.to_owned(), count))
        .collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}
