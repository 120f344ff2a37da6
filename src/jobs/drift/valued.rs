//! Equity of both at each instant; a stretch in which it differs for one reason is one difference.

use super::instants::clock;
use super::kind::Kind;
use super::walk::{New, Walk};
use crate::backtest::Again;
use crate::db::decisions::DecisionRow;
use crate::db::drifts::DifferenceRow;
use crate::domain::money::{decimal, from_e8, to_e8};

/// The stretch that is open.
#[derive(Debug, Default)]
pub(super) struct Valued {
    open: Option<Stretch>,
}

#[derive(Debug)]
struct Stretch {
    n: i64,
    because: Option<i64>,
    count: usize,
    largest_e8: i64,
    last_ms: i64,
}

impl Valued {
    pub(super) fn compare(walk: &mut Walk<'_>, row: &DecisionRow, again: &Again, late: bool) {
        let Some(desk) = walk.lived.equity.get(&row.as_of_ms) else {
            return;
        };
        let ours = to_e8(decimal(again.point.equity).unwrap_or_default());
        let theirs = desk.equity_e8;
        walk.found.equity = Some((theirs, ours));
        let by = theirs - ours;
        if by == 0 || late {
            walk.valued.close(&mut walk.found.differences);
            return;
        }
        let because = walk.root.or(walk.touched);
        if walk
            .valued
            .open
            .as_ref()
            .is_none_or(|open| open.because != because)
        {
            walk.valued.close(&mut walk.found.differences);
            let n = walk.push(New {
                kind: kind(walk, because),
                about: "equity",
                at_ms: row.as_of_ms,
                decision: Some(row),
                because,
                says: [theirs, ours].map(|equity| from_e8(equity).to_string()),
                explanation: String::new(),
            });
            walk.valued.open = Some(Stretch {
                n,
                because,
                count: 0,
                largest_e8: 0,
                last_ms: row.as_of_ms,
            });
        }
        if let Some(open) = &mut walk.valued.open {
            open.count += 1;
            open.last_ms = row.as_of_ms;
            if by.abs() > open.largest_e8.abs() {
                open.largest_e8 = by;
            }
        }
    }

    /// Writes what the stretch came to into its row.
    pub(super) fn close(&mut self, differences: &mut [DifferenceRow]) {
        let Some(open) = self.open.take() else {
            return;
        };
        let row = &mut differences[open.n as usize - 1];
        let reason = match open.because {
            Some(n) => format!("it follows from difference {n}"),
            None if row.kind == Kind::AccountDiffers.as_str() => {
                "the desk's equity is the exchange's word, the other one is the book at the chain's marks".to_owned()
            }
            None => "the books are the same, and so should be their value".to_owned(),
        };
        row.explanation = format!(
            "at {} instants up to {} the desk's equity is another, by up to {}; {reason}",
            open.count,
            clock(open.last_ms),
            from_e8(open.largest_e8)
        );
    }
}

fn kind(walk: &Walk<'_>, because: Option<i64>) -> Kind {
    match because {
        Some(_) => Kind::BookDiffers,
        None if !walk.lived.dry_run => Kind::AccountDiffers,
        None => Kind::Unexplained,
    }
}
