//! Implied volatility: the deviation s at which the time value is the quoted one.
//!
//! A guess from the inverse of the normal (Bachelier) model, then three steps of Householder's method
//! of fourth order on the logarithm of the time value: always three, since a count that depended on the
//! neighbours in a batch would make results depend on them too. They reach the last digit up to a time
//! value of 0.98 of its limit; what has not converged then is searched between bounds with the same
//! arithmetic, and not by a crate that calls the platform's exp and ln.
#![expect(
    clippy::inline_always,
    reason = "a call inside the loop would keep it from becoming vector code"
)]

use super::elementary::{ONE_BY_ROOT_TAU, ln_ratio, polynomial};
use super::kernel::{ordered, positive, time_value};

pub(super) const ROUNDS: usize = 3;

/// Below it the density of the normal distribution is near the end of the floating-point range.
const LEAST_VALUE: f64 = 1e-290;

/// What is solved, and where the rounds start.
pub(super) struct Start {
    /// ln(high / low) of forward and strike.
    pub(super) x: f64,
    /// Time value per unit of the lower of the two; NaN for prices that no volatility gives.
    pub(super) per_low: f64,
    /// vol sqrt(years), roughly.
    pub(super) deviation: f64,
}

#[inline(always)]
pub(super) fn start(sign: f64, forward: f64, strike: f64, price_usd: f64) -> Start {
    let (low, high) = ordered(forward, strike);
    let inside = sign * (forward - strike);
    let intrinsic = if inside > 0.0 { inside } else { 0.0 };
    let per_low = (price_usd - intrinsic) / low;
    let x = ln_ratio(high, low);
    let possible = (LEAST_VALUE..1.0).contains(&per_low) && positive(low, high);
    Start {
        x,
        per_low: if possible { per_low } else { f64::NAN },
        deviation: guess(x, per_low * (low / high).sqrt()),
    }
}

/// The deviation of the normal model with this time value per unit of sqrt(forward strike).
///
/// There value / x is a function of x / s alone, whose inverse is the fit (relative error 5e-4); the
/// model itself is off by about s^2 / 24.
#[inline(always)]
fn guess(x: f64, value: f64) -> f64 {
    // At the money x is 0 and the quotient has no end: far enough on, s is value / n(0).
    let floor = 1e-3 * value;
    let x = if x > floor { x } else { floor };
    let quotient = value / x;
    let logarithm = ln_ratio(quotient + ONE_BY_ROOT_TAU, quotient);
    let root = logarithm.sqrt();
    x * polynomial(&GUESS_BELOW, root) / (logarithm * polynomial(&GUESS_ABOVE, root))
}

/// What to add to s: Householder's step of fourth order for ln(time value) - ln(wanted).
#[inline(always)]
pub(super) fn step(x: f64, per_low: f64, s: f64) -> f64 {
    let value = time_value(x, s);
    let miss = ln_ratio(value.per_low, per_low);
    let slope = value.density / value.per_low;
    // Derivatives of ln(density) in s, then second and third of the logarithm, divided by the first.
    let middle = x / s;
    let bend = middle * middle / s - 0.25 * s;
    let twist = -3.0 * (middle / s) * (middle / s) - 0.25;
    let second = bend - slope;
    let third = bend * bend + twist - 3.0 * (bend * slope) + 2.0 * (slope * slope);
    let newton = -miss / slope;
    newton * (1.0 + 0.5 * (second * newton)) / (1.0 + newton * (second + third * newton / 6.0))
}

/// The volatility at the end of the rounds; NaN when no volatility gives the price.
pub(super) fn finish(x: f64, per_low: f64, s: f64, last_step: f64, years: f64) -> f64 {
    if per_low.is_nan() {
        return f64::NAN;
    }
    // Of fourth order: after a step of 1e-4 the next would be below the last digit.
    let converged = last_step.abs() <= 1e-4 * s;
    let s = if converged { s } else { search(x, per_low) };
    if years > 0.0 {
        s / years.sqrt()
    } else {
        f64::NAN
    }
}

/// Householder's steps as long as they stay between bounds that close in, else the middle of them.
#[inline(never)]
fn search(x: f64, wanted: f64) -> f64 {
    let (mut low, mut high) = bounds(x, wanted);
    let mut s = middle(low, high);
    for _ in 0..ITERATIONS {
        let per_low = time_value(x, s).per_low;
        let bound = if per_low < wanted {
            &mut low
        } else {
            &mut high
        };
        *bound = s;
        let next = s + step(x, wanted, s);
        let usable = per_low >= LEAST_VALUE && next > low && next < high;
        let next = if usable { next } else { middle(low, high) };
        if (next - s).abs() <= 1e-16 * s {
            return next;
        }
        s = next;
    }
    s
}

/// Bisection alone ends within 64 steps of the narrow bounds it starts from.
const ITERATIONS: usize = 128;

/// s and 2 s with the wanted value between theirs: the value rises in s from 0 to 1.
fn bounds(x: f64, wanted: f64) -> (f64, f64) {
    let reached = |s: f64| time_value(x, s).per_low >= wanted;
    let mut high = 1.0;
    while !reached(high) && high < 1e6 {
        high *= 2.0;
    }
    while reached(0.5 * high) && high > 1e-300 {
        high *= 0.5;
    }
    (0.5 * high, high)
}

fn middle(low: f64, high: f64) -> f64 {
    low + 0.5 * (high - low)
}

const GUESS_ABOVE: [f64; 4] = [
    0.999_249_616_378_266_6,
    0.389_104_305_935_902_56,
    -0.140_553_240_246_264_75,
    0.311_664_890_465_088_2,
];
const GUESS_BELOW: [f64; 5] = [
    1.0,
    0.359_131_987_070_419_54,
    0.847_123_761_248_081_3,
    -0.060_099_470_387_530_045,
    0.219_879_490_590_916_16,
];
