//! Forwards and smiles of every expiry, fitted to the volatilities of trades.

use super::{HOUR_MS, log_moneyness};
use crate::domain::coin::Coin;
use crate::domain::instrument::{DAY_MS, Instrument};
use crate::domain::math::{exp, ln};
use crate::domain::pricing::{black76, implied_volatility};
use crate::domain::tape::Print;
use crate::market::surface::{Slice, Surface, SurfaceState};
use crate::market::synthetic::surface_shape;
use std::collections::BTreeMap;

/// Trades older than this say nothing about today's volatility.
const WINDOW_MS: i64 = DAY_MS;
/// A trade loses half of its weight in so long.
const HALF_LIFE_MS: f64 = 4.0 * HOUR_MS as f64;
/// The forward is looked for within this part of the index around it.
const BASIS_MAX: f64 = 0.2;
/// Volatility believed of a trade, fractions.
const VOLATILITY: std::ops::RangeInclusive<f64> = 0.02..=5.0;
/// Scatter of a trade's volatility around the smile, and the coin by which a printed price is rounded.
const SCATTER: f64 = 0.005;
const ROUNDING: f64 = 0.000_03;
/// How far a day's smile strays from the coin's long-run shape: level (logarithm), tilt, curvature (logarithm).
const PRIOR: [f64; 3] = [0.5, 0.07, 0.10];
/// Without a volatility index and trades there is none; the index is above the at-the-money level by this part.
const INDEX_OVER_LEVEL: f64 = 1.05;
const ROUNDS: usize = 12;

/// What one trade says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Observed {
    pub(super) at_ms: i64,
    pub(super) instrument: Instrument,
    /// Of the exchange's mark at the trade where it is known, else of the price; a fraction.
    pub(super) volatility: f64,
    /// The forward over the index.
    forward_ratio: f64,
    k: f64,
    /// By age and by how well its price tells a volatility.
    weight: f64,
}

/// The trades of the window that carry a volatility and an index, in the order of time.
pub(super) fn observe(known: &[&Print], at_ms: i64) -> Vec<Observed> {
    let recent = known.iter().filter(|print| print.at_ms > at_ms - WINDOW_MS);
    recent.filter_map(|print| observed(print, at_ms)).collect()
}

fn observed(print: &Print, at_ms: i64) -> Option<Observed> {
    let one = print.instrument;
    let (call, strike, years) = (one.is_call(), one.strike(), one.years(print.at_ms));
    let (index, traded) = (print.index_price?, print.iv?);
    if !VOLATILITY.contains(&traded) || years <= 0.0 {
        return None;
    }
    let forward = forward(print, index, traded, years)?;
    let of_mark = print
        .mark_price
        .filter(|mark| *mark > 0.0)
        .and_then(|mark| implied_volatility(call, forward, strike, mark * forward, years));
    let volatility = of_mark
        .filter(|mark| VOLATILITY.contains(mark))
        .unwrap_or(traded);
    let vega = black76(call, forward, strike, volatility, years).vega * 100.0 / forward;
    let noise = SCATTER + ROUNDING / vega.max(1e-9);
    let age_ms = (at_ms - print.at_ms) as f64;
    Some(Observed {
        at_ms: print.at_ms,
        instrument: one,
        volatility,
        forward_ratio: forward / index,
        k: log_moneyness(strike, forward),
        weight: exp(-ln(2.0) * age_ms / HALF_LIFE_MS) / (noise * noise),
    })
}

