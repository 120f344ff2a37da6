//! One step of a run.

use super::{Event, Run};
use crate::backtest::RunError;
use crate::backtest::attribution::{Causes, Held, Value};
use crate::backtest::data::Snapshot;
use crate::backtest::ledger::{Sale, Trigger};
use crate::backtest::outcome::{Point, Taken};
use crate::domain::account::Account;
use crate::domain::action::Action;
use crate::domain::chain::Chain;
use crate::domain::context::Context;
use crate::domain::instrument::{DAY_MS, Instrument};
use crate::domain::money::{self, float};
use crate::domain::order::{Fill, Intent, Leg, Side};
use crate::domain::settings::FeeModel;
use crate::fills::{self, settle};
use crate::policy;
use crate::risk::Approved;
use crate::step::{Step, StepInput};
use rust_decimal::Decimal;
use std::fmt::Write as _;
use std::sync::Arc;

/// Makes a step of what a decision may depend on.
pub(super) type Decide<'d> = dyn FnMut(&StepInput<'_>) -> Step + 'd;

impl Run<'_> {
    /// Decides again on the book as it is then while the decision before traded, up to `most` times.
    pub(super) fn step(
        &mut self,
        snapshot: &Snapshot,
        most: u32,
        by: &mut Decide<'_>,
    ) -> Result<(), RunError> {
        let chain: &Chain = &snapshot.chain;
        let mut causes = Causes::default();
        self.explain(chain, &mut causes)?;
        self.settle(chain.at_ms, &mut causes)?;
        let mut account = fills::account(&self.portfolio, self.data.coin, chain);
        let slot = chain.at_ms.div_euclid(self.setup.interval_ms);
        if self.state.last_slot != Some(slot) {
            self.state.last_slot = Some(slot);
            for nth in 0..most {
                if !self.decide(snapshot, &account, &mut causes, nth, by) {
                    break;
                }
                account = fills::account(&self.portfolio, self.data.coin, chain);
            }
        }
        self.mark(snapshot, &account, &causes);
        Ok(())
    }

    /// Revalues what was held since the step before, up to now or to its delivery.
    fn explain(&mut self, chain: &Chain, causes: &mut Causes) -> Result<(), RunError> {
        for held in &self.state.held {
            let call = &held.instrument;
            let now = if call.expiry_ms <= chain.at_ms {
                let price = self.data.delivery(call.expiry_ms)?;
                Value {
                    at_ms: call.expiry_ms,
                    mark: (price - call.strike()).max(0.0) / price,
                    forward: price,
                    vol: held.value.vol,
                }
            } else {
                value(call, chain)
            };
            held.moved(&now, causes);
        }
        Ok(())
    }

    fn settle(&mut self, at_ms: i64, causes: &mut Causes) -> Result<(), RunError> {
        // One at a time: the book changes with each.
        while let Some((call, size)) = self.expired(at_ms) {
            let price = self.data.delivery(call.expiry_ms)?;
            let price = money::decimal(price).unwrap_or_default();
            let mut settlement = settle(&call, size, price);
            if self.settings.fee_model == FeeModel::None {
                settlement.fee = Decimal::ZERO;
            }
            causes.fees -= float(settlement.fee);
            self.state.ledger.settle(&settlement);
            self.portfolio.settle(&settlement);
            self.state.events.push(Event::Settlement(settlement));
        }
        Ok(())
    }

    fn expired(&self, at_ms: i64) -> Option<(Instrument, Decimal)> {
        let mut held = self.portfolio.positions();
        let expired = held.find(|held| held.instrument.expiry_ms <= at_ms)?;
        Some((expired.instrument, expired.size))
    }

    /// One decision on what was known; true when it traded.
    fn decide(
        &mut self,
        snapshot: &Snapshot,
        account: &Account,
        causes: &mut Causes,
        nth: u32,
        by: &mut Decide<'_>,
    ) -> bool {
        let context = self.context(snapshot, account);
        self.decision.clear();
        let _ = write!(self.decision, "{}-{}", context.coin, context.as_of_ms);
        if nth > 0 {
            let _ = write!(self.decision, "-{nth}");
        }
        let input = StepInput {
            context: &context,
            settings: &self.settings,
            seed: &self.setup.seed,
            decision: &self.decision,
        };
        let step = by(&input);
        self.state.counts.decisions += 1;
        let intents: Vec<Intent> = step
            .verdict
            .intents
            .iter()
            .map(Approved::get)
            .cloned()
            .collect();
        for intent in &intents {
            match fill_of(intent, &step.fills) {
                Some(fill) => self.book(fill, intent, &context, &step, causes),
                None => self.state.counts.unfilled += 1,
            }
        }
        let traded = !step.fills.is_empty();
        self.state.taken.push(Taken::of(&context, step));
        traded
    }

    /// As the live desk gathers it, with nothing later than the snapshot.
    pub(super) fn context(&self, snapshot: &Snapshot, account: &Account) -> Context {
        let chain = &snapshot.chain;
        let today = chain.at_ms - chain.at_ms.rem_euclid(DAY_MS);
        let peak = if self.state.day == today {
            self.state.day_peak
        } else {
            f64::MIN
        };
        Context {
            coin: chain.coin,
            as_of_ms: chain.at_ms,
            index_price: chain.index_price,
            account: *account,
            positions: self.portfolio.positions().cloned().collect(),
            working: Vec::new(),
            features: snapshot.features.clone(),
            day_peak_equity: Some(peak.max(account.equity)),
            orders_last_minute: 0,
            chain: Arc::clone(chain),
        }
    }

    fn book(
        &mut self,
        fill: &Fill,
        intent: &Intent,
        context: &Context,
        step: &Step,
        causes: &mut Causes,
    ) {
        let call = &fill.instrument;
        let price = float(fill.price);
        let mark = fills::mark(call, &context.chain).unwrap_or(price);
        let away = -float(fill.side.sign()) * float(fill.size) * (price - mark);
        match intent.leg {
            Leg::Open => causes.spread += away,
            Leg::Close | Leg::RollClose | Leg::RollOpen => causes.roll_cost += away,
        }
        causes.fees -= float(fill.fee);
        if fill.side == Side::Buy {
            let held = context
                .positions
                .iter()
                .find(|held| held.instrument == *call);
            let due = held.and_then(|held| policy::due(held, context, &self.settings));
            let trigger = Trigger::of(due.map(|due| due.trigger));
            self.state.ledger.buy(fill, trigger);
        } else {
            let quote = context.chain.quote(call);
            let mut calls = step.decision.candidates.iter();
            let sale = Sale {
                chain: &intent.chain,
                candidate: calls.find(|candidate| candidate.instrument == *call),
                delta: quote.and_then(|quote| quote.delta),
                iv: quote.and_then(|quote| quote.mark_iv),
                regime: context.features.regime,
            };
            self.state.ledger.sell(fill, &sale);
        }
        let rolls = self.state.ledger.rolls(&intent.chain);
        self.portfolio.fill(fill, &intent.chain, rolls);
        let event = Event::Fill(fill.clone(), intent.chain.clone(), rolls);
        self.state.events.push(event);
    }

    /// Values the book at the end of the step and remembers at what.
    fn mark(&mut self, snapshot: &Snapshot, account: &Account, causes: &Causes) {
        let chain: &Chain = &snapshot.chain;
        let before = self.state.points.last();
        let equity = before.map_or_else(|| float(self.setup.coin()), |point| point.equity);
        let from = before.map_or(chain.index_price, |point| point.index_price);
        let attribution = &mut self.state.attribution;
        attribution.step(causes, equity, from, chain.index_price);
        self.state.held.clear();
        for held in self.portfolio.positions() {
            self.state.held.push(Held {
                instrument: held.instrument,
                size: float(held.size),
                value: value(&held.instrument, chain),
            });
        }
        let mark = |call: &Instrument| fills::mark(call, chain).unwrap_or(0.0);
        self.state.ledger.mark(mark);
        let today = chain.at_ms - chain.at_ms.rem_euclid(DAY_MS);
        if self.state.day != today {
            (self.state.day, self.state.day_peak) = (today, f64::MIN);
        }
        // To 1e-8, as the rows of the live desk keep it.
        let kept = money::decimal(account.equity).map_or(account.equity, float);
        self.state.day_peak = self.state.day_peak.max(kept);
        self.state.points.push(Point {
            at_ms: chain.at_ms,
            index_price: chain.index_price,
            balance: account.balance,
            option_value: account.option_value,
            equity: account.equity,
            short_calls: self.portfolio.short_calls(chain.coin),
            regime: snapshot.features.regime,
        });
    }
}

