//! Faults on demand: which call of an exchange goes wrong and how, as a function of a seed.
//!
//! A plan is pure: (plan, number of the call, what kind of call, time) gives the fault or none. The same
//! plan serves calls in the process and calls over HTTP; `super::SimExchange` and `super::http` each
//! carry its decisions out in their own way, and [`Faults`] counts what was injected.

use crate::clock::{Noise, Random};
use crate::domain::instrument::{DAY_MS, EXPIRY_HOUR_MS};
use std::sync::{Arc, Mutex, PoisonError};

/// What goes wrong. Above each: what a desk must survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// The request never arrives and no answer comes. The desk must find out by label that there is no
    /// order before it sends the intent again.
    RequestLost,
    /// Request and answer take their time. An order that arrives after its `valid_until` must be refused
    /// and count as never sent; an answer after the desk's own deadline is no answer.
    AnswerLate,
    /// The request is carried out and the answer lost. The desk must find the order by its label, with
    /// whatever it filled meanwhile, and never send a second one.
    AnswerLost,
    /// The request is carried out twice. Two orders may carry one label: both count for cover, fills of
    /// both belong to the intent, and what is too much is cancelled or reported.
    Duplicate,
    /// 10028: nothing was executed and the connection is closed. The desk must wait for the refill.
    RateLimited,
    /// 10040: nothing was executed; the same request may be sent again.
    Retry,
    /// 10041 in the seconds after 08:00 UTC: no orders, edits or cancels; the desk must come back.
    Settlement,
    /// 11051: nothing works for a while; positions and queue must be the same afterwards.
    Maintenance,
    /// 13028: as maintenance, for one call.
    Unavailable,
    /// A 5xx of a machine in between, before or after the exchange carried the request out: an order's
    /// outcome is unknown.
    ServerError,
    /// A web page instead of JSON, from the same machine: as a 5xx, whatever its status says.
    Html,
    /// The answer ends in the middle: the request was carried out, what it said is unknown.
    Truncated,
    /// Quotes of some time ago, with their old timestamps: a desk must refuse to trade on them.
    StaleQuotes,
    /// Empty sides of the book, or no volatility: nothing may be opened where no bid is.
    MissingQuotes,
    /// The exchange fills a part of an order and cancels the rest by itself: the part is a position.
    PartialThenCancel,
    /// The exchange's clock is ahead or behind for a call: `valid_until` and ages are read in its time.
    ClockSkew,
}

impl FaultKind {
    pub const ALL: [Self; 16] = [
        Self::RequestLost,
        Self::AnswerLate,
        Self::AnswerLost,
        Self::Duplicate,
        Self::RateLimited,
        Self::Retry,
        Self::Settlement,
        Self::Maintenance,
        Self::Unavailable,
        Self::ServerError,
        Self::Html,
        Self::Truncated,
        Self::StaleQuotes,
        Self::MissingQuotes,
        Self::PartialThenCancel,
        Self::ClockSkew,
    ];

    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RequestLost => "request_lost",
            Self::AnswerLate => "answer_late",
            Self::AnswerLost => "answer_lost",
            Self::Duplicate => "duplicate",
            Self::RateLimited => "rate_limited",
            Self::Retry => "retry",
            Self::Settlement => "settlement",
            Self::Maintenance => "maintenance",
            Self::Unavailable => "unavailable",
            Self::ServerError => "server_error",
            Self::Html => "html",
            Self::Truncated => "truncated",
            Self::StaleQuotes => "stale_quotes",
            Self::MissingQuotes => "missing_quotes",
            Self::PartialThenCancel => "partial_then_cancel",
            Self::ClockSkew => "clock_skew",
        }
    }

    /// The exchange's code and message, for kinds that are an orderly refusal.
    pub fn refusal(self) -> Option<(i64, &'static str)> {
        match self {
            Self::RateLimited => Some((10_028, "too_many_requests")),
            Self::Retry => Some((10_040, "retry")),
            Self::Settlement => Some((10_041, "settlement_in_progress")),
            Self::Maintenance => Some((11_051, "system_maintenance")),
            Self::Unavailable => Some((13_028, "temporarily_unavailable")),
            _ => None,
        }
    }

    fn strikes(self, call: CallKind) -> bool {
        match self {
            Self::StaleQuotes | Self::MissingQuotes => call == CallKind::Quotes,
            Self::PartialThenCancel => call == CallKind::Place,
            Self::Duplicate | Self::Settlement => {
                matches!(call, CallKind::Place | CallKind::Change)
            }
            _ => true,
        }
    }
}

