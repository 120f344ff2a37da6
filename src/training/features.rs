//! What an observation is: named numbers with units, in a fixed order, under a version.
//!
//! An observation is a function of the context alone, so it holds nothing later than `as_of_ms`. What is
//! not known is null: never 0 and never NaN.

use crate::domain::account::Position;
use crate::domain::context::{Context, Regime};
use crate::domain::money::float;
use serde::Serialize;

/// Changes whenever a name, a unit, the order or the meaning of a feature does.
pub const FEATURE_VERSION: &str = "1";

/// One number of an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Feature {
    pub name: &'static str,
    /// Empty for a bare number.
    pub unit: &'static str,
    pub about: &'static str,
}

type Read = fn(&Context) -> Option<f64>;

/// Declares the features: `"name", "unit", "about", how to read it;`.
macro_rules! features {
    ($($name:literal, $unit:literal, $about:literal, $read:expr;)*) => {
        /// Every feature in the order of an observation.
        pub const FEATURES: &[Feature] = &[$(Feature { name: $name, unit: $unit, about: $about }),*];
        const READS: &[Read] = &[$($read),*];
    };
}

features! {
    "index_price", "USD", "price of the coin", |seen| Some(seen.index_price);
    "return_1d", "fraction", "of the index", |seen| seen.features.return_1d.value;
    "return_7d", "fraction", "of the index", |seen| seen.features.return_7d.value;
    "return_30d", "fraction", "of the index", |seen| seen.features.return_30d.value;
    "realised_vol_7d", "a year", "of daily log returns", |seen| seen.features.realised_vol_7d.value;
    "realised_vol_30d", "a year", "of daily log returns", |seen| seen.features.realised_vol_30d.value;
    "distance_ma50", "fraction", "price / 50-day average - 1", |seen| seen.features.distance_ma50.value;
    "distance_ma200", "fraction", "price / 200-day average - 1", |seen| seen.features.distance_ma200.value;
    "dvol", "a year", "volatility index", |seen| seen.features.dvol.value;
    "iv_rank", "0..1", "place of the volatility index in its year", |seen| seen.features.iv_rank.value;
    "term_slope", "a year", "at-the-money volatility near 30 days less near 7", |seen| seen.features.term_slope.value;
    "skew_25d", "a year", "25-delta put less call volatility near 30 days", |seen| seen.features.skew_25d.value;
    "regime_bull", "0 or 1", "null while the regime is unknown", |seen| regime(seen, Regime::Bull);
    "regime_bear", "0 or 1", "null while the regime is unknown", |seen| regime(seen, Regime::Bear);
    "balance", "coin", "cash of the book", |seen| Some(float(seen.account.balance));
    "equity", "coin", "balance and calls at their marks", |seen| Some(seen.account.equity);
    "margin_used", "fraction", "initial margin / equity", margin_used;
    "calls_open", "", "short calls held", |seen| Some(seen.positions.len() as f64);
    "coin_short", "coin", "of short calls held", |seen| Some(coin_short(seen));
    "held_dte", "days", "to the expiry of the call that expires next", |seen| of_held(seen, |held| Some(held.instrument.dte(seen.as_of_ms)));
    "held_delta", "", "of that call", |seen| of_held(seen, |held| seen.chain.quote(&held.instrument)?.delta);
    "held_moneyness", "", "index / strike of that call", |seen| of_held(seen, |held| Some(seen.index_price / held.instrument.strike()));
    "held_ask", "coin per coin", "what buying it back costs", |seen| of_held(seen, |held| seen.chain.quote(&held.instrument)?.ask);
    "held_earned", "fraction", "of its premium, at the ask", |seen| of_held(seen, |held| earned(seen, held));
    "held_rolls", "", "rolls of its chain so far", |seen| of_held(seen, |held| Some(f64::from(held.rolls)));
}

/// The observation of a context.
pub fn observe(context: &Context) -> Vec<Option<f64>> {
    let reads = READS.iter().map(|read| read(context));
    reads
        .map(|value| value.filter(|value| value.is_finite()))
        .collect()
}

/// An observation as it is stored: a JSON array, every float to its last bit.
pub(super) fn json(observation: &[Option<f64>]) -> String {
    let mut text = String::with_capacity(observation.len() * 12 + 2);
    text.push('[');
    for (at, value) in observation.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        match value.and_then(|value| serde_json::to_string(&(value + 0.0)).ok()) {
            Some(number) => text += &number,
            None => text += "null",
        }
    }
    text.push(']');
    text
}

/// An observation of nothing, for a step that failed before one could be made.
pub(super) fn unknown() -> Vec<Option<f64>> {
    vec![None; FEATURES.len()]
}

fn regime(context: &Context, wanted: Regime) -> Option<f64> {
    let regime = context.features.regime;
    (regime != Regime::Unknown).then(|| f64::from(u8::from(regime == wanted)))
}

fn margin_used(context: &Context) -> Option<f64> {
    let account = &context.account;
    (account.equity > 0.0).then(|| account.initial_margin / account.equity)
}

/// No calls are 0 and not -0, which is what a sum of nothing is.
fn coin_short(context: &Context) -> f64 {
    let short = context.positions.iter().map(|held| -float(held.size));
    short.sum::<f64>() + 0.0
}

/// Of the call that expires next; null when none is held.
fn of_held(context: &Context, read: impl Fn(&Position) -> Option<f64>) -> Option<f64> {
    let mut held = context.positions.iter();
    held.next().and_then(read)
}

fn earned(context: &Context, held: &Position) -> Option<f64> {
    let ask = context.chain.quote(&held.instrument)?.ask?;
    let sold = float(held.average_price);
    (sold > 0.0).then(|| 1.0 - ask / sold)
}
