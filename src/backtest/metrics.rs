//! Returns, risk and drawdown of one series of values; conventions: days of UTC, 365 a year, no interest.

use super::gaps::{Gap, longest_of};
use crate::domain::instrument::DAY_MS;
use crate::domain::math::{exp, ln};
use serde::{Deserialize, Serialize};

/// One series in numbers, all fractions; null where the run is too short or did not move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Performance {
    pub start: f64,
    pub end: f64,
    pub total_return: f64,
    /// (1 + total return) ^ (365 / days) - 1, of a day or more.
    pub annualised_return: Option<f64>,
    /// Sample stdev of daily returns x sqrt(365).
    pub volatility: Option<f64>,
    /// Mean daily return x 365 / volatility.
    pub sharpe: Option<f64>,
    /// Mean daily return x 365 / (root mean square of the losses x sqrt(365)).
    pub sortino: Option<f64>,
    /// Annualised return / deepest drawdown.
    pub calmar: Option<f64>,
    /// Deepest fall below the highest value so far, of it, positive.
    pub max_drawdown: f64,
    /// Longest time below an earlier high, days; gaps of the data and the rounding of floats apart.
    pub drawdown_days: f64,
}

/// Of (instant, value) in the order of time, from a value at the first instant on.
pub fn performance(start: f64, points: impl Iterator<Item = (i64, f64)>) -> Performance {
    performance_but(i64::MAX, start, points)
}

/// As [`performance`]; what lies between two points further apart than `gap_ms` is no day of the market.
pub(super) fn performance_but(
    gap_ms: i64,
    start: f64,
    points: impl Iterator<Item = (i64, f64)>,
) -> Performance {
    let mut series = Series::new(start, gap_ms);
    points.for_each(|(at_ms, value)| series.push(at_ms, value));
    series.finish()
}

/// The return of every day with a point, the first one from the start; those across a gap are left out.
pub(super) fn daily_returns(
    gap_ms: i64,
    start: f64,
    points: impl Iterator<Item = (i64, f64)>,
) -> Vec<f64> {
    let days = days(gap_ms, start, points);
    days.into_iter().map(|(_, one)| one).collect()
}

/// The daily returns of a run whose gaps are known, each with the instant of its day's last point.
pub fn returns_by_day(
    gaps: &[Gap],
    start: f64,
    points: impl Iterator<Item = (i64, f64)>,
) -> Vec<(i64, f64)> {
    days(longest_of(gaps), start, points)
}

fn days(gap_ms: i64, start: f64, points: impl Iterator<Item = (i64, f64)>) -> Vec<(i64, f64)> {
    let mut series = Series::new(start, gap_ms);
    points.for_each(|(at_ms, value)| series.push(at_ms, value));
    series.end_day();
    series.returns
}

/// A volatility no larger is the rounding of floats, not a movement.
const STILL: f64 = 1e-9;

/// Folds a series once, without keeping it.
#[derive(Debug)]
struct Series {
    start: f64,
    /// Two points further apart have a gap between them.
    gap_ms: i64,
    /// Time in gaps so far, milliseconds.
    lost_ms: i64,
    /// What the value was multiplied by across gaps.
    skipped: f64,
    first_ms: Option<i64>,
    last: (i64, f64),
    /// Value at the end of the last whole day.
    day_end: f64,
    /// Instant of the day's last point, return.
    returns: Vec<(i64, f64)>,
    /// Its instant is counted without gaps.
    peak: (i64, f64),
    max_drawdown: f64,
    longest_ms: i64,
}

impl Series {
    fn new(start: f64, gap_ms: i64) -> Self {
        Self {
            start,
            gap_ms,
            lost_ms: 0,
            skipped: 1.0,
            first_ms: None,
            last: (0, start),
            day_end: start,
            returns: Vec::new(),
            peak: (0, start),
            max_drawdown: 0.0,
            longest_ms: 0,
        }
    }

