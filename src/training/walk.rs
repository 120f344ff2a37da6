//! The walk over one underlying: every profile with a book of its own, snapshot by snapshot in step.
//!
//! A row is complete when its book decides next, so each book has one row that waits. A walk stops between
//! any two snapshots and goes on from its [`WalkState`] with the same rows.

mod book;
mod live;

pub use live::Missed;

use super::plan::Plan;
use super::row::Row;
use super::split::{Split, Splits};
use crate::backtest::{Data, Run, RunError, Setup, Snapshot, State, Strategy};
use crate::domain::instrument::Instrument;
use book::Book;
use serde::{Deserialize, Serialize};

/// Where a walk is: what a checkpoint stores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WalkState {
    /// Snapshots done.
    pub done: usize,
    lanes: Vec<LaneState>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct LaneState {
    run: State,
    book: book::BookState,
}

/// One underlying to be walked.
#[derive(Debug)]
pub struct Walk<'a> {
    data: &'a Data,
    plan: &'a Plan,
    splits: Splits,
    snapshots: &'a [Snapshot],
    /// Snapshots will follow that are not among the data yet.
    goes_on: bool,
}

impl<'a> Walk<'a> {
    pub fn new(data: &'a Data, plan: &'a Plan, splits: Splits) -> Self {
        let snapshots = data.between(plan.setup.from_ms, plan.setup.to_ms);
        Self {
            data,
            plan,
            splits,
            snapshots,
            goes_on: false,
        }
    }

    /// Snapshots of the whole walk.
    pub fn steps(&self) -> usize {
        self.snapshots.len()
    }

    /// Takes up to `count` snapshots; the rows completed by them go to `rows`. True when the last is done.
    pub fn advance(
        &self,
        state: &mut WalkState,
        count: usize,
        rows: &mut Vec<Row>,
    ) -> Result<bool, RunError> {
        let setups: Vec<Setup> = self.setups();
        let mut lanes = self.lanes(&setups, std::mem::take(&mut state.lanes))?;
        let end = state.done.saturating_add(count).min(self.snapshots.len());
        for at in state.done..end {
            self.step(at, &mut lanes, rows)?;
        }
        state.done = end;
        state.lanes = lanes.into_iter().map(Lane::into_state).collect();
        Ok(end == self.snapshots.len())
    }

    fn setups(&self) -> Vec<Setup> {
        let profiles = self.plan.profiles.iter();
        profiles
            .map(|(_, profile)| self.plan.setup_of(self.data.coin, profile))
            .collect()
    }

    fn lanes<'s>(
        &'s self,
        setups: &'s [Setup],
        mut states: Vec<LaneState>,
    ) -> Result<Vec<Lane<'s>>, RunError> {
        states.resize_with(setups.len(), LaneState::default);
        let profiles = self.plan.profiles.iter().zip(setups).zip(states);
        profiles
            .map(|(((name, profile), setup), state)| {
                Ok(Lane {
                    run: Run::resume(self.data, setup, Strategy::Policy, state.run)?,
                    book: Book::new(self.plan, self.data.coin, name, profile, state.book),
                    setup,
                })
            })
            .collect()
    }

    fn step<'s>(
        &'s self,
        at: usize,
        lanes: &mut [Lane<'s>],
        rows: &mut Vec<Row>,
    ) -> Result<(), RunError> {
        let snapshot = &self.snapshots[at];
        let split = self.splits.of(snapshot.chain.at_ms);
        let mut tick = Tick {
            split,
            until_ms: self.until_ms(split),
            taken: Vec::new(),
            rows,
        };
        let next = self.snapshots.get(at + 1);
        let last = next.map_or(!self.goes_on, |next| {
            self.splits.of(next.chain.at_ms) != split
        });
        for lane in lanes {
            let book = &mut lane.book;
            let stepped = lane
                .run
                .advance_by(self.plan.ladder, &mut |input| book.decide(input, &mut tick));
            match stepped {
                Ok(()) => lane.run.forget(),
                Err(error) => {
                    book.fail(snapshot, &error.to_string(), &mut tick);
                    let fresh = State::fresh(at + 1);
                    lane.run = Run::resume(self.data, lane.setup, Strategy::Policy, fresh)?;
                }
            }
            if let Some(context) = lane.run.context_now().filter(|_| last) {
                lane.book.cut(&context, tick.rows);
            }
        }
        Ok(())
    }

    /// Calls that expire later would be open when the split ends. The last one ends with the data.
    fn until_ms(&self, split: Split) -> i64 {
        if self.goes_on {
            return self
                .splits
                .end_ms(split)
                .map_or(i64::MAX, |end_ms| end_ms - 1);
        }
        let after = self
            .snapshots
            .partition_point(|one| self.splits.of(one.chain.at_ms) <= split);
        if after == self.snapshots.len() {
            return i64::MAX;
        }
        self.snapshots[..after]
            .last()
            .map_or(i64::MAX, |last| last.chain.at_ms)
    }
}

/// One profile under way.
struct Lane<'a> {
    run: Run<'a>,
    book: Book<'a>,
    setup: &'a Setup,
}

impl Lane<'_> {
    fn into_state(self) -> LaneState {
        LaneState {
            run: self.run.into_state(),
            book: self.book.into_state(),
        }
    }
}

/// What the profiles share at one instant.
struct Tick<'t> {
    split: Split,
    until_ms: i64,
    /// Contracts proposed so far: none is sold by two profiles.
    taken: Vec<Instrument>,
    rows: &'t mut Vec<Row>,
}
