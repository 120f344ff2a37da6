//! Returns, realised volatility and moving averages from daily closes, only from whole windows.

use crate::domain::chain::Source;
use crate::domain::context::{Feature, History};
use crate::domain::instrument::DAY_MS;
use crate::domain::math::ln;
use chrono::DateTime;

/// Two closes are consecutive when they are one day apart, give or take this.
const DAY_TOLERANCE_MS: i64 = 3_600_000;
/// A window whose last close is older than this says nothing about now.
const STALE_MS: i64 = 2 * DAY_MS;

/// The closes known at an instant.
pub(super) struct Closes<'a> {
    known: &'a [(i64, f64)],
    source: Source,
    as_of_ms: i64,
}

impl<'a> Closes<'a> {
    pub(super) fn until(history: &'a History, as_of_ms: i64) -> Self {
        let end = history
            .closes
            .partition_point(|(at_ms, _)| *at_ms <= as_of_ms);
        Self {
            known: &history.closes[..end],
            source: history.closes_source,
            as_of_ms,
        }
    }

    /// index / close - 1 against the close nearest to `days` before now, at most half a day off.
    pub(super) fn return_over(&self, days: i64, index: &Feature) -> Feature {
        let Some(price) = index.value else {
            return index.clone();
        };
        match self.nearest(self.as_of_ms - days * DAY_MS) {
            Some(close) => Feature::known(price / close - 1.0, self.source),
            None => Feature::missing(format!("no daily close {days} days ago")),
        }
    }

    /// Sample stdev of the last `days` daily log returns x sqrt(365); needs `days` + 1 closes in a row.
    pub(super) fn realised_vol(&self, days: usize) -> Feature {
        self.window(days + 1)
            .map_or_else(Feature::missing, |closes| {
                let returns = |pair: &[(i64, f64)]| ln(pair[1].1 / pair[0].1);
                let mean = closes.windows(2).map(returns).sum::<f64>() / days as f64;
                let squares = closes
                    .windows(2)
                    .map(returns)
                    .map(|x| (x - mean) * (x - mean));
                let variance = squares.sum::<f64>() / (days - 1) as f64;
                Feature::known((variance * 365.0).sqrt(), self.source)
            })
    }

    /// Mean of the last `days` closes in a row; never of fewer.
    pub(super) fn average(&self, days: usize) -> Feature {
        self.window(days).map_or_else(Feature::missing, |closes| {
            let sum: f64 = closes.iter().map(|(_, price)| price).sum();
            Feature::known(sum / days as f64, self.source)
        })
    }

    /// The last `count` closes if they are consecutive days up to now, else why not.
    fn window(&self, count: usize) -> Result<&'a [(i64, f64)], String> {
        let Some(start) = self.known.len().checked_sub(count) else {
            return Err(format!(
                "needs {count} daily closes in a row, {} are known",
                self.known.len()
            ));
        };
        let closes = &self.known[start..];
        let last_ms = closes.last().map_or(0, |(at_ms, _)| *at_ms);
        if self.as_of_ms - last_ms > STALE_MS {
            return Err(format!("the latest daily close is of {}", day(last_ms)));
        }
        if let Some(at_ms) = first_gap(closes) {
            return Err(format!(
                "needs {count} daily closes in a row, the one after {} is missing",
                day(at_ms)
            ));
        }
        let bad = closes
            .iter()
            .find(|(_, price)| price.is_nan() || *price <= 0.0);
        bad.map_or(Ok(closes), |(at_ms, _)| {
            Err(format!("the daily close of {} is not a price", day(*at_ms)))
        })
    }

    /// The close nearest to an instant, at most half a day away; the earlier of two equally near.
    fn nearest(&self, at_ms: i64) -> Option<f64> {
        let after = self
            .known
            .partition_point(|(close_ms, _)| *close_ms < at_ms);
        let around = &self.known[after.saturating_sub(1)..];
        around
            .iter()
            .take(2)
            .filter(|(close_ms, price)| (close_ms - at_ms).abs() <= DAY_MS / 2 && *price > 0.0)
            .min_by_key(|(close_ms, _)| (close_ms - at_ms).abs())
            .map(|(_, price)| *price)
    }
}

/// The close after which a day is missing.
fn first_gap(closes: &[(i64, f64)]) -> Option<i64> {
    closes
        .windows(2)
        .find(|pair| (pair[1].0 - pair[0].0 - DAY_MS).abs() > DAY_TOLERANCE_MS)
        .map(|pair| pair[0].0)
}

/// `2026-01-31`, for notes.
pub(super) fn day(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms)
        .unwrap_or_default()
        .format("%Y-%m-%d")
        .to_string()
}