/// The forward at which the price has its volatility, by bisection: a call in coin rises with it, a put falls.
fn forward(print: &Print, index: f64, volatility: f64, years: f64) -> Option<f64> {
    let one = print.instrument;
    let coin = |forward: f64| {
        black76(one.is_call(), forward, one.strike(), volatility, years).price_usd / forward
    };
    let (mut low, mut high) = (index * (1.0 - BASIS_MAX), index * (1.0 + BASIS_MAX));
    let rises = one.is_call();
    let above = |forward: f64| (coin(forward) > print.price) == rises;
    if above(low) || !above(high) {
        return None;
    }
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if above(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(f64::midpoint(low, high))
}

/// Forward over index and smile of each expiry.
pub(super) struct Expiries(BTreeMap<i64, (f64, Slice)>);

impl Expiries {
    /// `None` when nothing tells the level of volatility.
    pub(super) fn fit<'a>(
        coin: Coin,
        at_ms: i64,
        observed: &[Observed],
        expiries: impl Iterator<Item = &'a i64>,
        dvol: Option<f64>,
    ) -> Option<Self> {
        let level = level(observed, dvol)?;
        let prior = Surface::new(surface_shape(coin), &flat(level));
        let mut of: BTreeMap<i64, Vec<Observed>> = BTreeMap::new();
        for one in observed {
            of.entry(one.instrument.expiry_ms).or_default().push(*one);
        }
        let years = |expiry_ms: i64| (expiry_ms - at_ms) as f64 / (365.0 * DAY_MS as f64);
        let fitted: BTreeMap<i64, Slice> = of
            .iter()
            .map(|(expiry_ms, trades)| (*expiry_ms, fit(&prior.slice(years(*expiry_ms)), trades)))
            .collect();
        let lift = |expiry_ms: i64| lift(&prior, &fitted, expiry_ms, years);
        let slices = expiries.map(|expiry_ms| {
            let slice = fitted.get(expiry_ms).copied();
            let slice = slice.unwrap_or_else(|| lift(*expiry_ms));
            let ratio = of.get(expiry_ms).and_then(|trades| ratio(trades));
            (*expiry_ms, (ratio.unwrap_or(1.0), slice))
        });
        Some(Self(slices.collect()))
    }

    /// (forward over index, volatility) at a strike; the strike's moneyness is taken on that forward's own scale.
    pub(super) fn at(&self, expiry_ms: i64, strike_over_index: f64) -> Option<(f64, f64)> {
        let (ratio, slice) = self.0.get(&expiry_ms)?;
        Some((
            *ratio,
            slice.volatility(log_moneyness(strike_over_index, *ratio)),
        ))
    }
}

/// Weighted median of the forward ratios of trades whose price depends on the forward.
fn ratio(trades: &[Observed]) -> Option<f64> {
    weighted_median(trades.iter().map(|one| (one.forward_ratio, one.weight)))
}

/// At-the-money volatility of a month: the index's, else what near trades show.
fn level(observed: &[Observed], dvol: Option<f64>) -> Option<f64> {
    let near = observed.iter().filter(|one| one.k.abs() < 0.1);
    let traded = || weighted_median(near.map(|one| (one.volatility, one.weight)));
    let index = dvol.filter(|index| VOLATILITY.contains(index));
    index.map(|index| index / INDEX_OVER_LEVEL).or_else(traded)
}

fn flat(level: f64) -> SurfaceState {
    SurfaceState {
        level,
        far: level,
        front: 0.0,
        rho_shift: 0.0,
        eta_factor: 1.0,
    }
}

fn weighted_median(values: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let mut values: Vec<(f64, f64)> = values.collect();
    values.sort_by(|one, other| one.0.total_cmp(&other.0));
    let half = 0.5 * values.iter().map(|(_, weight)| weight).sum::<f64>();
    let mut passed = 0.0;
    for (value, weight) in &values {
        passed += weight;
        if passed >= half {
            return Some(*value);
        }
    }
    None
}

/// The prior's slice with its level moved as the fitted expiries around it moved theirs.
fn lift(
    prior: &Surface,
    fitted: &BTreeMap<i64, Slice>,
    expiry_ms: i64,
    years: impl Fn(i64) -> f64,
) -> Slice {
    let moved = |(at_ms, slice): (&i64, &Slice)| {
        let before = prior.slice(years(*at_ms));
        (ln(years(*at_ms)), ln(slice.theta / before.theta))
    };
    let below = fitted.range(..expiry_ms).next_back().map(moved);
    let above = fitted.range(expiry_ms..).next().map(moved);
    let x = ln(years(expiry_ms));
    let shift = match (below, above) {
        (Some((x0, y0)), Some((x1, y1))) => y0 + (y1 - y0) * (x - x0) / (x1 - x0),
        (Some((_, y)), None) | (None, Some((_, y))) => y,
        (None, None) => 0.0,
    };
    let slice = prior.slice(years(expiry_ms));
    Parameters::of(&slice)
        .moved([shift, 0.0, 0.0])
        .slice(slice.years)
}

