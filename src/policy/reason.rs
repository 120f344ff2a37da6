//! The sentence a person reads beside a decision.

use super::explore::Draw;
use crate::domain::context::Context;
use crate::domain::decision::{Candidate, Filter};
use crate::domain::settings::Settings;
use std::collections::BTreeMap;

/// `BTC-30JAN26-95000-C (rank 1, score 1.204, delta 0.24, 8.0 days, 31.0 % a year net, IV/RV 1.21)`.
pub(super) fn chosen(call: &Candidate, draw: &Draw) -> String {
    let drawn = if draw.explored {
        ", drawn to explore"
    } else {
        ""
    };
    format!(
        "{} (rank {}, score {:.3}, delta {:.2}, {:.1} days, {:.1} % a year net, IV/RV {:.2}{drawn})",
        call.instrument,
        call.rank.unwrap_or_default(),
        call.score.unwrap_or_default(),
        call.delta.unwrap_or_default(),
        call.dte,
        100.0 * call.yield_net.unwrap_or_default(),
        call.ivrv.unwrap_or_default(),
    )
}

/// Why there is nothing to choose: how many calls were looked at and where most of them stopped.
pub(super) fn none(candidates: &[Candidate], context: &Context, settings: &Settings) -> String {
    if context.chain.quotes.is_empty() {
        return "the chain has no calls".to_owned();
    }
    if candidates.iter().any(|call| call.failed.is_none()) {
        let least = settings.simulator.score_min;
        return match settings.policy.as_str() {
            "simulator_v1" => format!("no call that is free scores {least} or more"),
            _ => "every call that qualifies is held or ordered already".to_owned(),
        };
    }
    let mut stopped: BTreeMap<Filter, usize> = BTreeMap::new();
    for failed in candidates.iter().filter_map(|call| call.failed.as_ref()) {
        *stopped.entry(failed.filter).or_default() += 1;
    }
    let most = stopped
        .iter()
        .max_by_key(|(filter, count)| (**count, std::cmp::Reverse(**filter)));
    match most {
        None => "no call qualifies".to_owned(),
        Some((filter, count)) => format!(
            "none of {} calls qualifies (most, {count}, stop at {})",
            candidates.len(),
            filter.as_str()
        ),
    }
}

pub(super) fn holding(open: usize, context: &Context) -> String {
    if context.working.is_empty() {
        format!("holding {open} short call(s), none is due for a roll")
    } else {
        format!("{open} short call(s) held or ordered, none is due for a roll")
    }
}

pub(super) fn room(open: usize, settings: &Settings) -> String {
    match (open, settings.max_calls_per_underlying) {
        (0, _) => "no short call".to_owned(),
        (open, most) => format!("{open} of {most} short calls"),
    }
}
