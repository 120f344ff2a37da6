//! What a book of short calls earns at every spot price: today and at expiry, alone and with its cover.

use super::instrument::{Instrument, Style};
use super::pricing::black76;

/// One open short call with what its roll chain has earned so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShortCall {
    pub instrument: Instrument,
    /// Coin sold, above zero.
    pub size: f64,
    /// Premium received less premium and fees paid by the whole roll chain, quote currency.
    pub cash: f64,
    /// Implied volatility, a fraction; without one the call is worth its intrinsic value today.
    pub vol: Option<f64>,
    /// Forward / spot of its expiry, kept as the spot moves.
    pub basis: f64,
}

/// Curves over spot, USD. A curve's value at `spots[n]` is its nth number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payoff {
    pub spots: Vec<f64>,
    /// Profit of the calls if each expires at that spot.
    pub expiry: Vec<f64>,
    /// Profit of the calls if the spot moved there now.
    pub today: Vec<f64>,
    /// Profit at expiry of the calls and of the coin that covers them, bought at the present spot.
    pub covered: Vec<f64>,
    /// Spots where the calls alone come out at zero at expiry.
    pub break_evens: Vec<f64>,
    /// Spots where the covered coin comes out at zero at expiry.
    pub covered_break_evens: Vec<f64>,
}

/// The spots looked at reach so far beyond the present one and the strikes.
const REACH: f64 = 0.15;
const STEPS: usize = 160;

/// The curves of `calls` around `spot`, valued at `at_ms`.
pub fn payoff(calls: &[ShortCall], spot: f64, at_ms: i64) -> Payoff {
    let spots = grid(calls, spot);
    let curve = |of: &dyn Fn(f64) -> f64| spots.iter().map(|at| of(*at)).collect::<Vec<f64>>();
    let expiry = curve(&|at| calls.iter().map(|call| at_expiry(call, at)).sum());
    let today = curve(&|at| calls.iter().map(|call| now(call, at, at_ms)).sum());
    let size: f64 = calls.iter().map(|call| call.size).sum();
    let covered: Vec<f64> = spots
        .iter()
        .zip(&expiry)
        .map(|(at, calls)| size * (at - spot) + calls)
        .collect();
    Payoff {
        break_evens: zeros(&spots, &expiry),
        covered_break_evens: zeros(&spots, &covered),
        spots,
        expiry,
        today,
        covered,
    }
}

/// Profit today at the present spot, USD: what the position table calls P&L.
pub fn now(call: &ShortCall, spot: f64, at_ms: i64) -> f64 {
    let strike = call.instrument.strike();
    let forward = spot * call.basis;
    let years = call.instrument.years(at_ms);
    let price = black76(true, forward, strike, call.vol.unwrap_or(0.0), years).price_usd;
    match call.instrument.style {
        // An inverse premium is price / forward in coin, and the coin is worth the spot.
        Style::Inverse => (call.cash - call.size * price / forward) * spot,
        Style::Linear => call.cash - call.size * price,
    }
}

fn at_expiry(call: &ShortCall, spot: f64) -> f64 {
    let paid = call.size * (spot - call.instrument.strike()).max(0.0);
    match call.instrument.style {
        Style::Inverse => call.cash * spot - paid,
        Style::Linear => call.cash - paid,
    }
}

/// Even steps with every strike among them, so that no kink is cut off.
fn grid(calls: &[ShortCall], spot: f64) -> Vec<f64> {
    let strikes = || calls.iter().map(|call| call.instrument.strike());
    let low = strikes().fold(spot, f64::min) * (1.0 - REACH);
    let high = strikes().fold(spot, f64::max) * (1.0 + REACH);
    let step = (high - low) / STEPS as f64;
    let mut spots: Vec<f64> = (0..=STEPS).map(|n| low + step * n as f64).collect();
    spots.extend(strikes());
    spots.push(spot);
    spots.sort_by(f64::total_cmp);
    spots.dedup();
    spots
}

/// Where a curve crosses zero; exact because the curves at expiry are straight between strikes.
fn zeros(spots: &[f64], values: &[f64]) -> Vec<f64> {
    let points = || spots.iter().zip(values);
    points()
        .zip(points().skip(1))
        .filter(|((_, a), (_, b))| (**a < 0.0) != (**b < 0.0))
        .map(|((x, a), (y, b))| x + (y - x) * a / (a - b))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::named;

    const NOW_MS: i64 = 1_767_603_600_000;

    fn call(name: &str, cash: f64) -> ShortCall {
        ShortCall {
            instrument: named(name),
            size: 0.1,
            cash,
            vol: Some(0.5),
            basis: 1.0,
        }
    }

    #[test]
    fn an_inverse_call_breaks_even_at_the_strike_over_one_less_the_premium() {
        let found = payoff(&[call("BTC-30JAN26-100000-C", 0.002)], 90_000.0, NOW_MS);
        // 0.002 coin on 0.1 coin: a premium of 0.02, so 100,000 / 0.98.
        assert_eq!(found.break_evens.len(), 1);
        assert!((found.break_evens[0] - 100_000.0 / 0.98).abs() < 1e-6);
        // The covered coin loses below spot / (1 + premium).
        assert!((found.covered_break_evens[0] - 90_000.0 / 1.02).abs() < 1e-6);
    }

    #[test]
    fn upside_is_capped_above_the_strike() {
        let found = payoff(
            &[call("BTC_USDC-30JAN26-100000-C", 200.0)],
            90_000.0,
            NOW_MS,
        );
        let top = found.covered.last().copied().expect("a grid has points");
        assert!((top - (0.1 * 10_000.0 + 200.0)).abs() < 1e-9, "{top}");
        assert!((found.break_evens[0] - 102_000.0).abs() < 1e-6);
    }

    #[test]
    fn before_expiry_a_short_call_is_worth_less_than_at_expiry() {
        let found = payoff(&[call("BTC-30JAN26-100000-C", 0.002)], 90_000.0, NOW_MS);
        for (today, expiry) in found.today.iter().zip(&found.expiry) {
            assert!(
                today <= expiry,
                "time value is against the seller: {today} {expiry}"
            );
        }
    }
}
