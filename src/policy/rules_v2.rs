//! `rules_v2`, the default: yield on the coin net of fees, and terms of one size.
//!
//! Before its weight each term lies in 0..1 or -1..0: the yield saturates (half of it at 50 % a year),
//! the distances from the middles are measured in half bands, the volatility ratio counts up to 0.5
//! above its floor. So a weight of 1 means the same for every term, and BTC and ETH score alike.

use super::rank::Terms;
use crate::domain::decision::Candidate;
use crate::domain::settings::Settings;

/// Changes whenever a number in this file does.
pub const VERSION: &str = "2.0";
/// Annualised net yield that earns half of the yield term.
const YIELD_HALF: f64 = 0.5;
/// Excess over `ivrv_min` that earns the whole ratio term.
const IVRV_FULL: f64 = 0.5;

/// score = w_yield y / (y + 0.5) - w_delta ((delta - delta*) / half band)^2
/// - w_dte ((dte - dte*) / half band)^2 + w_ivrv min((ivrv - ivrv_min) / 0.5, 1), of a call that qualified.
pub(super) fn terms(call: &Candidate, settings: &Settings) -> Terms<4> {
    let yield_net = call.yield_net.unwrap_or(0.0).max(0.0);
    let delta = call.delta.unwrap_or(0.0) - settings.delta_target();
    let delta = in_half_bands(delta, settings.delta_min, settings.delta_max);
    let dte = call.dte - settings.dte_target();
    let dte = in_half_bands(dte, settings.dte_min, settings.dte_max);
    let ivrv = (call.ivrv.unwrap_or(0.0) - settings.ivrv_min) / IVRV_FULL;
    [
        (
            "yield",
            settings.weight_yield * yield_net / (yield_net + YIELD_HALF),
        ),
        ("delta", -settings.weight_delta * delta * delta),
        ("dte", -settings.weight_dte * dte * dte),
        ("ivrv", settings.weight_ivrv * ivrv.clamp(0.0, 1.0)),
    ]
}

/// 1 at either end of the band; a band without width has no distances.
fn in_half_bands(distance: f64, low: f64, high: f64) -> f64 {
    let half = (high - low) / 2.0;
    if half > 0.0 { distance / half } else { 0.0 }
}
