//! `rules_v1`: the earlier system's score, kept unchanged as the baseline.
//!
//! Its known weakness is kept too: from 50 to 500 USD the premium term grows by 2.3, while the whole
//! delta band costs at most 0.11, so it drifts to the top of the band; and its USD floor, set with BTC
//! in mind, drops most ETH calls.

use super::rank::Terms;
use crate::domain::decision::Candidate;
use crate::domain::math::ln;
use crate::domain::settings::Settings;

/// Changes whenever a number in this file does.
pub const VERSION: &str = "1.0";

/// score = ln(1 + premium_usd) - 5 (delta - delta*)^2 - 2 ((dte - dte*) / max(dte*, 1))^2
/// + max(ivrv - ivrv_min, 0), of a call that qualified; delta*, dte* are the middles of the bands.
pub(super) fn terms(call: &Candidate, settings: &Settings) -> Terms<4> {
    let delta = call.delta.unwrap_or(0.0) - settings.delta_target();
    let dte_target = settings.dte_target();
    let dte = (call.dte - dte_target) / dte_target.max(1.0);
    [
        ("premium", ln(1.0 + call.premium_usd.unwrap_or(0.0))),
        ("delta", -5.0 * delta * delta),
        ("dte", -2.0 * dte * dte),
        (
            "ivrv",
            (call.ivrv.unwrap_or(0.0) - settings.ivrv_min).max(0.0),
        ),
    ]
}
