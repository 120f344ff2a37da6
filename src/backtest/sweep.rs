//! Many runs over one market: which settings a sweep tries, and what the best of them is worth.
//!
//! ```text
//!  Plan: axes, grid or draws ─► settings ─► one Tried each ─► judge: ranks, intervals, luck, walk-forward
//! ```
//!
//! Every run sees the same snapshots, so that their daily returns lie side by side: the statistics are
//! over that table. Settings are chosen by the Sharpe ratio of daily returns in one currency.

mod ahead;
mod axis;
mod judge;
mod plan;
pub(in crate::backtest) mod statistic;

pub use ahead::{Ahead, OutOfSample, WalkForwardDays};
pub use axis::Axis;
pub use judge::{Best, Judgement, judge};
pub use plan::{Plan, Trial, Trials};

use super::gaps::longest_ms;
use super::{Data, Outcome, RunError, Setup, metrics, run};
use crate::backtest::Metrics;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a sweep counts in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Currency {
    /// Holding the coin returns nothing: what is left is the calls.
    #[default]
    Coin,
    Usd,
}

impl Currency {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Coin => "coin",
            Self::Usd => "usd",
        }
    }
}

/// What one setting came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    pub metrics: Metrics,
    /// A return for each day with a snapshot, fractions; that across a gap of the data is in none.
    pub returns_coin: Vec<f64>,
    pub returns_usd: Vec<f64>,
}

impl Tried {
    pub fn of(outcome: Outcome) -> Self {
        let (coin, points) = (outcome.metrics.coin.start, &outcome.points);
        let usd = outcome.metrics.usd.start;
        let gap_ms = longest_ms(points, outcome.setup.interval_ms);
        Self {
            returns_coin: metrics::daily_returns(
                gap_ms,
                coin,
                points.iter().map(|one| (one.at_ms, one.equity)),
            ),
            returns_usd: metrics::daily_returns(
                gap_ms,
                usd,
                points.iter().map(|one| (one.at_ms, one.equity_usd())),
            ),
            metrics: outcome.metrics,
        }
    }

    pub fn returns(&self, currency: Currency) -> &[f64] {
        match currency {
            Currency::Coin => &self.returns_coin,
            Currency::Usd => &self.returns_usd,
        }
    }
}

/// Runs one setting from the first snapshot to the last.
pub fn try_one(data: &Data, setup: &Setup) -> Result<Tried, RunError> {
    run(data, setup).map(Tried::of)
}

#[cfg(test)]
mod tests;