/// ln theta, rho, ln eta of a slice.
#[derive(Clone, Copy)]
struct Parameters([f64; 3]);

impl Parameters {
    fn of(slice: &Slice) -> Self {
        Self([
            ln(slice.theta),
            slice.rho,
            ln(slice.phi * slice.theta.sqrt()),
        ])
    }

    /// Within what is free of butterfly arbitrage.
    fn moved(self, by: [f64; 3]) -> Self {
        let [theta, rho, eta] = std::array::from_fn(|n| self.0[n] + by[n]);
        let rho = rho.clamp(-0.9, 0.9);
        let eta_max = 0.5 * ln(3.9 / (1.0 + rho.abs()));
        Self([theta.clamp(-30.0, 5.0), rho, eta.clamp(-3.0, eta_max)])
    }

    fn slice(self, years: f64) -> Slice {
        let [theta, rho, eta] = self.0;
        let theta = exp(theta);
        Slice {
            years,
            theta,
            rho,
            phi: exp(eta) / theta.sqrt(),
        }
    }
}

/// Gauss-Newton on volatilities with the prior as three more observations; trades far off count less (Huber).
fn fit(prior: &Slice, trades: &[Observed]) -> Slice {
    let start = Parameters::of(prior);
    let mut now = start;
    for _ in 0..ROUNDS {
        let (mut normal, mut right) = ([[0.0; 3]; 3], [0.0; 3]);
        for n in 0..3 {
            let precision = 1.0 / (PRIOR[n] * PRIOR[n]);
            normal[n][n] += precision;
            right[n] += precision * (start.0[n] - now.0[n]);
        }
        let slice = now.slice(prior.years);
        for one in trades {
            let miss = one.volatility - slice.volatility(one.k);
            let slope = slope(now, prior.years, one.k);
            let weight = one.weight * (HUBER / miss.abs().max(HUBER));
            for row in 0..3 {
                right[row] += weight * slope[row] * miss;
                for column in 0..3 {
                    normal[row][column] += weight * slope[row] * slope[column];
                }
            }
        }
        now = now.moved(solve(normal, right));
    }
    now.slice(prior.years)
}

/// A trade may miss the smile by so much before it counts less.
const HUBER: f64 = 0.02;

/// Change of the volatility at `k` by each parameter, by central differences.
fn slope(at: Parameters, years: f64, k: f64) -> [f64; 3] {
    const STEP: f64 = 1e-4;
    std::array::from_fn(|n| {
        let step = |sign: f64| {
            let by = std::array::from_fn(|m| if m == n { sign * STEP } else { 0.0 });
            at.moved(by).slice(years).volatility(k)
        };
        (step(1.0) - step(-1.0)) / (2.0 * STEP)
    })
}

/// Three equations by Cramer's rule; the prior keeps the determinant positive.
fn solve(a: [[f64; 3]; 3], b: [f64; 3]) -> [f64; 3] {
    let whole = determinant(&a);
    std::array::from_fn(|column| {
        let mut replaced = a;
        for (row, value) in replaced.iter_mut().zip(b) {
            row[column] = value;
        }
        determinant(&replaced) / whole
    })
}

fn determinant(m: &[[f64; 3]; 3]) -> f64 {
    let minor = |one: usize, other: usize| m[1][one] * m[2][other] - m[1][other] * m[2][one];
    m[0][0] * minor(1, 2) - m[0][1] * minor(0, 2) + m[0][2] * minor(0, 1)
}
