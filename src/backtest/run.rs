//! The loop: settle, explain, decide, mark, one snapshot after the other.
//!
//! Each decision is the desk's own [`step`](crate::step) on a context made as the live desk makes it; the
//! book is folded from the fills and settlements that follow. A run stops between any two steps and goes
//! on from its [`State`] with the same numbers.

mod rerun;
mod step;

pub use rerun::{Again, Happened, Opening, Rules, rerun};

use super::attribution::{Attribution, Held};
use super::data::{Data, Snapshot};
use super::ledger::Ledger;
use super::outcome::{Counts, Point, Taken};
use super::setup::Setup;
use super::strategy::Strategy;
use super::{Outcome, RunError};
use crate::domain::chain::Chain;
use crate::domain::context::Context;
use crate::domain::instrument::Instrument;
use crate::domain::money;
use crate::domain::order::{Fill, Settlement};
use crate::domain::portfolio::Portfolio;
use crate::domain::settings::Settings;
use crate::fills;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use step::Decide;

/// One run over the snapshots of its range.
#[derive(Debug)]
pub struct Run<'a> {
    data: &'a Data,
    setup: &'a Setup,
    settings: Settings,
    strategy: Strategy<'a>,
    steps: &'a [Snapshot],
    portfolio: Portfolio,
    state: State,
    /// Id of the decision being made; its text is reused.
    decision: String,
}

/// Everything a run has done so far: what a checkpoint stores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Steps done.
    pub done: usize,
    pub(super) events: Vec<Event>,
    pub(super) ledger: Ledger,
    pub(super) points: Vec<Point>,
    pub(super) taken: Vec<Taken>,
    pub(super) attribution: Attribution,
    pub(super) counts: Counts,
    held: Vec<Held>,
    last_slot: Option<i64>,
    /// First millisecond of the day and the highest equity since, coin.
    day: i64,
    day_peak: f64,
}

impl State {
    /// Expiries of the calls held after the last step, milliseconds.
    pub fn expiries(&self) -> impl Iterator<Item = i64> {
        self.held.iter().map(|held| held.instrument.expiry_ms)
    }

    /// A fresh book before step `done`.
    pub fn fresh(done: usize) -> Self {
        Self {
            done,
            ..Self::default()
        }
    }

    /// The decisions so far, oldest first.
    pub fn taken(&self) -> &[Taken] {
        &self.taken
    }
}

/// A change of the book, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Event {
    Fill(Fill, String, u32),
    Settlement(Settlement),
}

impl<'a> Run<'a> {
    /// At its first step.
    pub fn new(data: &'a Data, setup: &'a Setup, strategy: Strategy<'a>) -> Result<Self, RunError> {
        Self::resume(data, setup, strategy, State::default())
    }

    /// At the step after the last one of `state`, which must come from the same data and setup.
    pub fn resume(
        data: &'a Data,
        setup: &'a Setup,
        strategy: Strategy<'a>,
        state: State,
    ) -> Result<Self, RunError> {
        setup.check()?;
        if data.coin != setup.underlying {
            return Err(RunError::OtherCoin(data.coin, setup.underlying));
        }
        let steps = data.between(setup.from_ms, setup.to_ms);
        if steps.is_empty() || state.done > steps.len() {
            return Err(RunError::NoSnapshots(data.coin));
        }
        let mut portfolio = Portfolio::default();
        portfolio.deposit(data.coin.as_str(), setup.coin());
        for event in &state.events {
            match event {
                Event::Fill(fill, chain, rolls) => portfolio.fill(fill, chain, *rolls),
                Event::Settlement(settlement) => portfolio.settle(settlement),
            }
        }
        Ok(Self {
            data,
            setup,
            settings: setup.settings(),
            strategy,
            steps,
            portfolio,
            state,
            decision: String::new(),
        })
    }

    /// Takes up to `count` steps; true when the last one is done.
    pub fn advance(&mut self, count: usize) -> Result<bool, RunError> {
        let end = self.state.done.saturating_add(count).min(self.steps.len());
        let (strategy, policy) = (self.strategy, self.setup.policy);
        strategy.check(policy)?;
        for at in self.state.done..end {
            self.step(&self.steps[at], 1, &mut |input| {
                strategy.step(policy, input)
            })?;
            self.state.done = at + 1;
        }
        Ok(end == self.steps.len())
    }

    /// Takes the steps that are left, each on a chain made when it is due by (instant, book before the
    /// step): of a market that is computed, only what the step can look at need be.
    pub fn advance_on(
        &mut self,
        mut chain: impl FnMut(i64, &Portfolio) -> Chain,
    ) -> Result<(), RunError> {
        let (strategy, policy) = (self.strategy, self.setup.policy);
        strategy.check(policy)?;
        for at in self.state.done..self.steps.len() {
            let known = &self.steps[at];
            let snapshot = Snapshot {
                chain: Arc::new(chain(known.chain.at_ms, &self.portfolio)),
                features: known.features.clone(),
            };
            self.step(&snapshot, 1, &mut |input| strategy.step(policy, input))?;
            self.state.done = at + 1;
        }
        Ok(())
    }

    /// The next snapshot with decisions by the caller, who sees what each depends on: up to `most` of them,
    /// each on the book that the one before left, until one does not trade.
    pub fn advance_by(&mut self, most: u32, by: &mut Decide<'_>) -> Result<(), RunError> {
        let at = self.state.done;
        self.step(&self.steps[at], most, by)?;
        self.state.done = at + 1;
        Ok(())
    }

    /// What a decision would be shown right after the last step.
    pub fn context_now(&self) -> Option<Context> {
        let snapshot = self.last()?;
        let account = fills::account(&self.portfolio, self.data.coin, &snapshot.chain);
        Some(self.context(snapshot, &account))
    }

    /// The snapshots of the range.
    pub fn snapshots(&self) -> &'a [Snapshot] {
        self.steps
    }

    /// Forgets what no later step reads, so that the state of a run whose rows are kept elsewhere stays small.
    pub fn forget(&mut self) {
        self.state.taken.clear();
        let points = &mut self.state.points;
        points.drain(..points.len().saturating_sub(1));
    }

    /// Steps of the whole run.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// Instant of the last step done, milliseconds.
    pub fn at_ms(&self) -> Option<i64> {
        self.state.points.last().map(|point| point.at_ms)
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    pub fn into_state(self) -> State {
        self.state
    }

    /// What the steps done so far came to; what is open is valued at its last mark.
    pub fn finish(mut self) -> Outcome {
        if let (Some(last), Some(snapshot)) = (self.state.points.last(), self.last()) {
            let chain = &snapshot.chain;
            let mark = |call: &Instrument| {
                money::decimal(fills::mark(call, chain).unwrap_or(0.0)).unwrap_or_default()
            };
            let (at_ms, index) = (last.at_ms, last.index_price);
            self.state.ledger.end(at_ms, index, mark);
        }
        Outcome::new(self.data, self.setup, self.state)
    }

    fn last(&self) -> Option<&'a Snapshot> {
        self.state.done.checked_sub(1).map(|at| &self.steps[at])
    }
}