/// What a call does, as far as faults tell calls apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// Tokens, time, status, lists: everything that is none of the others.
    Read,
    /// Prices of the market.
    Quotes,
    /// Makes an order.
    Place,
    /// Edits or cancels orders.
    Change,
}

/// One fault with its drawn particulars.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    pub kind: FaultKind,
    /// For kinds that may strike before or after: the request was carried out.
    pub executed: bool,
    /// Lateness, age or skew, milliseconds; negative for a clock that is behind.
    pub by_ms: i64,
    /// What is left: of an answer that is cut off, of the size an order may fill; in (0, 1).
    pub share: f64,
}

/// How often each kind strikes; drawn per call from the seed.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultPlan {
    seed: u64,
    /// Only this call goes wrong, with an unknown outcome; the weights do not count.
    only: Option<u64>,
    /// Probability per call that a kind could strike, in the order of [`FaultKind::ALL`].
    weights: [f64; FaultKind::ALL.len()],
    /// Length of the time after 08:00 UTC in which [`FaultKind::Settlement`] may strike, milliseconds.
    settlement_ms: i64,
    /// Longest delay of a late answer, milliseconds.
    late_max_ms: i64,
}

/// The kinds together strike at most so often, so that work goes on.
const TOTAL_MAX: f64 = 0.25;
const SETTLEMENT_MS: i64 = 5_000;
const LATE_MAX_MS: i64 = 2_000;
const STALE_MAX_MS: i64 = 30 * 60_000;
const SKEW_MAX_MS: i64 = 5_000;
const STREAM: u64 = 0x66_61_75_6C;

impl FaultPlan {
    /// Nothing goes wrong.
    pub fn calm() -> Self {
        Self {
            seed: 0,
            only: None,
            weights: [0.0; FaultKind::ALL.len()],
            settlement_ms: SETTLEMENT_MS,
            late_max_ms: LATE_MAX_MS,
        }
    }

    /// A mix of its own for every seed: each kind is off in half of them and weighs anything in the rest.
    pub fn from_seed(seed: &str) -> Self {
        let mut random = Random::from_parts(&["fault plan", seed]);
        let mut plan = Self {
            seed: random.next_u64(),
            ..Self::calm()
        };
        for weight in &mut plan.weights {
            let (on, size) = (random.unit() < 0.5, random.unit());
            *weight = if on { 0.1 * size * size } else { 0.0 };
        }
        let total: f64 = plan.weights.iter().sum();
        let scale = (TOTAL_MAX / total).min(1.0);
        plan.weights.iter_mut().for_each(|weight| *weight *= scale);
        // Not drawn per call but per second after 08:00, where most calls should meet it.
        let settlement = plan.weight_mut(FaultKind::Settlement);
        *settlement = if *settlement > 0.0 { 0.8 } else { 0.0 };
        plan
    }

    /// Call `number`, counted from 1, gets no answer, and the seed says whether it was carried out.
    pub fn only(number: u64, seed: u64) -> Self {
        Self {
            seed,
            only: Some(number),
            ..Self::calm()
        }
    }

    /// The plan with another weight for one kind: its probability per call, 0 to 1.
    #[must_use]
    pub fn with(mut self, kind: FaultKind, weight: f64) -> Self {
        *self.weight_mut(kind) = weight;
        self
    }

    /// The plan under another seed.
    #[must_use]
    pub fn seeded(mut self, seed: &str) -> Self {
        self.seed = Random::from_parts(&["fault seed", seed]).next_u64();
        self
    }

    /// The plan with a longer or shorter settlement after 08:00 UTC.
    #[must_use]
    pub fn settling_for(mut self, settlement_ms: i64) -> Self {
        self.settlement_ms = settlement_ms;
        self
    }

