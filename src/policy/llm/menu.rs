//! Everything that may be done at this tick, each with an id and the sizes it may have.

use super::rules;
use crate::domain::account::Position;
use crate::domain::action::Action;
use crate::domain::context::Context;
use crate::domain::decision::Candidate;
use crate::domain::instrument::Instrument;
use crate::domain::settings::Settings;
use crate::domain::ticks::{min_size, size_step};
use crate::market::candidates::candidates;
use crate::policy::{free, is_working, room, short_calls};
use rust_decimal::Decimal;

/// Calls a model is shown: the best by the rules' score.
const CALLS_MAX: usize = 12;

/// The choices of one tick. `nothing` is always the first.
#[derive(Clone, Debug, PartialEq)]
pub struct Menu {
    pub choices: Vec<Choice>,
    /// Every call of the chain, ranked by the rules, as a decision keeps them.
    pub candidates: Vec<Candidate>,
    /// Places in `candidates` of the calls that may be sold, `c1` first.
    pub calls: Vec<usize>,
    /// Short calls that may be bought back, `p1` first.
    pub positions: Vec<Position>,
    /// Why calls can or cannot be opened.
    pub room: String,
}

/// One entry; its action has the largest size there is.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// `nothing`, `c1` sells a call, `p1` buys one back, `p1_c1` rolls.
    pub id: String,
    pub action: Action,
    pub sizes: Bounds,
}

/// Coin. A held rest below the venue's step may be named whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub min: Decimal,
    pub max: Decimal,
    pub step: Decimal,
}

impl Menu {
    pub fn of(context: &Context, settings: &Settings) -> Self {
        let mut candidates = candidates(context, settings);
        let ranked = rules(settings).rank(&mut candidates, context, settings);
        let may_sell = !settings.kill_switch && !settings.close_only;
        let mut calls = free(context, &candidates, ranked);
        calls.truncate(if may_sell { CALLS_MAX } else { 0 });
        // In chain order: a model is not told what the rules think best.
        calls.sort_unstable();
        let (has_room, why) = room(context, settings);
        let idle = |held: &&Position| !is_working(context, &held.instrument);
        let mut menu = Self {
            choices: vec![Choice::nothing()],
            candidates,
            calls,
            positions: short_calls(context).filter(idle).cloned().collect(),
            room: why,
        };
        menu.choices
            .extend(menu.listed(has_room, context, settings));
        menu
    }

    /// False when `nothing` is all there is: a model need not be asked.
    pub fn is_open(&self) -> bool {
        self.choices.len() > 1
    }

    /// The largest size of any choice.
    pub fn size_max(&self) -> Decimal {
        let sizes = self.choices.iter().map(|choice| choice.sizes.max);
        sizes.max().unwrap_or_default()
    }

    fn listed(&self, has_room: bool, context: &Context, settings: &Settings) -> Vec<Choice> {
        let calls = || (1..).zip(self.calls.iter().map(|at| self.candidates[*at].instrument));
        let opens = calls().filter(|_| has_room);
        let mut choices: Vec<Choice> = opens
            .map(|(n, call)| Choice::open(n, call, settings.order_size(context.coin)))
            .collect();
        for (p, held) in (1..).zip(&self.positions) {
            choices.push(Choice::close(p, held));
            choices.extend(calls().filter_map(|(n, call)| Choice::roll(p, held, n, call)));
        }
        choices
    }
}

impl Choice {
    fn nothing() -> Self {
        Self {
            id: "nothing".to_owned(),
            action: Action::DoNothing,
            sizes: Bounds {
                min: Decimal::ZERO,
                max: Decimal::ZERO,
                step: Decimal::ONE,
            },
        }
    }

    fn open(n: usize, instrument: Instrument, size: Decimal) -> Self {
        Self {
            id: format!("c{n}"),
            action: Action::OpenCoveredCall { instrument, size },
            sizes: Bounds::of(&instrument, size),
        }
    }

    fn close(p: usize, held: &Position) -> Self {
        let (instrument, size) = (held.instrument, -held.size);
        Self {
            id: format!("p{p}"),
            action: Action::CloseCoveredCall { instrument, size },
            sizes: Bounds::of(&instrument, size),
        }
    }

    /// What is sold has to be of a size the venue takes, so a rest below it cannot be rolled.
    fn roll(p: usize, held: &Position, n: usize, to: Instrument) -> Option<Self> {
        let size = -held.size;
        let whole = size >= min_size(to.coin, to.style);
        let from = held.instrument;
        whole.then(|| Self {
            id: format!("p{p}_c{n}"),
            action: Action::RollCoveredCall { from, to, size },
            sizes: Bounds::of(&to, size),
        })
    }
}

impl Bounds {
    fn of(call: &Instrument, max: Decimal) -> Self {
        Self {
            min: min_size(call.coin, call.style).min(max),
            max,
            step: size_step(call.coin, call.style),
        }
    }

    /// What is wrong with a size, in words; `None` when nothing is.
    pub fn problem(&self, size: Decimal) -> Option<String> {
        let Self { min, max, step } = *self;
        if size < min || size > max {
            return Some(if min == max {
                format!("must be {max}, not {size}")
            } else {
                format!("must be between {min} and {max}, not {size}")
            });
        }
        let fits = size == max || (size % step).is_zero();
        (!fits).then(|| format!("must be a multiple of {step}, not {size}"))
    }
}
