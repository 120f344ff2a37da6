//! Backtests: the desk's own step over a market in memory, and what it came to.
//!
//! ```text
//!  recorded chains ──┐
//!  synthetic market ─┴─► Data ─► Run: settle ─► explain ─► context ─► step ─► book ─► mark ─► Outcome
//!                    once, shared     └────────────── each snapshot ─────────────┘
//! ```
//!
//! No IO and no clock: a run is a function of its data, its [`Setup`] and the strategy, the same to the
//! last bit on every machine, whether it is taken in one go or resumed at any step.

mod answers;
mod attribution;
mod baselines;
mod breakdown;
mod comparison;
mod data;
mod desk;
mod gaps;
mod intervals;
mod ledger;
mod metrics;
mod obstacles;
mod outcome;
mod run;
mod setup;
mod strategy;
pub mod sweep;
mod synthetic;
mod what_if;

pub use answers::{Tally, calls_text, cutoff_notice, unanswered};
pub use attribution::{Attribution, Causes};
pub use baselines::{Baseline, Baselines, baselines};
pub use breakdown::{Breakdowns, DELTA, DTE, InRegime, Legs};
pub use comparison::{FIGURES, Figure, Unit, comparison};
pub use data::{Builder, Daily, Data, Series, Snapshot, Stamp};
pub use desk::UNTOLD;
pub use gaps::{Gap, gap_warning, gaps_between};
pub use intervals::{Headline, Intervals};
pub use ledger::{Leg, RollChain, Trigger};
pub use metrics::{Performance, performance, returns_by_day};
pub use obstacles::Obstacle;
pub use outcome::{Counts, Flows, Metrics, Outcome, Point, Taken};
pub use run::{Again, Happened, Opening, Rules, Run, State, rerun};
pub use setup::{Answers, FALLBACK, Key, Policy, Range, Setup, SetupError, keys, keys_with};
pub use strategy::{Propose, Strategy, Take};
pub use synthetic::{synthetic, synthetic_daily, synthetic_while};
pub use what_if::{Wanted, what_if};

use crate::clock::iso;
use crate::domain::coin::Coin;

/// Why a run cannot be made or cannot go on; says what would help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error("the data are of {0} and the settings of {1}")]
    OtherCoin(Coin, Coin),
    #[error(
        "no chain of {0} lies between from and to; `thetaq coverage --kind chains` shows what is stored"
    )]
    NoSnapshots(Coin),
    #[error("no delivery price of {0} is known for {time}; `thetaq import` brings delivery prices in", time = iso(*.1))]
    NoDelivery(Coin, i64),
    #[error("{0}")]
    WhatIf(String),
}

/// The whole run by the policy of its settings.
pub fn run(data: &Data, setup: &Setup) -> Result<Outcome, RunError> {
    run_with(data, setup, Strategy::Policy)
}

/// The whole run by any strategy.
pub fn run_with(data: &Data, setup: &Setup, strategy: Strategy<'_>) -> Result<Outcome, RunError> {
    let mut run = Run::new(data, setup, strategy)?;
    run.advance(usize::MAX)?;
    Ok(run.finish())
}

#[cfg(test)]
mod tests;
