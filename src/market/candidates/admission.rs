//! The smallest change of settings that would let a rejected call qualify.

use super::first_failure;
use crate::domain::decision::{Candidate, FailedFilter, Filter};
use crate::domain::settings::Settings;
use serde::Serialize;

/// What it would take for a call to pass every filter.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// All of these together; empty for a call that qualifies.
    Changes(Vec<Change>),
    /// No setting does: why.
    Never(&'static str),
}

/// One key of workers.toml and the value nearest to the present one that passes, rounded to three
/// figures towards passing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    pub section: &'static str,
    pub key: &'static str,
    pub from: f64,
    pub to: f64,
}

/// Widens one setting after the other, in the order of the filters, until the call passes them all.
pub fn admission(call: &Candidate, index_price: f64, settings: &Settings) -> Admission {
    let mut wider = settings.clone();
    let mut changes: Vec<Change> = Vec::new();
    while let Some(failed) = first_failure(call, index_price, &wider) {
        let Some(change) = widen(&mut wider, &failed) else {
            return Admission::Never(why(failed.filter));
        };
        changes.push(change);
    }
    Admission::Changes(changes)
}

/// Sets the key of a filter to what admits the call; `None` when the filter has no key, or none that helps.
fn widen(settings: &mut Settings, failed: &FailedFilter) -> Option<Change> {
    let needed = failed.admit_at.filter(|value| value.is_finite())?;
    let (section, key, slot, upwards) = match failed.filter {
        Filter::DteMin => ("desk", "dte_min", &mut settings.dte_min, false),
        Filter::DteMax => ("desk", "dte_max", &mut settings.dte_max, true),
        Filter::DeltaMin => ("desk", "delta_min", &mut settings.delta_min, false),
        Filter::DeltaMax => ("desk", "delta_max", &mut settings.delta_max, true),
        Filter::Spread => ("desk", "spread_max", &mut settings.spread_max, true),
        Filter::OpenInterest => (
            "desk",
            "open_interest_min",
            &mut settings.open_interest_min,
            false,
        ),
        Filter::Ivrv => ("desk", "ivrv_min", &mut settings.ivrv_min, false),
        Filter::PremiumMin => (
            "policy",
            "premium_min_usd",
            &mut settings.premium_min_usd,
            false,
        ),
        Filter::YieldMin => ("policy", "yield_min", &mut settings.yield_min, false),
        Filter::OutOfTheMoney
        | Filter::Bid
        | Filter::Ask
        | Filter::Delta
        | Filter::MarkIv
        | Filter::RealisedVol => return None,
    };
    let (from, to) = (*slot, rounded(needed, upwards));
    *slot = to;
    Some(Change {
        section,
        key,
        from,
        to,
    })
}

/// Three figures, never on the refusing side of `value`.
fn rounded(value: f64, upwards: bool) -> f64 {
    let mut scale = 1.0;
    while value.abs() * scale < 100.0 && scale < 1e6 {
        scale *= 10.0;
    }
    let edge = if upwards {
        (value * scale).ceil() / scale
    } else {
        (value * scale).floor() / scale
    };
    let passes = if upwards {
        edge >= value
    } else {
        edge <= value
    };
    if passes { edge } else { value }
}

fn why(filter: Filter) -> &'static str {
    match filter {
        Filter::OutOfTheMoney => "the strike is not above the index",
        Filter::Bid => "nobody bids",
        Filter::Ask => "nobody offers",
        Filter::Delta => "its delta is not known",
        Filter::MarkIv => "its implied volatility is not known",
        Filter::RealisedVol => "the realised volatility is not known yet",
        Filter::OpenInterest => "its open interest is not known",
        Filter::Spread => "bid and ask are crossed",
        _ => "the value it is measured by is not known",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fixture::named;
    use crate::domain::settings::Mode;
    use std::collections::BTreeMap;

    fn call() -> Candidate {
        Candidate {
            instrument: named("BTC-30JAN26-97000-C"),
            dte: 25.04,
            delta: Some(0.421_34),
            bid: Some(0.0100),
            ask: Some(0.0105),
            mark_iv: Some(0.5),
            ivrv: Some(0.93),
            open_interest: Some(400.0),
            premium_usd: Some(900.0),
            yield_net: Some(0.14),
            failed: None,
            score: None,
            rank: None,
            propensity: 0.0,
            chosen: false,
            terms: BTreeMap::new(),
        }
    }

    #[test]
    fn every_filter_that_fails_is_named_not_only_the_first() {
        let settings = Settings::of(Mode::Research);
        let Admission::Changes(changes) = admission(&call(), 90_000.0, &settings) else {
            panic!("settings can admit it");
        };
        let named: Vec<_> = changes
            .iter()
            .map(|change| (change.key, change.to))
            .collect();
        assert_eq!(
            named,
            [("dte_max", 25.1), ("delta_max", 0.422), ("ivrv_min", 0.93)]
        );
    }

    #[test]
    fn the_changed_settings_do_admit_the_call() {
        let mut settings = Settings::of(Mode::Production);
        let tight = settings.clone();
        let Admission::Changes(changes) = admission(&call(), 90_000.0, &tight) else {
            panic!("settings can admit it");
        };
        for change in changes {
            match change.key {
                "dte_max" => settings.dte_max = change.to,
                "delta_max" => settings.delta_max = change.to,
                "ivrv_min" => settings.ivrv_min = change.to,
                other => panic!("{other} needs no change"),
            }
        }
        assert_eq!(first_failure(&call(), 90_000.0, &settings), None);
    }

    #[test]
    fn no_setting_admits_what_is_in_the_money_or_has_no_bid() {
        let settings = Settings::of(Mode::Research);
        let never = |call: &Candidate, index: f64| {
            matches!(admission(call, index, &settings), Admission::Never(_))
        };
        assert!(never(&call(), 98_000.0));
        let unbid = Candidate {
            bid: None,
            ..call()
        };
        assert!(never(&unbid, 90_000.0));
    }

    #[test]
    fn rounding_stays_on_the_passing_side() {
        assert_eq!(rounded(0.421_34, true), 0.422);
        assert_eq!(rounded(0.421_34, false), 0.421);
        assert_eq!(rounded(21.0, true), 21.0);
        assert!(rounded(0.1 + 0.2, true) >= 0.1 + 0.2);
    }
}
