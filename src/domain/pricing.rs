//! Black-76 on the forward, as the exchange prices: undiscounted, greeks in its conventions.

use super::math::{ln, norm_cdf, norm_pdf};
use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility};

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
    /// USD per day.
    pub theta: f64,
}

/// Black-76 price and greeks; `vol` is a fraction, `years` of 365 days.
///
/// At expiry or zero volatility the price is the intrinsic value and gamma, vega and theta are 0.
pub fn black76(call: bool, forward: f64, strike: f64, vol: f64, years: f64) -> Priced {
    let deviation = vol * years.sqrt();
    if deviation.is_nan() || deviation <= 0.0 {
        return intrinsic(call, forward, strike);
    }
    let d1 = ln(forward / strike) / deviation + 0.5 * deviation;
    let d2 = d1 - deviation;
    let sign = if call { 1.0 } else { -1.0 };
    let density = norm_pdf(d1);
    let day_theta = -forward * density * vol / (2.0 * years.sqrt()) / 365.0;
    let price_usd = sign * (forward * norm_cdf(sign * d1) - strike * norm_cdf(sign * d2));
    Priced {
        price_usd: price_usd.max(0.0),
        delta: sign * norm_cdf(sign * d1),
        gamma: density / (forward * deviation),
        vega: forward * density * years.sqrt() / 100.0,
        theta: capped_theta(day_theta, years * 365.0, price_usd),
    }
}

/// The Black-76 volatility of a price in USD, a fraction; `None` when no volatility gives it.
///
/// Solved on the out-of-the-money side, where no digits cancel.
pub fn implied_volatility(
    call: bool,
    forward: f64,
    strike: f64,
    price_usd: f64,
    years: f64,
) -> Option<f64> {
    let sign = if call { 1.0 } else { -1.0 };
    let intrinsic = (sign * (forward - strike)).max(0.0);
    let builder = ImpliedBlackVolatility::builder()
        .option_price(price_usd - intrinsic)
        .forward(forward)
        .strike(strike)
        .expiry(years)
        .is_call(call == (intrinsic == 0.0));
    let implied = builder.build()?.calculate::<DefaultSpecialFn>()?;
    implied.is_finite().then_some(implied)
}

fn intrinsic(call: bool, forward: f64, strike: f64) -> Priced {
    let sign = if call { 1.0 } else { -1.0 };
    let value = (sign * (forward - strike)).max(0.0);
    let delta = if value > 0.0 { sign } else { 0.0 };
    Priced {
        price_usd: value,
        delta,
        gamma: 0.0,
        vega: 0.0,
        theta: 0.0,
    }
}

/// The exchange caps a day's theta at what is left to lose: the remaining part of a day, or the value.
/// Its published rule speaks of the last day only; whole recorded books (2021-02-09) show the cap by value
/// at every distance from expiry.
fn capped_theta(day_theta: f64, days: f64, price_usd: f64) -> f64 {
    -(-day_theta * days.min(1.0)).min(price_usd.max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn put_call_parity_holds() {
        for strike in [50_000.0, 90_000.0, 150_000.0] {
            let call = black76(true, 90_000.0, strike, 0.45, 0.1);
            let put = black76(false, 90_000.0, strike, 0.45, 0.1);
            assert!((call.price_usd - put.price_usd - (90_000.0 - strike)).abs() < 1e-8);
            assert!((call.delta - put.delta - 1.0).abs() < 1e-14);
        }
    }

    #[test]
    fn expired_is_worth_its_intrinsic_value() {
        assert_eq!(black76(true, 110.0, 100.0, 0.5, 0.0).price_usd, 10.0);
        assert_eq!(black76(false, 110.0, 100.0, 0.5, 0.0).price_usd, 0.0);
    }

    proptest! {
        #[test]
        fn put_call_parity_holds_everywhere(
            moneyness in 0.5..2.0_f64,
            vol in 0.05..3.0_f64,
            days in 0.01..400.0_f64,
        ) {
            let (forward, strike, years) = (90_000.0, 90_000.0 * moneyness, days / 365.0);
            let call = black76(true, forward, strike, vol, years);
            let put = black76(false, forward, strike, vol, years);
            prop_assert!((call.price_usd - put.price_usd - (forward - strike)).abs() < 1e-6);
            prop_assert!((call.delta - put.delta - 1.0).abs() < 1e-12);
        }

        #[test]
        fn a_price_rises_with_volatility(
            moneyness in 0.5..2.0_f64,
            vol in 0.05..2.0_f64,
            more in 0.001..1.0_f64,
            days in 0.01..400.0_f64,
            call in any::<bool>(),
        ) {
            let price = |vol| black76(call, 90_000.0, 90_000.0 * moneyness, vol, days / 365.0).price_usd;
            prop_assert!(price(vol + more) >= price(vol) - 1e-8);
        }

        #[test]
        fn the_implied_volatility_inverts_the_price(
            moneyness in 0.8..1.25_f64,
            vol in 0.2..1.5_f64,
            days in 2.0..400.0_f64,
        ) {
            let (forward, strike, years) = (90_000.0, 90_000.0 * moneyness, days / 365.0);
            let call = moneyness >= 1.0;
            let priced = black76(call, forward, strike, vol, years);
            prop_assume!(priced.vega > 1e-3);
            let implied = implied_volatility(call, forward, strike, priced.price_usd, years);
            let implied = implied.expect("the price is attainable");
            prop_assert!((implied - vol).abs() < 1e-7, "{implied} {vol}");
        }
    }
}
