//! Walk-forward: the best run of one window, judged on the window after it.
//!
//! A run goes on through all windows, so that a choice changes hands at the mark: what is open at that
//! instant is carried at its value, and the cost of trading from one book to the other is not counted.

use super::statistic::{sharpe, total_return, yearly_sharpe};
use crate::domain::instrument::DAY_MS;
use crate::statistics::walk_forward::WalkForward;
use anyhow::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Windows in days of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WalkForwardDays {
    /// Days to choose on.
    pub train_days: u32,
    /// Days to judge on; the next window starts where they end.
    pub test_days: u32,
    /// Days left out between the two.
    #[serde(default)]
    pub gap_days: u32,
    /// Every window to choose on starts at the first day.
    #[serde(default)]
    pub anchored: bool,
}

/// The choices, and what they came to together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ahead {
    pub windows: Vec<Chosen>,
    pub together: OutOfSample,
}

/// One choice. Sharpe ratios are of a year of 365 days; null where nothing moved.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chosen {
    pub train_from_ms: i64,
    pub train_to_ms: i64,
    pub test_from_ms: i64,
    pub test_to_ms: i64,
    /// Number of the run.
    pub n: usize,
    pub train_sharpe: Option<f64>,
    pub test_sharpe: Option<f64>,
    pub test_return: Option<f64>,
}

/// Test windows laid end to end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutOfSample {
    pub days: usize,
    pub total_return: Option<f64>,
    pub sharpe: Option<f64>,
}

/// Chooses by Sharpe ratio among the rows of `table`, whose numbers are `numbers`.
pub(super) fn walk_forward(
    numbers: &[usize],
    table: &[Vec<f64>],
    days: &[i64],
    plan: &WalkForwardDays,
) -> Result<Ahead> {
    let length = |days: u32| i64::from(days) * DAY_MS;
    let cut = WalkForward {
        train_ms: length(plan.train_days),
        test_ms: length(plan.test_days),
        gap_ms: length(plan.gap_days),
        anchored: plan.anchored,
    };
    let (first, last) = (
        days.first().copied().unwrap_or(0),
        days.last().copied().unwrap_or(0),
    );
    let (mut windows, mut joined) = (Vec::new(), Vec::new());
    for window in cut.windows(first..last + DAY_MS)? {
        let (train, test) = (within(days, &window.train), within(days, &window.test));
        let Some(row) = best(table, &train).filter(|_| !test.is_empty()) else {
            continue;
        };
        let (before, after) = (&table[row][train], &table[row][test]);
        joined.extend_from_slice(after);
        windows.push(Chosen {
            train_from_ms: window.train.start,
            train_to_ms: window.train.end,
            test_from_ms: window.test.start,
            test_to_ms: window.test.end,
            n: numbers[row],
            train_sharpe: yearly_sharpe(before),
            test_sharpe: yearly_sharpe(after),
            test_return: total_return(after),
        });
    }
    let together = OutOfSample {
        days: joined.len(),
        total_return: total_return(&joined),
        sharpe: yearly_sharpe(&joined),
    };
    Ok(Ahead { windows, together })
}

fn within(days: &[i64], window: &Range<i64>) -> Range<usize> {
    days.partition_point(|day| *day < window.start)..days.partition_point(|day| *day < window.end)
}

/// The first of the highest.
fn best(table: &[Vec<f64>], days: &Range<usize>) -> Option<usize> {
    let of = |row: usize| sharpe(&table[row][days.clone()]);
    let higher = |best: usize, row: usize| if of(row) > of(best) { row } else { best };
    (0..table.len()).filter(|_| !days.is_empty()).reduce(higher)
}
