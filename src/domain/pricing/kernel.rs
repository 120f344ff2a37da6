//! Black-76 of one option without a branch: what the scalar functions and the batches both run.
//!
//! With low and high the smaller and larger of forward and strike, s = vol sqrt(years) and
//! x = ln(high / low), every option is its intrinsic value plus the time value that call and put of one
//! strike share: low N(-near) - high N(-far), where near = x / s - s / 2 and far = x / s + s / 2. Since
//! low n(near) = high n(far), that is low n(near) (mills(near) - mills(far)): one density, no small
//! difference of large numbers, full relative precision into both tails.
#![expect(
    clippy::inline_always,
    reason = "a call inside the loop would keep it from becoming vector code"
)]

use super::Priced;
use super::elementary::{density, ln_ratio, mills, mills_slope};

/// Price and greeks; `sign` is 1 for a call and -1 for a put.
#[inline(always)]
pub(super) fn price(sign: f64, forward: f64, strike: f64, vol: f64, years: f64) -> Priced {
    let root_years = years.sqrt();
    let deviation = vol * root_years;
    let (low, high) = ordered(forward, strike);
    let value = time_value(ln_ratio(high, low), deviation);
    let [first, second] = probabilities(sign, forward <= strike, &value, low / high);
    let inside = sign * (forward - strike);
    let intrinsic = if inside > 0.0 { inside } else { 0.0 };
    let price_usd = low * value.per_low + intrinsic;
    let weight = low * value.density;
    let vega = weight * root_years;
    let day_theta = weight * vol / (730.0 * root_years);

    let uncertain = deviation > 0.0 && deviation < f64::INFINITY && positive(low, high);
    let certain_delta = if inside > 0.0 { sign } else { 0.0 };
    Priced {
        price_usd: if uncertain { price_usd } else { intrinsic },
        delta: if uncertain {
            sign * first
        } else {
            certain_delta
        },
        gamma: or_zero(uncertain, weight / (forward * (forward * deviation))),
        vega: or_zero(uncertain, vega / 100.0),
        theta: or_zero(uncertain, capped_theta(day_theta, 365.0 * years, price_usd)),
        rho: or_zero(uncertain, sign * (strike * years) * second / 100.0),
    }
}

/// What is left of an option beside its intrinsic value, per unit of `low`, with its parts.
pub(super) struct TimeValue {
    /// In [0, 1): the time value divided by the smaller of forward and strike.
    pub(super) per_low: f64,
    /// n(near): also the slope of `per_low` in s.
    pub(super) density: f64,
    near: f64,
    mills_near: f64,
    mills_far: f64,
}

/// The time value at x = ln(high / low) >= 0 and s > 0.
#[inline(always)]
pub(super) fn time_value(x: f64, s: f64) -> TimeValue {
    let (middle, half) = (x / s, 0.5 * s);
    let near = middle - half;
    let density = density(near);
    let (mills_near, mills_far) = (mills(near.abs()), mills(middle + half));
    // For near < 0 the Mills ratio is mirrored: N(-near) = 1 - n(near) mills(-near).
    let outside = density * (mills_near - mills_far);
    let inside = 1.0 - density * (mills_near + mills_far);
    let wide = if near > 0.0 { outside } else { inside };
    let narrow = density * mills_difference(middle, half);
    TimeValue {
        per_low: if half < NARROW { narrow } else { wide },
        density,
        near,
        mills_near,
        mills_far,
    }
}

/// Below it the difference of two Mills ratios comes from their Taylor series, exact to 1e-16 here.
const NARROW: f64 = 3.0 / 128.0;

/// mills(middle - half) - mills(middle + half) for a small half: the odd terms of the Taylor series.
///
/// Derivatives follow from mills' = y mills - 1: each is y times the last plus a multiple of the one
/// before. The first is taken from its own fit, and the digits lost in the others weigh nothing.
#[inline(always)]
fn mills_difference(middle: f64, half: f64) -> f64 {
    let zeroth = mills(middle);
    let first = -mills_slope(middle);
    let second = zeroth + middle * first;
    let third = 2.0 * first + middle * second;
    let fourth = 3.0 * second + middle * third;
    let fifth = 4.0 * third + middle * fourth;
    let sixth = 5.0 * fourth + middle * fifth;
    let seventh = 6.0 * fifth + middle * sixth;
    let square = half * half;
    let inner = fifth / 120.0 + square * (seventh / 5040.0);
    -2.0 * half * (first + square * (third / 6.0 + square * inner))
}

/// N(sign d1) and N(sign d2), each from the tail it is small in.
#[inline(always)]
fn probabilities(sign: f64, below: bool, value: &TimeValue, low_by_high: f64) -> [f64; 2] {
    let tail = value.density * value.mills_near;
    let rest = 1.0 - tail;
    let outside = value.near > 0.0;
    let near = if outside { tail } else { rest };
    let not_near = if outside { rest } else { tail };
    let far = value.density * value.mills_far * low_by_high;
    // A forward below the strike has d1 = -near and d2 = -far; above it, d1 = far and d2 = near.
    let call = sign > 0.0;
    let likely_call = if below {
        [near, far]
    } else {
        [1.0 - far, not_near]
    };
    let likely_put = if below {
        [not_near, 1.0 - far]
    } else {
        [far, near]
    };
    [
        if call { likely_call[0] } else { likely_put[0] },
        if call { likely_call[1] } else { likely_put[1] },
    ]
}

/// The exchange caps a day's theta at what is left to lose: the remaining part of a day, or the value.
/// Its published rule speaks of the last day only; whole recorded books (2021-02-09) show the cap by value
/// at every distance from expiry.
#[inline(always)]
fn capped_theta(day_theta: f64, days: f64, price_usd: f64) -> f64 {
    let loss = day_theta * if days < 1.0 { days } else { 1.0 };
    -(if loss < price_usd { loss } else { price_usd })
}

#[inline(always)]
pub(super) fn ordered(forward: f64, strike: f64) -> (f64, f64) {
    let below = forward <= strike;
    let low = if below { forward } else { strike };
    let high = if below { strike } else { forward };
    (low, high)
}

/// True when both are positive normal numbers, false with a NaN among them.
#[inline(always)]
pub(super) fn positive(low: f64, high: f64) -> bool {
    low >= f64::MIN_POSITIVE && high < f64::INFINITY
}

#[inline(always)]
fn or_zero(keep: bool, value: f64) -> f64 {
    if keep { value } else { 0.0 }
}
