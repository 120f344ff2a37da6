//! `simulator_v1`: the score of the covered-call simulator, 0 to 8.5 points, never below 0.

use super::rank::Terms;
use crate::domain::context::{Context, Features, Regime};
use crate::domain::decision::Candidate;
use crate::domain::settings::Settings;

/// Changes whenever a number in this file does.
pub const VERSION: &str = "1.0";

/// The terms of a call that qualified; they add up to its score.
///
/// 3 (ivrv - 1) / 0.5 within 0..3; 2 max(0, 1 - |delta - d*| / (2 tolerance));
/// 1.5 max(0, 1 - |dte - t*| / tolerance); 2 (premium % of spot) / 1.5 within 0..2; and what the state of
/// the market costs.
pub(super) fn terms(call: &Candidate, context: &Context, settings: &Settings) -> Terms<5> {
    let numbers = &settings.simulator;
    let ivrv = 3.0 * ((call.ivrv.unwrap_or(0.0) - 1.0) / 0.5).clamp(0.0, 1.0);
    let away = (call.delta.unwrap_or(0.0) - numbers.delta_target).abs();
    let delta = 2.0 * nearness(away, 2.0 * numbers.delta_tolerance);
    let away = (call.dte - numbers.dte_target).abs();
    let dte = 1.5 * nearness(away, numbers.dte_tolerance);
    let percent = 100.0 * call.premium_usd.unwrap_or(0.0) / context.index_price;
    let premium = 2.0 * (percent / 1.5).clamp(0.0, 1.0);
    let earned = ivrv + delta + dte + premium;
    // The score stops at 0, and its terms add up to it.
    let market = market(call, context).max(-earned);
    [
        ("ivrv", ivrv),
        ("delta", delta),
        ("dte", dte),
        ("premium", premium),
        ("market", market),
    ]
}

/// 1 at the target, 0 from `tolerance` on.
fn nearness(away: f64, tolerance: f64) -> f64 {
    if tolerance > 0.0 {
        (1.0 - away / tolerance).max(0.0)
    } else {
        f64::from(u8::from(away == 0.0))
    }
}

/// Zero or below. A feature that is not known costs nothing.
fn market(call: &Candidate, context: &Context) -> f64 {
    let features = &context.features;
    let otm = call.instrument.strike() / context.index_price - 1.0;
    let in_regime = match features.regime {
        Regime::Bull => bull(otm, features),
        Regime::Bear => half(
            features
                .return_7d
                .value
                .is_some_and(|change| change < -0.10),
        ),
        Regime::Sideways | Regime::Unknown => 0.0,
    };
    let vol = features.realised_vol_7d.value;
    let quiet = vol.is_some_and(|vol| vol > 0.0 && vol < 0.3);
    let distance = features.distance_ma200.value;
    let far = distance.is_some_and(|distance| distance.abs() > 0.20);
    in_regime + half(quiet) + half(far)
}

fn bull(otm: f64, features: &Features) -> f64 {
    let close = if otm < 0.05 { -1.0 } else { 0.0 };
    let steep = features
        .return_30d
        .value
        .is_some_and(|change| change > 0.25);
    close + half(steep)
}

fn half(costs: bool) -> f64 {
    if costs { -0.5 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::chain::Source;
    use crate::domain::coin::Coin;
    use crate::domain::context::Feature;
    use crate::domain::fixture;
    use crate::domain::settings::Mode;
    use crate::market::candidates::candidates;

    fn call(ivrv: f64, delta: f64, dte: f64, percent: f64, strike_usd: u32) -> Candidate {
        let all = candidates(&fixture::context(Coin::Btc), &Settings::of(Mode::Research));
        let mut call = all.into_iter().next().expect("a call");
        call.instrument.strike_usd = strike_usd;
        Candidate {
            ivrv: Some(ivrv),
            delta: Some(delta),
            dte,
            premium_usd: Some(900.0 * percent),
            ..call
        }
    }

    fn check(call: &Candidate, change: impl Fn(&mut Features), expect: f64) {
        let mut context = fixture::context(Coin::Btc);
        change(&mut context.features);
        let terms = terms(call, &context, &Settings::of(Mode::Research));
        let score: f64 = terms.iter().map(|(_, value)| value).sum();
        assert!((score - expect).abs() < 1e-9, "{terms:?} is not {expect}");
    }

    /// Mistake 4 of the earlier system: implied volatility in percent against realised as a fraction gave
    /// a ratio a hundred times too high, which alone reached the minimum score.
    #[test]
    fn mistake_4_no_ratio_earns_more_than_3_points_and_equal_volatilities_earn_none() {
        let nothing = |_: &mut Features| {};
        check(&call(45.0, 0.60, 30.0, 0.0, 100_000), nothing, 3.0);
        check(&call(1.0, 0.60, 30.0, 0.0, 100_000), nothing, 0.0);
    }

    #[test]
    fn each_term_has_its_share() {
        let nothing = |_: &mut Features| {};
        check(&call(1.5, 0.25, 7.0, 1.5, 100_000), nothing, 8.5);
        // 3 x 0.2 / 0.5 + 2 x (1 - 0.05 / 0.10) + 1.5 x (1 - 1 / 2) + 2 x 0.6 / 1.5.
        check(
            &call(1.2, 0.30, 8.0, 0.6, 100_000),
            nothing,
            1.2 + 1.0 + 0.75 + 0.8,
        );
        check(&call(0.8, 0.40, 10.0, 0.0, 100_000), nothing, 0.0);
    }

    #[test]
    fn the_state_of_the_market_costs_points() {
        let known = |value| Feature::known(value, Source::DeliveryPrice);
        let near = call(1.5, 0.25, 7.0, 1.5, 94_000);
        check(&near, |features| features.regime = Regime::Bull, 7.5);
        let steep = |features: &mut Features| {
            features.regime = Regime::Bull;
            features.return_30d = known(0.26);
            features.distance_ma200 = known(0.21);
        };
        check(&near, steep, 6.5);
        let falling = |features: &mut Features| {
            features.regime = Regime::Bear;
            features.return_7d = known(-0.11);
            features.realised_vol_7d = known(0.29);
        };
        check(&near, falling, 7.5);
        check(&call(1.0, 0.60, 30.0, 0.0, 94_000), steep, 0.0);
    }
}
