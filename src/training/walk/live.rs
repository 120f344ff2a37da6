//! Books that go on with a market whose next snapshot nobody has seen: a step as each comes.
//!
//! The data of a step hold its snapshot and, before it, that of the step before. What a step does is what
//! it does in a walk over all of them.

use super::{Book, Lane, LaneState, Tick, Walk, WalkState};
use crate::backtest::{Data, RunError};
use crate::domain::coin::Coin;
use crate::training::plan::Plan;
use crate::training::row::Row;
use crate::training::split::Splits;

/// A step in which no profile could decide.
#[derive(Clone, Copy, Debug)]
pub struct Missed<'e> {
    pub at_ms: i64,
    /// The last one known, USD.
    pub index_price: f64,
    pub error: &'e str,
}

impl<'a> Walk<'a> {
    /// Over the step before and the one to be taken.
    pub fn live(data: &'a Data, plan: &'a Plan, splits: Splits) -> Self {
        Self {
            goes_on: true,
            ..Self::new(data, plan, splits)
        }
    }

    /// Decides at the last snapshot; rows of the step before are complete then.
    pub fn tick(&self, state: &mut WalkState, rows: &mut Vec<Row>) -> Result<(), RunError> {
        state.stand_at(self.snapshots.len().saturating_sub(1));
        self.advance(state, 1, rows).map(drop)
    }

    /// Ends every episode with the book right after the last snapshot, at which all have decided.
    pub fn cut(&self, state: &mut WalkState, rows: &mut Vec<Row>) -> Result<(), RunError> {
        state.stand_at(self.snapshots.len());
        let setups = self.setups();
        let mut lanes = self.lanes(&setups, std::mem::take(&mut state.lanes))?;
        for lane in &mut lanes {
            if let Some(context) = lane.run.context_now() {
                lane.book.cut(&context, rows);
            }
        }
        state.lanes = lanes.into_iter().map(Lane::into_state).collect();
        Ok(())
    }
}

impl WalkState {
    /// An error row for every profile.
    pub fn miss(
        &mut self,
        (plan, coin, splits): (&Plan, Coin, Splits),
        missed: &Missed<'_>,
        rows: &mut Vec<Row>,
    ) {
        let split = splits.of(missed.at_ms);
        let mut tick = Tick {
            split,
            until_ms: i64::MAX,
            taken: Vec::new(),
            rows,
        };
        self.lanes
            .resize_with(plan.profiles.len(), LaneState::default);
        for ((name, profile), lane) in plan.profiles.iter().zip(&mut self.lanes) {
            let mut book = Book::new(plan, coin, name, profile, std::mem::take(&mut lane.book));
            book.miss(missed, &mut tick);
            lane.book = book.into_state();
        }
    }

    /// Expiries of the calls that any profile holds, up to an instant.
    pub fn expired(&self, until_ms: i64) -> Vec<i64> {
        let held = self.lanes.iter().flat_map(|lane| lane.run.expiries());
        let mut expired: Vec<i64> = held.filter(|expiry_ms| *expiry_ms <= until_ms).collect();
        expired.sort_unstable();
        expired.dedup();
        expired
    }

    /// Counts steps from the first snapshot of the data at hand.
    fn stand_at(&mut self, done: usize) {
        self.done = done;
        for lane in &mut self.lanes {
            lane.run.done = done;
        }
    }
}
