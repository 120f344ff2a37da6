//! The gate: a proposed action against the book and the limits, every check a stored line.
//!
//! The twelve checks, always in the same order, on the state *after* each leg; reasons
//! accumulate. What reduces risk is never refused over a limit: a close and the buy-back half of a
//! roll are measured against checks 2 and 4 to 12 like anything else, but a line over its limit says
//! `exempt`. The opening half of a roll is checked on the state after the buy-back; when it is refused
//! the buy-back still goes through, as a desk that must get out of a call does: the final action
//! is then CLOSE of the old call, approved, with the refusal beside it. Only an incomplete action (check 1)
//! can stop a close, because there would be nothing to buy back.

mod book;
mod checks;
mod complete;
mod lines;

use crate::domain::account::Position;
use crate::domain::action::Action;
use crate::domain::context::Context;
use crate::domain::decision::RiskLine;
use crate::domain::instrument::Instrument;
use crate::domain::order::{Intent, Leg};
use crate::domain::settings::Settings;
use book::Book;
use lines::Lines;
use rust_decimal::Decimal;

/// Proof that risk approved the value; its only constructor is private to this module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    pub fn get(&self) -> &T {
        &self.0
    }

    pub fn into_inner(self) -> T {
        self.0
    }

    /// Stands in for a verdict where the order is what is tested.
    #[cfg(test)]
    pub(crate) fn for_test(value: T) -> Self {
        Self(value)
    }
}

/// What risk made of an action.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Every check in order, leg by leg.
    pub lines: Vec<RiskLine>,
    /// The final action may be carried out; false only when all of it was refused.
    pub approved: bool,
    /// Every reason for which something was refused; also set when a roll became a close.
    pub refusal: Option<String>,
    /// What execution may send, the closing leg first; empty for DO_NOTHING.
    pub intents: Vec<Approved<Intent>>,
    /// The proposed action, CLOSE for a roll whose opening half was refused, DO_NOTHING when refused.
    pub final_action: Action,
}

/// Checks one action against the context's account, positions, orders and quotes.
///
/// `decision` is the id of the decision row: an opened call starts the roll chain of that name, the legs
/// of a roll and a close carry on the chain of the position they buy back.
pub fn check(context: &Context, settings: &Settings, action: &Action, decision: &str) -> Verdict {
    match *action {
        Action::DoNothing => nothing(context, settings),
        Action::OpenCoveredCall { instrument, size } => {
            open(context, settings, instrument, size, decision)
        }
        Action::CloseCoveredCall { instrument, size } => close(context, settings, instrument, size),
        Action::RollCoveredCall { from, to, size } => roll(context, settings, from, to, size),
    }
}

fn nothing(context: &Context, settings: &Settings) -> Verdict {
    let mut lines = Lines::reducing("action");
    complete::nothing(&mut lines);
    checks::switches(&mut lines, settings);
    lines.state(
        "do_nothing",
        true,
        Some(format!("nothing is traded in {}", context.coin).into()),
    );
    Verdict {
        lines: lines.rows,
        approved: true,
        refusal: None,
        intents: Vec::new(),
        final_action: Action::DoNothing,
    }
}

fn open(
    context: &Context,
    settings: &Settings,
    instrument: Instrument,
    size: Decimal,
    decision: &str,
) -> Verdict {
    let mut lines = Lines::opening(Leg::Open.as_str());
    complete::sale(&mut lines, context, &instrument, size);
    let after = Book::of(context).sell(context, &instrument, size);
    checks::all(&mut lines, context, settings, &instrument, &after);
    let intents = vec![intent(Leg::Open, instrument, size, decision)];
    finish(lines, Action::OpenCoveredCall { instrument, size }, intents)
}

fn close(context: &Context, settings: &Settings, instrument: Instrument, size: Decimal) -> Verdict {
    let (lines, _, chain) = buy_back(context, settings, Leg::Close, instrument, size);
    let intents = vec![intent(Leg::Close, instrument, size, &chain)];
    finish(
        lines,
        Action::CloseCoveredCall { instrument, size },
        intents,
    )
}

fn roll(
    context: &Context,
    settings: &Settings,
    from: Instrument,
    to: Instrument,
    size: Decimal,
) -> Verdict {
    let (closing, book, chain) = buy_back(context, settings, Leg::RollClose, from, size);
    let mut opening = Lines::opening(Leg::RollOpen.as_str());
    complete::sale(&mut opening, context, &to, size);
    if from == to {
        opening.state(
            "roll_target",
            false,
            Some(format!("{to} cannot be rolled into itself").into()),
        );
    }
    let after = book.sell(context, &to, size);
    checks::all(&mut opening, context, settings, &to, &after);
    let opening_refusal = opening.refusal();
    let close_intent = intent(Leg::RollClose, from, size, &chain);
    let mut verdict = if opening_refusal.is_none() {
        let intents = vec![close_intent, intent(Leg::RollOpen, to, size, &chain)];
        finish(closing, Action::RollCoveredCall { from, to, size }, intents)
    } else {
        let action = Action::CloseCoveredCall {
            instrument: from,
            size,
        };
        let close_intent = intent(Leg::Close, from, size, &chain);
        finish(closing, action, vec![close_intent])
    };
    verdict.lines.extend(opening.rows);
    let reasons: Vec<String> = verdict.refusal.into_iter().chain(opening_refusal).collect();
    verdict.refusal = (!reasons.is_empty()).then(|| reasons.join("; "));
    verdict
}

/// The closing leg: its lines, the book after it, and the roll chain it belongs to.
fn buy_back(
    context: &Context,
    settings: &Settings,
    leg: Leg,
    instrument: Instrument,
    size: Decimal,
) -> (Lines, Book, String) {
    let held = held(context, &instrument);
    let mut lines = Lines::reducing(leg.as_str());
    complete::buy_back(&mut lines, context, &instrument, held, size);
    let after = Book::of(context).buy_back(context, &instrument, size);
    checks::all(&mut lines, context, settings, &instrument, &after);
    let chain = held.map_or_else(String::new, |position| position.chain.clone());
    (lines, after, chain)
}

fn held<'a>(context: &'a Context, instrument: &Instrument) -> Option<&'a Position> {
    let mut positions = context.positions.iter();
    positions.find(|held| held.instrument == *instrument && held.size < Decimal::ZERO)
}

fn intent(leg: Leg, instrument: Instrument, size: Decimal, chain: &str) -> Intent {
    Intent {
        instrument,
        leg,
        size,
        chain: chain.to_owned(),
    }
}

/// The only place where an intent becomes approved: no line of it refused.
fn finish(lines: Lines, action: Action, intents: Vec<Intent>) -> Verdict {
    let refusal = lines.refusal();
    let approved = refusal.is_none();
    let intents = intents.into_iter().filter(|_| approved);
    Verdict {
        lines: lines.rows,
        approved,
        refusal,
        intents: intents.map(Approved).collect(),
        final_action: if approved { action } else { Action::DoNothing },
    }
}

#[cfg(test)]
mod tests;
