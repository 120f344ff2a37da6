//! Training profiles: what a cautious, a middling and a bold writer would each sell at the same instant.
//!
//! A profile looks at every call of its own band of delta and days, whatever the desk's limits of
//! volatility, premium and yield; a call whose realised volatility is not known cannot be scored. Exits
//! are those of the settings.

use super::explore::draw;
use super::rank::{Terms, rank};
use super::{Plan, decision, free, outcome, plan};
use crate::clock::Random;
use crate::domain::context::Context;
use crate::domain::decision::{Candidate, Decision, DecisionSource};
use crate::domain::instrument::Instrument;
use crate::domain::settings::Settings;
use crate::market::candidates::qualified;
use serde::{Deserialize, Serialize};

/// Name of the policy in rows.
pub const POLICY: &str = "profiles";
/// Changes whenever a number in this file does.
pub const VERSION: &str = "1.0";

/// What one writer aims at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    pub target_delta: f64,
    pub delta_min: f64,
    pub delta_max: f64,
    /// Days to expiry.
    pub dte_min: f64,
    pub dte_max: f64,
}

/// The profiles there always are, by name.
pub fn standard() -> [(&'static str, Profile); 3] {
    let of = |target_delta, (delta_min, delta_max), (dte_min, dte_max)| Profile {
        target_delta,
        delta_min,
        delta_max,
        dte_min,
        dte_max,
    };
    [
        ("conservative", of(0.20, (0.15, 0.25), (7.0, 14.0))),
        ("moderate", of(0.30, (0.25, 0.35), (5.0, 10.0))),
        ("aggressive", of(0.40, (0.35, 0.45), (3.0, 7.0))),
    ]
}

/// What a profile may not sell besides what it holds.
#[derive(Clone, Copy, Debug)]
pub struct Closed<'a> {
    /// Contracts that other profiles have proposed at this instant.
    pub taken: &'a [Instrument],
    /// Contracts that expire later would outlive the split.
    pub until_ms: i64,
}

/// A decision, and for each of its candidates whether it could have been sold.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    pub decision: Decision,
    pub legal: Vec<bool>,
}

impl Profile {
    /// The settings a profile decides by: its own band in place of the desk's limits.
    pub fn settings(&self, base: &Settings) -> Settings {
        Settings {
            policy: POLICY.to_owned(),
            delta_min: self.delta_min,
            delta_max: self.delta_max,
            dte_min: self.dte_min,
            dte_max: self.dte_max,
            ivrv_min: 0.0,
            ..base.clone()
        }
    }

    /// What the profile proposes; `settings` are those of [`Profile::settings`].
    pub fn decide(
        &self,
        context: &Context,
        settings: &Settings,
        closed: Closed<'_>,
        random: impl FnOnce() -> Random,
    ) -> Choice {
        let (plan, why) = plan(context, settings);
        let mut candidates = qualified(context, settings);
        let index = context.index_price;
        let ranked = rank(&mut candidates, |call| self.terms(call, index));
        let mut may = free(context, &candidates, ranked);
        may.retain(|at| closed.allows(&candidates[*at].instrument));
        let mut legal = vec![false; candidates.len()];
        for at in &may {
            legal[*at] = true;
        }
        if matches!(plan, Plan::Nothing) {
            may.clear();
        }
        let draw = draw(&mut candidates, &may, settings, random);
        let outcome = outcome(&plan, why, draw.as_ref(), &candidates, context, settings);
        let decision = Decision {
            source: DecisionSource::TrainingMode,
            ..decision(settings, VERSION, outcome, draw, candidates)
        };
        Choice { decision, legal }
    }

    /// The score of a call for this profile: the sum of its terms.
    pub fn score(&self, call: &Candidate, index_price: f64) -> f64 {
        let terms = self.terms(call, index_price);
        terms.iter().map(|(_, value)| value).sum()
    }