/// A contract that the chain does not quote is worth nothing there, as in the account.
fn value(call: &Instrument, chain: &Chain) -> Value {
    let quote = chain.quote(call);
    let mark = fills::mark(call, chain);
    Value {
        at_ms: chain.at_ms,
        mark: mark.unwrap_or(0.0),
        forward: quote.map_or(0.0, |quote| quote.underlying_price),
        vol: quote
            .filter(|quote| mark.is_some() && quote.underlying_price > 0.0)
            .and_then(|quote| quote.mark_iv)
            .filter(|vol| *vol > 0.0),
    }
}

fn fill_of<'f>(intent: &Intent, fills: &'f [Fill]) -> Option<&'f Fill> {
    fills
        .iter()
        .find(|fill| fill.instrument == intent.instrument && fill.side == intent.leg.side())
}

impl Taken {
    fn of(context: &Context, step: Step) -> Self {
        let idle = step.decision.proposed == Action::DoNothing;
        Self {
            at_ms: context.as_of_ms,
            proposed: step.decision.proposed,
            final_action: step.verdict.final_action,
            propensity: step.decision.propensity,
            explored: step.decision.explored,
            reason: if idle {
                String::new()
            } else {
                step.decision.reason
            },
            refusal: step.verdict.refusal,
            fills: step.fills.len() as u32,
            answered: step.answered,
        }
    }
}
