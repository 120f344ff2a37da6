//! The exchange's 30-day volatility index: its latest value and its place in the last year.

use super::daily::day;
use crate::domain::context::{Feature, History};
use crate::domain::instrument::DAY_MS;

/// An older value is not "the volatility now" under any name.
const STALE_MS: i64 = 7 * DAY_MS;
const YEAR_DAYS: i64 = 365;
/// The year's first value may be this late; recorded history has holes of a few days.
const START_SLACK_MS: i64 = 7 * DAY_MS;
/// Days of the year that must be known before a rank over it may be named so.
const RANK_DAYS_MIN: usize = 300;

/// The last value at or before `as_of_ms`, at most a week old; the note says when it is not of today.
pub(super) fn latest(history: &History, as_of_ms: i64) -> Feature {
    let Some((at_ms, value)) = known(history, as_of_ms).last() else {
        return Feature::missing("no volatility index known");
    };
    let age_ms = as_of_ms - at_ms;
    if age_ms > STALE_MS {
        return Feature::missing(format!("the last volatility index is of {}", day(*at_ms)));
    }
    let note = (age_ms > 2 * DAY_MS).then(|| format!("of {}", day(*at_ms)));
    Feature {
        note,
        ..Feature::known(*value, history.dvol_source)
    }
}

/// (latest - lowest) / (highest - lowest) of the last 365 days, 0..1; never of a shorter window.
pub(super) fn rank(history: &History, as_of_ms: i64) -> Feature {
    let now = latest(history, as_of_ms);
    let Some(value) = now.value else {
        return now;
    };
    let known = known(history, as_of_ms);
    let from_ms = as_of_ms - YEAR_DAYS * DAY_MS;
    let year = &known[known.partition_point(|(at_ms, _)| *at_ms < from_ms)..];
    let starts_late = year
        .first()
        .is_none_or(|(at_ms, _)| *at_ms > from_ms + START_SLACK_MS);
    if starts_late || year.len() < RANK_DAYS_MIN {
        return Feature::missing(format!(
            "needs a year of the volatility index, {} days of it are known",
            year.len()
        ));
    }
    let (low, high) = year.iter().fold((value, value), |(low, high), (_, value)| {
        (low.min(*value), high.max(*value))
    });
    if high > low {
        Feature::known((value - low) / (high - low), history.dvol_source)
    } else {
        Feature::missing("the volatility index did not move for a year")
    }
}

fn known(history: &History, as_of_ms: i64) -> &[(i64, f64)] {
    let end = history
        .dvol
        .partition_point(|(at_ms, _)| *at_ms <= as_of_ms);
    &history.dvol[..end]
}