    /// premium_usd / 100 - 10 |delta - target| + 5 (ivrv - 1), the premium as if the index stood at
    /// 100,000 USD: BTC and ETH score alike.
    fn terms(&self, call: &Candidate, index_price: f64) -> Terms<3> {
        let premium = call.premium_usd.unwrap_or(0.0) / index_price * SCALE_USD;
        let away = (call.delta.unwrap_or(0.0) - self.target_delta).abs();
        [
            ("premium", premium / 100.0),
            ("delta", -10.0 * away),
            ("ivrv", 5.0 * (call.ivrv.unwrap_or(0.0) - 1.0)),
        ]
    }
}

/// The index at which a premium counts in full, USD.
const SCALE_USD: f64 = 100_000.0;

impl Closed<'_> {
    fn allows(&self, call: &Instrument) -> bool {
        call.expiry_ms <= self.until_ms && !self.taken.contains(call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::action::Action;
    use crate::domain::coin::Coin;
    use crate::domain::fixture::{context, short};
    use crate::domain::settings::Mode;

    const OPEN: Closed<'_> = Closed {
        taken: &[],
        until_ms: i64::MAX,
    };

    fn choice(profile: &Profile, context: &Context, closed: Closed<'_>) -> Choice {
        let settings = profile.settings(&Settings {
            open_interest_min: 0.0,
            explore_prob: 0.0,
            ..Settings::of(Mode::Research)
        });
        profile.decide(context, &settings, closed, || Random::from_parts(&["1"]))
    }

    fn wide() -> Profile {
        Profile {
            target_delta: 0.30,
            delta_min: 0.05,
            delta_max: 0.60,
            dte_min: 1.0,
            dte_max: 60.0,
        }
    }

    #[test]
    fn the_best_call_of_the_band_is_sold_and_the_next_when_it_is_taken() {
        let context = context(Coin::Btc);
        let first = choice(&wide(), &context, OPEN);
        assert_eq!(first.decision.source, DecisionSource::TrainingMode);
        let best = first.decision.proposed.instrument().expect("a sale");
        let second = choice(
            &wide(),
            &context,
            Closed {
                taken: &[best],
                ..OPEN
            },
        );
        let other = second.decision.proposed.instrument().expect("a sale");
        assert_ne!(best, other);
        let at = |call| {
            let mut calls = second.decision.candidates.iter();
            calls.position(|one| one.instrument == call).expect("kept")
        };
        assert!(!second.legal[at(best)] && second.legal[at(other)]);
    }

    #[test]
    fn nothing_is_sold_that_outlives_the_split() {
        let context = context(Coin::Btc);
        let closed = Closed {
            until_ms: context.as_of_ms,
            ..OPEN
        };
        let nothing = choice(&wide(), &context, closed);
        assert_eq!(nothing.decision.proposed, Action::DoNothing);
        assert!(!nothing.decision.candidates.is_empty());
        assert!(nothing.legal.iter().all(|legal| !legal));
    }

    #[test]
    fn a_profile_that_holds_its_call_still_says_what_it_could_sell() {
        let mut context = context(Coin::Btc);
        context.positions = vec![short("BTC-30JAN26-97200-C", "0.1")];
        let holding = choice(&wide(), &context, OPEN);
        assert_eq!(holding.decision.proposed, Action::DoNothing);
        assert!(holding.legal.iter().any(|legal| *legal));
        assert!(holding.decision.candidates.iter().all(|call| !call.chosen));
    }

    #[test]
    fn the_premium_is_scaled_to_the_underlying() {
        let context = context(Coin::Btc);
        let calls = choice(&wide(), &context, OPEN).decision.candidates;
        let call = &calls[0];
        let mut tenth = call.clone();
        tenth.premium_usd = call.premium_usd.map(|usd| usd / 10.0);
        let index = context.index_price;
        let (whole, scaled) = (
            wide().score(call, index),
            wide().score(&tenth, index / 10.0),
        );
        assert!((whole - scaled).abs() < 1e-9, "{whole} {scaled}");
    }
}
