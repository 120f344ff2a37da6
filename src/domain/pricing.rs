//! Black-76 on the forward, as the exchange prices: undiscounted, greeks in its conventions.
//!
//! One arithmetic for everything that is stored: the kernel's plain IEEE operations without FMA, which
//! give the same bits on every machine, alone or in a [`batch`].
//!
//! Relative errors of price and greeks are below 1e-12 where vol sqrt(years) is in 1e-5..20, forward and
//! strike are within 37 deviations and the probability of exercise is above 1e-290; of the implied
//! volatility below 1e-12 (nearly everywhere 1e-15) up to vol sqrt(years) of 8, beyond which the price
//! itself no longer tells. tests/fixtures holds results of 40 digits. In the money a price carries only
//! what is left of its digits after the intrinsic value, and so does its volatility.

pub mod batch;
mod elementary;
mod implied;
mod kernel;
#[cfg(test)]
mod tests;
mod vector;

/// Price and greeks of one call or put per 1 coin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Priced {
    /// USD; an inverse option's premium in coin is this / forward.
    pub price_usd: f64,
    /// N(d1) for calls, N(d1) - 1 for puts.
    pub delta: f64,
    /// Per USD of the forward.
    pub gamma: f64,
    /// USD per 1 volatility point.
    pub vega: f64,
    /// USD per day; at most what is left of the price, and of a day.
    pub theta: f64,
    /// USD per 1 % of the rate; negative for puts.
    pub rho: f64,
}

/// Black-76 price and greeks; `vol` is a fraction, `years` of 365 days.
///
/// At expiry, at zero volatility or without a positive forward and strike, the price is the intrinsic
/// value and gamma, vega, theta and rho are 0.
pub fn black76(call: bool, forward: f64, strike: f64, vol: f64, years: f64) -> Priced {
    kernel::price(sign(call), forward, strike, vol, years)
}

/// The volatility (a fraction) at which Black-76 gives this price in USD per 1 coin.
///
/// None when there is none: a price at or below the intrinsic value, at or above the forward (calls) or
/// the strike (puts), no time left, or a time value below 1e-290 of the lower of forward and strike.
pub fn implied_volatility(
    call: bool,
    forward: f64,
    strike: f64,
    price_usd: f64,
    years: f64,
) -> Option<f64> {
    let start = implied::start(sign(call), forward, strike, price_usd);
    let (mut deviation, mut step) = (start.deviation, 0.0);
    for _ in 0..implied::ROUNDS {
        step = implied::step(start.x, start.per_low, deviation);
        deviation += step;
    }
    let vol = implied::finish(start.x, start.per_low, deviation, step, years);
    (!vol.is_nan()).then_some(vol)
}

fn sign(call: bool) -> f64 {
    if call { 1.0 } else { -1.0 }
}
