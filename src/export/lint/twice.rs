//! Rows that stand twice. The memory is bounded: beyond it, a sample by hash is watched.

use super::{Code, Finding, Severity, mix};
use crate::db::scan::Cell;
use crate::export::Kind;
use std::collections::HashSet;

/// Hashes that are kept: a little less than what makes the table double, 19 MB.
const KEPT: usize = 1_800_000;

#[derive(Default)]
pub(super) struct Twice {
    /// Places of the cells that tell a row from another.
    places: Vec<usize>,
    seen: HashSet<u64>,
    /// Hashes with one of these bits are not watched any more.
    mask: u64,
    rows: u64,
}

impl Twice {
    /// A step is told by its episode and number, a candidate by its instrument too; anything else by all it has.
    pub(super) fn new(names: &[String], hidden: usize, kind: Kind) -> Self {
        let place = |wanted: &&str| names.iter().position(|name| name == *wanted);
        let key: &[&str] = match kind {
            Kind::Transitions => &["dataset", "episode", "step"],
            Kind::Candidates => &["dataset", "episode", "step", "instrument"],
            Kind::Rows | Kind::Chat | Kind::Preference => &[],
        };
        let places: Vec<usize> = key.iter().filter_map(place).collect();
        let places = if places.is_empty() {
            (hidden..names.len()).collect()
        } else {
            places
        };
        Self {
            places,
            ..Self::default()
        }
    }

    pub(super) fn row(&mut self, row: &[Cell<'_>]) {
        let hash = self.places.iter().fold(1, |sum, at| mix(sum, &row[*at]));
        if hash & self.mask != 0 {
            return;
        }
        if !self.seen.insert(hash) {
            self.rows += 1;
        }
        if self.seen.len() > KEPT {
            self.mask = self.mask << 1 | 1;
            let mask = self.mask;
            self.seen.retain(|hash| hash & mask == 0);
        }
    }

    /// In a free query the same row twice may be meant.
    pub(super) fn finding(&self, kind: Kind) -> Option<Finding> {
        let sample = self.mask + 1;
        let rows = self.rows * sample;
        let about = if sample > 1 { "about " } else { "" };
        (rows > 0).then(|| Finding {
            code: Code::Duplicate,
            severity: if kind == Kind::Rows {
                Severity::Warning
            } else {
                Severity::Error
            },
            column: String::new(),
            rows,
            text: format!("{about}{rows} rows stand there a second time"),
        })
    }
}