    fn push(&mut self, at_ms: i64, value: f64) {
        if self.first_ms.is_none() {
            self.first_ms = Some(at_ms);
            self.peak.0 = at_ms;
        } else if at_ms - self.last.0 > self.gap_ms {
            self.skip(at_ms, value);
        } else if at_ms.div_euclid(DAY_MS) != self.last.0.div_euclid(DAY_MS) {
            self.end_day();
        }
        let lived_ms = at_ms - self.lost_ms;
        if value >= self.peak.1 {
            self.peak = (lived_ms, value);
        } else {
            let fall = 1.0 - value / self.peak.1;
            self.max_drawdown = self.max_drawdown.max(fall);
            if fall > STILL {
                self.longest_ms = self.longest_ms.max(lived_ms - self.peak.0);
            }
        }
        self.last = (at_ms, value);
    }

    /// The next day begins behind the gap; what happened in it has no return.
    fn skip(&mut self, at_ms: i64, value: f64) {
        self.end_day();
        self.lost_ms += at_ms - self.last.0;
        if self.last.1 > 0.0 {
            self.skipped *= value / self.last.1;
        }
        self.day_end = value;
    }

    fn end_day(&mut self) {
        if self.day_end > 0.0 {
            self.returns
                .push((self.last.0, self.last.1 / self.day_end - 1.0));
        }
        self.day_end = self.last.1;
    }

    fn finish(mut self) -> Performance {
        self.end_day();
        let span_ms = self.first_ms.map_or(0, |first_ms| self.last.0 - first_ms);
        let days = (span_ms - self.lost_ms) as f64 / DAY_MS as f64;
        let total_return = self.last.1 / self.start - 1.0;
        let grown = (1.0 + total_return) / self.skipped;
        let annualised_return =
            (days >= 1.0 && grown > 0.0).then(|| exp(ln(grown) * 365.0 / days) - 1.0);
        let volatility = self.volatility();
        let yearly = 365.0 * self.mean();
        let ratio = |over: Option<f64>| over.filter(|over| *over > STILL).map(|over| yearly / over);
        Performance {
            start: self.start,
            end: self.last.1,
            total_return,
            annualised_return,
            volatility,
            sharpe: ratio(volatility),
            sortino: ratio(self.downside()),
            calmar: annualised_return
                .filter(|_| self.max_drawdown > STILL)
                .map(|annualised| annualised / self.max_drawdown),
            max_drawdown: self.max_drawdown,
            drawdown_days: self.longest_ms as f64 / DAY_MS as f64,
        }
    }

    fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.returns.iter().map(|(_, value)| *value)
    }

    fn mean(&self) -> f64 {
        self.values().sum::<f64>() / self.returns.len().max(1) as f64
    }

    fn volatility(&self) -> Option<f64> {
        let (count, mean) = (self.returns.len(), self.mean());
        let squares: f64 = self.values().map(|x| (x - mean) * (x - mean)).sum();
        (count >= 2).then(|| (squares / (count - 1) as f64 * 365.0).sqrt())
    }

    fn downside(&self) -> Option<f64> {
        let count = self.returns.len();
        let squares: f64 = self.values().map(|x| x.min(0.0) * x.min(0.0)).sum();
        (count >= 2).then(|| (squares / count as f64 * 365.0).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = DAY_MS / 2;

    #[test]
    fn a_worked_series() {
        // 100 -> 110 -> 99 -> 108.9 at the noons of four days: returns 0, 0.1, -0.1, 0.1.
        let values = [100.0, 110.0, 99.0, 108.9];
        let points = (0..)
            .zip(values)
            .map(|(day, value)| (day * DAY_MS + NOON, value));
        let found = performance(100.0, points);
        let near = |value: Option<f64>, expect: f64| {
            let value = value.expect("known");
            assert!((value - expect).abs() < 1e-9, "{value} is not {expect}");
        };
        near(Some(found.total_return), 0.089);
        near(Some(found.max_drawdown), 0.1);
        near(Some(found.drawdown_days), 2.0);
        // Mean 0.025; squares 0.000625 + 0.005625 + 0.015625 + 0.005625 = 0.0275, over 3.
        let volatility = (0.0275_f64 / 3.0 * 365.0).sqrt();
        near(found.volatility, volatility);
        near(found.sharpe, 365.0 * 0.025 / volatility);
        near(
            found.sortino,
            365.0 * 0.025 / (0.01_f64 / 4.0 * 365.0).sqrt(),
        );
        let annualised = 1.089_f64.powf(365.0 / 3.0) - 1.0;
        assert!((found.annualised_return.expect("3 days") / annualised - 1.0).abs() < 1e-9);
    }

    /// Mistake 11 of the earlier system: drawdown was measured from a result of zero, not from the equity.
    #[test]
    fn mistake_11_drawdown_is_measured_from_the_highest_equity_at_equal_instants_too() {
        let at = DAY_MS;
        let found = performance(2.0, [(at, 2.0), (at, 4.0), (at, 3.0)].into_iter());
        assert!((found.max_drawdown - 0.25).abs() < 1e-12, "{found:?}");
        assert_eq!(found.end, 3.0, "points of one instant are all kept");
        assert_eq!(
            performance(2.0, [(at, 1.9)].into_iter()).max_drawdown,
            1.0 - 1.9 / 2.0
        );
    }

    #[test]
    fn rounding_is_no_movement() {
        let price = |day: i64| 90_000.0 + 77.7 * day as f64;
        let held = (0..30).map(|day| (day * DAY_MS, 1.0 / price(day) * price(day)));
        let found = performance(1.0, held);
        assert_eq!(
            (found.sharpe, found.sortino, found.calmar),
            (None, None, None)
        );
        assert_eq!(found.drawdown_days, 0.0, "{found:?}");
    }

    /// Four days, then 1,000 days of nothing over which the price tripled, then the same four days again.
    #[test]
    fn a_gap_is_no_day_of_the_market() {
        let values = [100.0, 110.0, 99.0, 108.9];
        let near = |day: i64, value: f64| (day * DAY_MS + NOON, value);
        let before: Vec<_> = (0..).zip(values).map(|(day, x)| near(day, x)).collect();
        let after = (1_003..).zip(values).map(|(day, x)| near(day, 3.267 * x));
        let points: Vec<_> = before.into_iter().chain(after).collect();
        let gap_ms = 10 * DAY_MS;
        let found = performance_but(gap_ms, 100.0, points.iter().copied());
        // 1.089 twice in six days; tripled across the gap, which counts for the total alone.
        let expect = (1.089_f64 * 1.089).powf(365.0 / 6.0);
        let annualised = found.annualised_return.expect("6 days") + 1.0;
        assert!((annualised / expect - 1.0).abs() < 1e-9, "{annualised}");
        assert!((found.total_return - (3.267 * 1.089 - 1.0)).abs() < 1e-12);
        let returns = daily_returns(gap_ms, 100.0, points.iter().copied());
        assert_eq!(returns.len(), 8);
        let gap = Gap {
            from_ms: points[3].0,
            to_ms: points[4].0,
        };
        let by_day = returns_by_day(&[gap], 100.0, points.iter().copied());
        assert_eq!(by_day[4], (1_003 * DAY_MS + NOON, returns[4]));
        assert_eq!(by_day.iter().map(|day| day.1).collect::<Vec<_>>(), returns);
        assert!(
            returns.iter().all(|one| one.abs() < 0.1 + 1e-12),
            "{returns:?}"
        );
        assert!((found.drawdown_days - 2.0).abs() < 1e-9, "{found:?}");
        let counted = performance(100.0, points.into_iter());
        assert!(counted.volatility > found.volatility);
    }

    #[test]
    fn what_cannot_be_known_is_null() {
        let still = performance(1.0, [(0, 1.0), (NOON, 1.0)].into_iter());
        assert_eq!(
            (still.sharpe, still.annualised_return, still.calmar),
            (None, None, None)
        );
    }
}
