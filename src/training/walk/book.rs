//! One profile's steps: what it decides, and the row that waits for what follows.

use super::{Missed, Tick};
use crate::backtest::Snapshot;
use crate::clock::Random;
use crate::domain::account::Position;
use crate::domain::action::Action;
use crate::domain::coin::Coin;
use crate::domain::context::Context;
use crate::domain::instrument::DAY_MS;
use crate::domain::math::pow;
use crate::domain::order::Side;
use crate::domain::settings::Settings;
use crate::policy::profiles::{Closed, Profile};
use crate::step::{Step, StepInput, carry_out};
use crate::training::actions::Legal;
use crate::training::features::{json, observe, unknown};
use crate::training::plan::Plan;
use crate::training::rewards::Worth;
use crate::training::row::{Followed, Offer, Row, Taken};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct BookState {
    episode: u64,
    step: u64,
    waiting: Option<Row>,
}

pub(super) struct Book<'a> {
    plan: &'a Plan,
    coin: Coin,
    name: &'a str,
    profile: &'a Profile,
    settings: Settings,
    state: BookState,
}

impl<'a> Book<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        coin: Coin,
        name: &'a str,
        profile: &'a Profile,
        state: BookState,
    ) -> Self {
        let settings = plan.settings_of(coin, profile);
        Self {
            plan,
            coin,
            name,
            profile,
            settings,
            state,
        }
    }

    pub(super) fn into_state(self) -> BookState {
        self.state
    }

    /// Completes the row before, decides, and leaves a row that waits. The action has a verdict and fills of
    /// its own.
    pub(super) fn decide(&mut self, input: &StepInput<'_>, tick: &mut Tick<'_>) -> Step {
        let context = input.context;
        self.follow(context, false, tick.rows);
        let closed = Closed {
            taken: &tick.taken,
            until_ms: tick.until_ms,
        };
        let random = || Random::from_parts(&[input.seed, self.name, input.decision]);
        let settings = &self.settings;
        let choice = self.profile.decide(context, settings, closed, random);
        let can_sell = choice.legal.iter().any(|legal| *legal);
        let step = carry_out(&StepInput { settings, ..*input }, choice.decision);
        if let Action::OpenCoveredCall { instrument, .. }
        | Action::RollCoveredCall { to: instrument, .. } = step.decision.proposed
        {
            tick.taken.push(instrument);
        }
        let calls = step.decision.candidates.iter().zip(choice.legal);
        let row = Row {
            decision: format!("{}-{}", self.name, input.decision),
            chain: self.chain(context, &step, input.decision),
            legal: Legal::of(context, self.plan.ladder, can_sell),
            taken: Some(taken(context, &step)),
            observation: json(&observe(context)),
            offers: calls
                .map(|(call, legal)| Offer {
                    call: call.clone(),
                    legal,
                })
                .collect(),
            ..self.row(context.as_of_ms, context.index_price, tick)
        };
        self.state.waiting = Some(Row {
            price_source: context.chain.source,
            regime: context.features.regime,
            ..row
        });
        self.state.step += 1;
        step
    }

    /// The last row of a split: what follows is the book right after its last step.
    pub(super) fn cut(&mut self, context: &Context, rows: &mut Vec<Row>) {
        self.follow(context, true, rows);
    }

    /// A step that could not be simulated is a row with its error; so is the one before it, whose outcome
    /// nobody knows. The next step starts with a fresh book.
    pub(super) fn fail(&mut self, snapshot: &Snapshot, error: &str, tick: &mut Tick<'_>) {
        if let Some(mut before) = self.state.waiting.take() {
            before.truncated = true;
            before.error = Some(format!("what followed could not be simulated: {error}"));
            tick.rows.push(before);
        }
        let chain = &snapshot.chain;
        let row = Row {
            price_source: chain.source,
            regime: snapshot.features.regime,
            truncated: true,
            error: Some(error.to_owned()),
            ..self.row(chain.at_ms, chain.index_price, tick)
        };
        tick.rows.push(row);
        self.next_episode();
    }

    /// A step in which nobody could decide is a row with its error. The book stays as it is, and the row
    /// before is followed by the next step.
    pub(super) fn miss(&mut self, missed: &Missed<'_>, tick: &mut Tick<'_>) {
        let row = Row {
            error: Some(missed.error.to_owned()),
            ..self.row(missed.at_ms, missed.index_price, tick)
        };
        tick.rows.push(row);
        self.state.step += 1;
    }

    /// Completes the row that waits with what came of it.
    fn follow(&mut self, next: &Context, cut: bool, rows: &mut Vec<Row>) {
        let Some(mut row) = self.state.waiting.take() else {
            return;
        };
        if let Some(taken) = &row.taken {
            let days = (next.as_of_ms - row.at_ms) as f64 / DAY_MS as f64;
            row.followed = Some(Followed {
                rewards: taken.worth.to(worth(next)),
                at_ms: next.as_of_ms,
                observation: json(&observe(next)),
                discount: pow(self.plan.discount_per_day, days),
            });
            row.terminated = taken.in_market && next.positions.is_empty();
        }
        row.truncated = cut && !row.terminated;
        if row.terminated || cut {
            self.next_episode();
        }
        rows.push(row);
    }

    fn next_episode(&mut self) {
        self.state.episode += 1;
        self.state.step = 0;
    }

    /// A row that says when and whose, and nothing else.
    fn row(&self, at_ms: i64, index_price: f64, tick: &Tick<'_>) -> Row {
        Row {
            underlying: self.coin,
            profile: self.name.to_owned(),
            episode: format!("{}-{}-{}", self.name, self.coin, self.state.episode),
            step: self.state.step,
            decision: format!("{}-{}-{at_ms}", self.name, self.coin),
            chain: None,
            at_ms,
            split: tick.split,
            price_source: crate::domain::chain::Source::Missing,
            regime: crate::domain::context::Regime::Unknown,
            index_price,
            observation: json(&unknown()),
            legal: Legal(0),
            taken: None,
            followed: None,
            terminated: false,
            truncated: false,
            error: None,
            offers: Vec::new(),
        }
    }

    /// The roll chain acted on; without an action that of the call that expires next.
    fn chain(&self, context: &Context, step: &Step, decision: &str) -> Option<String> {
        let of = |held: &Position| held.chain.clone();
        let mut held = context.positions.iter();
        let chain = match step.verdict.final_action {
            Action::OpenCoveredCall { .. } if !step.fills.is_empty() => Some(decision.to_owned()),
            Action::RollCoveredCall { from: old, .. }
            | Action::CloseCoveredCall {
                instrument: old, ..
            } => held.find(|held| held.instrument == old).map(of),
            Action::OpenCoveredCall { .. } | Action::DoNothing => held.next().map(of),
        };
        chain.map(|chain| format!("{}-{chain}", self.name))
    }
}

fn taken(context: &Context, step: &Step) -> Taken {
    let sold = step.fills.iter().any(|fill| fill.side == Side::Sell);
    Taken {
        proposed: step.decision.proposed,
        action: step.verdict.final_action,
        propensity: step.decision.propensity,
        explored: step.decision.explored,
        refusal: step.verdict.refusal.clone(),
        fills: step.fills.len() as u32,
        fees: step.fills.iter().map(|fill| fill.fee).sum(),
        worth: worth(context),
        in_market: sold || !context.positions.is_empty(),
    }
}

fn worth(context: &Context) -> Worth {
    Worth {
        equity: context.account.equity,
        index_price: context.index_price,
    }
}
