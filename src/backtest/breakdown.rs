//! The result by regime, by days and delta at the sale, and by what ended a leg.

use super::gaps::longest_ms;
use super::ledger::{Leg, RollChain};
use super::outcome::Point;
use crate::domain::context::Regime;
use crate::domain::instrument::DAY_MS;
use crate::domain::money::float;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Breakdowns {
    /// By the regime at the start of each step; `gap` is what lies in gaps of the data.
    pub regimes: BTreeMap<String, InRegime>,
    /// By days to expiry at the sale.
    pub dte: BTreeMap<String, Legs>,
    /// By delta at the sale.
    pub delta: BTreeMap<String, Legs>,
    /// By what ended the leg.
    pub triggers: BTreeMap<String, Legs>,
}

/// What a regime did to the book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InRegime {
    pub days: f64,
    /// Change of equity, coin.
    pub coin: f64,
    /// Change of equity, USD, the coin's own included.
    pub usd: f64,
    /// Chains opened.
    pub chains: u64,
    /// What those chains came to, coin.
    pub chain_pnl: f64,
}

/// Legs of one bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Legs {
    pub legs: u64,
    pub wins: u64,
    pub assigned: u64,
    pub pnl: f64,
    pub pnl_usd: f64,
}

/// Edges of days to expiry: a value belongs to the last one it reaches.
pub const DTE: [(f64, &str); 6] = [
    (0.0, "00-01"),
    (1.0, "01-03"),
    (3.0, "03-07"),
    (7.0, "07-14"),
    (14.0, "14-30"),
    (30.0, "30+"),
];
/// Edges of delta, as those of days.
pub const DELTA: [(f64, &str); 6] = [
    (0.0, "0.00-0.10"),
    (0.10, "0.10-0.20"),
    (0.20, "0.20-0.30"),
    (0.30, "0.30-0.40"),
    (0.40, "0.40-0.50"),
    (0.50, "0.50+"),
];

pub(super) fn breakdowns(
    start: f64,
    interval_ms: i64,
    points: &[Point],
    chains: &[RollChain],
) -> Breakdowns {
    let mut found = Breakdowns {
        regimes: regimes(start, longest_ms(points, interval_ms), points),
        ..Breakdowns::default()
    };
    for chain in chains {
        let regime = found.regimes.entry(name(chain.regime)).or_default();
        regime.chains += 1;
        regime.chain_pnl += float(chain.pnl);
        for leg in &chain.legs {
            let delta = leg
                .delta_open
                .map_or("unknown", |delta| bucket(&DELTA, delta));
            let trigger = leg.trigger.map_or("open", |trigger| trigger.as_str());
            add(&mut found.dte, bucket(&DTE, leg.dte_open), leg);
            add(&mut found.delta, delta, leg);
            add(&mut found.triggers, trigger, leg);
        }
    }
    found
}

/// What happened between two points of a gap, under no regime.
const IN_GAP: &str = "gap";

/// The first step belongs to its own regime: nothing was before it.
fn regimes(start: f64, gap_ms: i64, points: &[Point]) -> BTreeMap<String, InRegime> {
    let mut found: BTreeMap<String, InRegime> = BTreeMap::new();
    if let Some(first) = points.first() {
        let own = found.entry(name(first.regime)).or_default();
        own.coin += first.equity - start;
        own.usd += (first.equity - start) * first.index_price;
    }
    for pair in points.windows(2) {
        let gap = pair[1].at_ms - pair[0].at_ms > gap_ms;
        let of = if gap {
            IN_GAP.to_owned()
        } else {
            name(pair[0].regime)
        };
        let own = found.entry(of).or_default();
        own.days += (pair[1].at_ms - pair[0].at_ms) as f64 / DAY_MS as f64;
        own.coin += pair[1].equity - pair[0].equity;
        own.usd += pair[1].equity_usd() - pair[0].equity_usd();
    }
    found
}

fn name(regime: Regime) -> String {
    regime.as_str().to_owned()
}

fn bucket(edges: &[(f64, &'static str)], value: f64) -> &'static str {
    let reached = edges.iter().rev().find(|(edge, _)| value >= *edge);
    reached.map_or(edges[0].1, |(_, name)| *name)
}

fn add(buckets: &mut BTreeMap<String, Legs>, name: &str, leg: &Leg) {
    let own = buckets.entry(name.to_owned()).or_default();
    own.legs += 1;
    own.wins += u64::from(leg.pnl > Decimal::ZERO);
    own.assigned += u64::from(leg.assigned);
    own.pnl += float(leg.pnl);
    own.pnl_usd += leg.pnl_usd;
}
