//! Where a run's result came from: every change of equity split into its causes, step by step.
//!
//! Between two snapshots a call held is revalued by Black-76 in three moves: the forward goes first
//! (delta, curvature included), then the volatility (vega), then time passes (premium earned). What the
//! marks did beyond the model is the residual. Trades cost their distance from the mark, in rolls and
//! otherwise, and their fees. The causes add up to the change of equity: in coin exactly, and in USD with
//! what the coin itself did, at the index of each step's end.

use crate::domain::instrument::Instrument;
use crate::domain::pricing::black76;
use serde::{Deserialize, Serialize};

/// Signed causes of one change of equity; what costs is negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Causes {
    /// The coin held, in USD alone.
    pub underlying: f64,
    /// Time value that decayed in favour of the seller.
    pub premium: f64,
    pub delta: f64,
    pub vega: f64,
    /// Distance of fills from the mark, outside of rolls.
    pub spread: f64,
    /// The same of both legs of rolls and of purchases before expiry.
    pub roll_cost: f64,
    /// Of trades and deliveries.
    pub fees: f64,
    /// Marks beyond the model.
    pub residual: f64,
}

impl Causes {
    pub fn sum(&self) -> f64 {
        self.underlying
            + self.premium
            + self.delta
            + self.vega
            + self.spread
            + self.roll_cost
            + self.fees
            + self.residual
    }

    fn add(&mut self, other: &Self, scale: f64) {
        self.underlying += scale * other.underlying;
        self.premium += scale * other.premium;
        self.delta += scale * other.delta;
        self.vega += scale * other.vega;
        self.spread += scale * other.spread;
        self.roll_cost += scale * other.roll_cost;
        self.fees += scale * other.fees;
        self.residual += scale * other.residual;
    }
}

/// Both currencies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Attribution {
    pub coin: Causes,
    pub usd: Causes,
}

impl Attribution {
    /// Adds the causes of one step, in coin; equity before it in coin, index before and after.
    pub(super) fn step(&mut self, causes: &Causes, equity_before: f64, from: f64, to: f64) {
        self.coin.add(causes, 1.0);
        self.usd.add(causes, to);
        self.usd.underlying += equity_before * (to - from);
    }
}

/// A holding as it was valued at the end of a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) instrument: Instrument,
    /// Signed coin.
    pub(super) size: f64,
    pub(super) value: Value,
}

/// One contract at one instant: mark in coin, and what the model needs; no volatility, no model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Value {
    pub(super) at_ms: i64,
    pub(super) mark: f64,
    pub(super) forward: f64,
    pub(super) vol: Option<f64>,
}

impl Held {
    /// What became of the holding until `now`, without trades.
    pub(super) fn moved(&self, now: &Value, causes: &mut Causes) {
        let change = self.size * (now.mark - self.value.mark);
        let Some((from_vol, to_vol)) = self.value.vol.zip(now.vol) else {
            causes.residual += change;
            return;
        };
        let call = &self.instrument;
        let model = |forward: f64, vol: f64, at_ms: i64| {
            let years = call.years(at_ms);
            black76(call.is_call(), forward, call.strike(), vol, years).price_usd / forward
        };
        let before = model(self.value.forward, from_vol, self.value.at_ms);
        let moved = model(now.forward, from_vol, self.value.at_ms);
        let repriced = model(now.forward, to_vol, self.value.at_ms);
        let after = model(now.forward, to_vol, now.at_ms);
        causes.delta += self.size * (moved - before);
        causes.vega += self.size * (repriced - moved);
        causes.premium += self.size * (after - repriced);
        causes.residual += change - self.size * (after - before);
    }
}
