//! A council: every policy asked about the same context, and what each would have come to.
//!
//! The rules, the dice and the two stubborn ones are the desk's own step under other settings, so that all
//! of them pass the same risk and the same fills. A model is asked elsewhere.

use super::{Step, StepInput, carry_out, step};
use crate::domain::action::Action;
use crate::domain::decision::{Decision, DecisionSource};
use crate::domain::instrument::Style;
use crate::domain::money::{self, SCALE};
use crate::domain::order::{Fill, Side};
use crate::domain::settings::{Mode, Settings};
use crate::fills::settle;
use rust_decimal::Decimal;

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judge {
    /// `rules_v1` or `rules_v2`, always the best.
    Rules(&'static str),
    /// Any call that passes the filters, each as likely.
    Random,
    /// The best call whenever there is room, however thin its premium and however low the volatility.
    Always,
    /// Nothing, ever.
    Never,
    /// The language model; another than the configured one by name.
    Model(Option<String>),
}

impl Judge {
    /// By its name in workers.toml.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "rules_v1" => Some(Self::Rules("rules_v1")),
            "rules_v2" => Some(Self::Rules("rules_v2")),
            "random" => Some(Self::Random),
            "always" => Some(Self::Always),
            "never" => Some(Self::Never),
            "llm" => Some(Self::Model(None)),
            other => {
                let model = other.strip_prefix("llm:")?;
                (!model.is_empty()).then(|| Self::Model(Some(model.to_owned())))
            }
        }
    }

    /// What it does about the context; `None` for a model.
    pub fn step(&self, input: &StepInput<'_>) -> Option<Step> {
        if *self == Self::Never {
            return Some(carry_out(input, never()));
        }
        let settings = self.settings(input.settings)?;
        let seed = match self {
            // Its dice are not the desk's: else it would draw what an exploring desk draws.
            Self::Random => format!("{} council", input.seed),
            _ => input.seed.to_owned(),
        };
        Some(step(&StepInput {
            settings: &settings,
            seed: &seed,
            ..*input
        }))
    }

    fn settings(&self, of_desk: &Settings) -> Option<Settings> {
        let settings = |policy: &str, explore_prob: f64| Settings {
            policy: policy.to_owned(),
            explore_prob,
            ..of_desk.clone()
        };
        Some(match self {
            Self::Rules(name) => settings(name, 0.0),
            Self::Random => Settings {
                mode: Mode::Research,
                explore_top_k: usize::MAX,
                ..settings("rules_v2", 1.0)
            },
            Self::Always => Settings {
                ivrv_min: 0.0,
                yield_min: 0.0,
                premium_min_usd: 0.0,
                ..settings("rules_v2", 0.0)
            },
            Self::Never | Self::Model(_) => return None,
        })
    }
}

fn never() -> Decision {
    Decision {
        proposed: Action::DoNothing,
        reason: "never trades: what is held runs to its expiry".to_owned(),
        policy: "never".to_owned(),
        policy_version: "1".to_owned(),
        source: DecisionSource::RuleBased,
        propensity: 1.0,
        explored: false,
        candidates: Vec::new(),
    }
}

/// The account when the decision was made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Before {
    /// Coin.
    pub equity: f64,
    /// USD.
    pub index_price: f64,
}

/// What a decision came to against doing nothing at the same instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hindsight {
    /// Coin.
    pub coin: Decimal,
    /// Change of the whole equity in USD from the decision to the end, the coin's own included.
    pub usd: f64,
    /// USD, against the same coin untouched.
    pub versus_holding: f64,
}

/// Premiums, fees and expiries of what was traded, every call held until it expires; a call bought back is one
/// whose expiry does not happen. `delivery` is the price in USD at an expiry, `end` that of the last one.
pub fn hindsight(
    fills: &[Fill],
    before: Before,
    end: Decimal,
    delivery: impl Fn(i64) -> Option<Decimal>,
) -> Option<Hindsight> {
    let mut coin = Decimal::ZERO;
    for fill in fills {
        let price = delivery(fill.instrument.expiry_ms)?;
        let expiry = settle(&fill.instrument, -fill.size, price).cash();
        let expiry = match fill.side {
            Side::Sell => expiry,
            Side::Buy => -expiry,
        };
        coin += match fill.instrument.style {
            Style::Inverse => fill.cash() + expiry,
            Style::Linear => {
                fill.cash().checked_div(fill.index_price)? + expiry.checked_div(price)?
            }
        };
    }
    let coin = coin.round_dp(SCALE);
    let (gained, end) = (money::float(coin), money::float(end));
    Some(Hindsight {
        coin,
        usd: (before.equity + gained) * end - before.equity * before.index_price,
        versus_holding: gained * end,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(name: &str, side: Side, price: &str) -> Fill {
        Fill {
            instrument: name.parse().expect(name),
            side,
            size: Decimal::ONE,
            price: price.parse().expect(price),
            fee: "0.0003".parse().expect("a fee"),
            index_price: Decimal::from(100_000),
            at_ms: 0,
            trade_id: String::new(),
        }
    }

    const BEFORE: Before = Before {
        equity: 2.0,
        index_price: 100_000.0,
    };

    fn check(fills: &[Fill], end: i64, coin: &str, usd: f64, versus: f64) {
        let end = Decimal::from(end);
        let found = hindsight(fills, BEFORE, end, |_| Some(end)).expect("prices are known");
        assert_eq!(found.coin, coin.parse().expect(coin));
        assert!((found.usd - usd).abs() < 1e-6, "{found:?}");
        assert!((found.versus_holding - versus).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn worked_examples_by_hand() {
        let sold = fill("BTC-25DEC26-100000-C", Side::Sell, "0.02");
        // Worthless: the premium less the fee; the coin itself lost 10 000 USD a piece.
        check(
            std::slice::from_ref(&sold),
            90_000,
            "0.0197",
            -18_227.0,
            1_773.0,
        );
        // Assigned at 125 000: 0.2 coin and 0.00015 of delivery fee are lost.
        check(
            std::slice::from_ref(&sold),
            125_000,
            "-0.18045",
            27_443.75,
            -22_556.25,
        );
        // A roll: what was held is bought back at 0.05 and does not expire; the later call is sold.
        let back = fill("BTC-25DEC26-110000-C", Side::Buy, "0.05");
        check(&[back, sold], 125_000, "-0.1106", 36_175.0, -13_825.0);
        check(&[], 90_000, "0", -20_000.0, 0.0);
    }

    #[test]
    fn what_has_not_expired_is_not_known() {
        let sold = fill("BTC-25DEC26-100000-C", Side::Sell, "0.02");
        assert_eq!(hindsight(&[sold], BEFORE, Decimal::ONE, |_| None), None);
    }

    #[test]
    fn names_are_those_of_the_settings() {
        for name in [
            "rules_v1",
            "rules_v2",
            "random",
            "always",
            "never",
            "llm",
            "llm:other",
        ] {
            assert!(Judge::named(name).is_some(), "{name}");
        }
        assert!(Judge::named("llm:").is_none() && Judge::named("rules_v3").is_none());
    }
}