    /// The plan with answers at most so late.
    #[must_use]
    pub fn late_by_at_most(mut self, late_max_ms: i64) -> Self {
        self.late_max_ms = late_max_ms;
        self
    }

    /// Probability per call that a kind could strike.
    pub fn weight(&self, kind: FaultKind) -> f64 {
        self.weights[kind as usize]
    }

    /// The fault of call `number`, made at `at_ms` of the exchange's time.
    pub fn decide(&self, number: u64, call: CallKind, at_ms: i64) -> Option<Fault> {
        let noise = Noise::new(self.seed, STREAM).at(number);
        if let Some(only) = self.only {
            return (only == number).then(|| self.detailed(FaultKind::ServerError, noise));
        }
        let kind = if self.settles(call, at_ms) && noise.at(1).unit() < self.settlement() {
            FaultKind::Settlement
        } else {
            self.drawn(call, noise.unit())?
        };
        Some(self.detailed(kind, noise))
    }

    fn settlement(&self) -> f64 {
        self.weight(FaultKind::Settlement)
    }

    fn settles(&self, call: CallKind, at_ms: i64) -> bool {
        let since_eight_ms = (at_ms - EXPIRY_HOUR_MS).rem_euclid(DAY_MS);
        FaultKind::Settlement.strikes(call) && since_eight_ms < self.settlement_ms
    }

    fn drawn(&self, call: CallKind, mut draw: f64) -> Option<FaultKind> {
        let kinds = FaultKind::ALL.into_iter();
        let mut able = kinds.filter(|kind| *kind != FaultKind::Settlement && kind.strikes(call));
        able.find(|kind| {
            draw -= self.weight(*kind);
            draw < 0.0
        })
    }

    fn detailed(&self, kind: FaultKind, noise: Noise) -> Fault {
        let size = noise.at(2).unit();
        let within = |max_ms: i64| 1 + (size * (max_ms - 1) as f64) as i64;
        let by_ms = match kind {
            FaultKind::AnswerLate => within(self.late_max_ms),
            FaultKind::StaleQuotes => within(STALE_MAX_MS),
            FaultKind::ClockSkew => 2 * within(SKEW_MAX_MS) - SKEW_MAX_MS,
            _ => 0,
        };
        Fault {
            kind,
            executed: match kind {
                FaultKind::RequestLost => false,
                FaultKind::AnswerLost | FaultKind::Truncated => true,
                _ => noise.at(3).unit() < 0.5,
            },
            by_ms,
            share: 0.05 + 0.9 * noise.at(4).unit(),
        }
    }

    fn weight_mut(&mut self, kind: FaultKind) -> &mut f64 {
        &mut self.weights[kind as usize]
    }
}

/// A plan at work: numbers the calls and counts what was injected. Clones share the count.
#[derive(Clone, Debug)]
pub struct Faults(Arc<Mutex<Running>>);

#[derive(Debug)]
struct Running {
    plan: FaultPlan,
    calls: u64,
    injected: [u64; FaultKind::ALL.len()],
}

impl Faults {
    pub fn new(plan: FaultPlan) -> Self {
        Self(Arc::new(Mutex::new(Running {
            plan,
            calls: 0,
            injected: [0; FaultKind::ALL.len()],
        })))
    }

    /// Goes on by another plan; numbers and counts stay.
    pub fn follow(&self, plan: FaultPlan) {
        self.running().plan = plan;
    }

    /// From now on nothing goes wrong.
    pub fn stop(&self) {
        self.follow(FaultPlan::calm());
    }

    /// The fault of the next call.
    pub fn next(&self, call: CallKind, at_ms: i64) -> Option<Fault> {
        let mut running = self.running();
        running.calls += 1;
        let fault = running.plan.decide(running.calls, call, at_ms)?;
        running.injected[fault.kind as usize] += 1;
        Some(fault)
    }

    /// Calls asked about so far.
    pub fn calls(&self) -> u64 {
        self.running().calls
    }

    /// How often each kind was injected.
    pub fn injected(&self) -> Vec<(FaultKind, u64)> {
        let counts = self.running().injected;
        FaultKind::ALL.into_iter().zip(counts).collect()
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
