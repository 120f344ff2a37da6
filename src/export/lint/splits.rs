//! What is later than its decision, and what stands in two splits.

use super::{Code, Finding, Severity, mix};
use crate::db::scan::Cell;
use std::collections::HashMap;

/// Names of the time of a decision, the most specific first.
const DECIDED: [&str; 3] = ["decided_ms", "decided_at", "at_ms"];
/// Beginnings of names of what was known then.
const KNOWN: [&str; 8] = [
    "feature",
    "observed",
    "observation",
    "quote",
    "snapshot",
    "market",
    "as_of",
    "known",
];
/// Beginnings of names of what came after.
const AFTER: [&str; 6] = [
    "next_",
    "future_",
    "reward",
    "pnl",
    "realised_pnl",
    "outcome",
];
/// Chains and episodes that are remembered, a little less than what makes the table double; beyond them a sample
/// would not be a proof.
const REMEMBERED: usize = 450_000;

#[derive(Default)]
pub(super) struct Splits {
    decided: Option<usize>,
    /// Columns with a time of something known, by place and name.
    known: Vec<(usize, String, u64)>,
    split: Option<usize>,
    /// Columns that must be whole, and what was seen of them.
    whole: Vec<Whole>,
}

struct Whole {
    at: usize,
    name: String,
    splits: HashMap<u64, u64>,
    torn: u64,
}

impl Splits {
    pub(super) fn new(names: &[String]) -> Self {
        let place = |wanted: &str| names.iter().position(|name| name == wanted);
        let is_time = |name: &str| name.ends_with("_ms") || name.ends_with("_at");
        let known = names.iter().enumerate();
        let known = known
            .filter(|(_, name)| is_time(name) && KNOWN.iter().any(|start| name.starts_with(start)));
        let whole = ["chain", "episode"].into_iter().filter_map(|name| {
            Some(Whole {
                at: place(name)?,
                name: name.to_owned(),
                splits: HashMap::new(),
                torn: 0,
            })
        });
        Self {
            decided: DECIDED.into_iter().find_map(place),
            known: known.map(|(at, name)| (at, name.clone(), 0)).collect(),
            split: place("split"),
            whole: whole.collect(),
        }
    }

    pub(super) fn row(&mut self, row: &[Cell<'_>]) {
        if let Some(decided) = self.decided {
            for (at, _, late) in &mut self.known {
                *late += u64::from(later(&row[*at], &row[decided]));
            }
        }
        let Some(split) = self.split else {
            return;
        };
        let split = mix(0, &row[split]);
        for whole in &mut self.whole {
            whole.row(row, split);
        }
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let late = self.known.iter().filter(|(_, _, late)| *late > 0);
        let late = late.map(|(_, name, rows)| Finding {
            code: Code::LaterThanDecision,
            severity: Severity::Error,
            column: name.clone(),
            rows: *rows,
            text: format!("{name} is later than the decision"),
        });
        let torn = self.whole.iter().filter(|whole| whole.torn > 0);
        let torn = torn.map(|whole| Finding {
            code: Code::ChainAcrossSplits,
            severity: Severity::Error,
            column: whole.name.clone(),
            rows: whole.torn,
            text: format!("the same {} stands in two splits", whole.name),
        });
        late.chain(torn).collect()
    }
}

impl Whole {
    fn row(&mut self, row: &[Cell<'_>], split: u64) {
        if row[self.at] == Cell::Null {
            return;
        }
        let name = mix(0, &row[self.at]);
        if let Some(first) = self.splits.get(&name) {
            self.torn += u64::from(*first != split);
        } else if self.splits.len() < REMEMBERED {
            self.splits.insert(name, split);
        }
    }
}

fn later(known: &Cell<'_>, decided: &Cell<'_>) -> bool {
    match (known, decided) {
        (Cell::Int(known), Cell::Int(decided)) => known > decided,
        (Cell::Float(known), Cell::Float(decided)) => known > decided,
        // ISO 8601 of one form sorts as text.
        (Cell::Text(known), Cell::Text(decided)) => known > decided,
        _ => false,
    }
}

/// Features that are named as what came after.
pub(super) fn names(features: &[String]) -> Vec<Finding> {
    let after = |name: &&String| AFTER.iter().any(|start| name.starts_with(start));
    let found = features.iter().filter(after).map(|name| Finding {
        code: Code::LaterThanDecision,
        severity: Severity::Error,
        column: format!("observation.{name}"),
        rows: 0,
        text: format!("the feature {name} is named as something that came after the decision"),
    });
    found.collect()
}
