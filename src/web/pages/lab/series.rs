//! What a run's equity tells besides its metrics: returns by day and month, drawdowns, rolling figures.

use crate::backtest::{Gap, returns_by_day};
use crate::db::backtests::EquityRow;
use crate::domain::instrument::DAY_MS;
use crate::statistics::performance::{self, falls};
use crate::web::chart::stretches;
use std::collections::BTreeMap;

/// Points of a line.
pub(super) type Points = Vec<(f64, f64)>;

/// Days of a year, as in every figure.
const YEAR: f64 = 365.0;
/// Days that rolling figures look back.
pub(super) const WINDOW: usize = 30;

/// One run's equity in coin or in USD, with its three alternatives.
pub(super) struct Equity {
    pub own: Points,
    pub hold_coin: Points,
    pub hold_usd: Points,
    pub weekly: Points,
}

impl Equity {
    pub(super) fn of(rows: &[EquityRow], usd: bool) -> Self {
        let Some(first) = rows.first() else {
            return Self {
                own: Vec::new(),
                hold_coin: Vec::new(),
                hold_usd: Vec::new(),
                weekly: Vec::new(),
            };
        };
        let (start, price) = (coin(first.equity_e8), first.index_price);
        let line = |value: &dyn Fn(&EquityRow) -> Option<f64>| -> Points {
            let scaled =
                |row: &EquityRow| Some(value(row)? * if usd { row.index_price } else { 1.0 });
            rows.iter()
                .filter_map(|row| Some((row.at_ms as f64, scaled(row)?)))
                .collect()
        };
        Self {
            own: line(&|row| Some(coin(row.equity_e8))),
            hold_coin: line(&|_| Some(start)),
            hold_usd: line(&|row| Some(start * price / row.index_price)),
            weekly: line(&|row| row.weekly_e8.map(coin)),
        }
    }
}

/// The return of each day of UTC; that across a gap is none of a day.
pub(super) fn days(points: &[(f64, f64)], start: f64, gaps: &[Gap]) -> Points {
    let points = points.iter().map(|(at, value)| (*at as i64, *value));
    let days = returns_by_day(gaps, start, points).into_iter();
    days.map(|(at_ms, value)| (at_ms as f64, value)).collect()
}

fn coin(units: i64) -> f64 {
    units as f64 / 1e8
}

/// Fall below the highest value so far, a fraction, never positive.
pub(super) fn underwater(points: &[(f64, f64)]) -> Points {
    let mut peak = f64::MIN;
    points
        .iter()
        .map(|(at, value)| {
            peak = peak.max(*value);
            (*at, value / peak - 1.0)
        })
        .collect()
}

/// One fall from a high to the way back, or to the end of the run.
#[derive(Clone, Debug, serde::Serialize)]
pub(super) struct Drawdown {
    pub from_ms: i64,
    pub low_ms: i64,
    /// Null while it lasts.
    pub to_ms: Option<i64>,
    /// Fraction, negative.
    pub depth: f64,
    /// Gaps of the data apart.
    pub days: f64,
}

/// The deepest falls, deepest first.
pub(super) fn drawdowns(points: &[(f64, f64)], gaps: &[Gap], most: usize) -> Vec<Drawdown> {
    let equity: Vec<(i64, f64)> = points
        .iter()
        .map(|(at, value)| (*at as i64, *value))
        .collect();
    let end_ms = equity.last().map_or(0, |last| last.0);
    let mut found: Vec<Drawdown> = falls(&equity)
        .into_iter()
        .map(|fall| Drawdown {
            from_ms: fall.peak_ms,
            low_ms: fall.trough_ms,
            to_ms: fall.recovered_ms,
            depth: -fall.depth,
            days: lived(gaps, fall.peak_ms, fall.length_ms(end_ms)),
        })
        .collect();
    found.sort_by(|a, b| a.depth.total_cmp(&b.depth));
    found.truncate(most);
    found
}

/// Days of a stretch that no gap takes.
fn lived(gaps: &[Gap], from_ms: i64, length_ms: i64) -> f64 {
    let lost = |gap: &Gap| gap.to_ms.min(from_ms + length_ms) - gap.from_ms.max(from_ms);
    let lost_ms: i64 = gaps.iter().map(|gap| lost(gap).max(0)).sum();
    (length_ms - lost_ms) as f64 / DAY_MS as f64
}

/// (year, month) to what the daily returns of that month come to, a fraction.
pub(super) fn months(days: &[(f64, f64)]) -> BTreeMap<(i32, u32), f64> {
    use chrono::{DateTime, Datelike};
    let mut grown: BTreeMap<(i32, u32), f64> = BTreeMap::new();
    for (at, value) in days {
        if let Some(time) = DateTime::from_timestamp_millis(*at as i64) {
            *grown.entry((time.year(), time.month())).or_insert(1.0) *= 1.0 + value;
        }
    }
    let whole = |(month, grown)| (month, grown - 1.0);
    grown.into_iter().map(whole).collect()
}

/// (Sharpe ratio, volatility a year) of the last [`WINDOW`] daily returns, at each day that has them; the days
/// behind a gap begin anew.
pub(super) fn rolling(days: &[(f64, f64)], gaps: &[(f64, f64)]) -> (Points, Points) {
    let mut sharpe = Points::new();
    let mut volatility = Points::new();
    for window in stretches(days, gaps).flat_map(|days| days.windows(WINDOW)) {
        let at = window[WINDOW - 1].0;
        let values: Vec<f64> = window.iter().map(|(_, value)| *value).collect();
        let yearly = |value: f64| (at, value * YEAR.sqrt());
        volatility.extend(performance::deviation(&values).map(yearly));
        sharpe.extend(performance::sharpe(&values).map(yearly));
    }
    (sharpe, volatility)
}

/// (lower edge, upper edge, count) of equally wide classes over all returns.
pub(super) fn histogram(returns: &[(f64, f64)], classes: usize) -> Vec<(f64, f64, usize)> {
    let values = || returns.iter().map(|(_, value)| *value);
    let (low, high) = (
        values().fold(f64::MAX, f64::min),
        values().fold(f64::MIN, f64::max),
    );
    if returns.len() < 2 || high <= low {
        return Vec::new();
    }
    let width = (high - low) / classes as f64;
    let class = |value: f64| (((value - low) / width) as usize).min(classes - 1);
    let mut counts = vec![0; classes];
    values().for_each(|value| counts[class(value)] += 1);
    let edge = |n: usize| low + n as f64 * width;
    counts
        .iter()
        .enumerate()
        .map(|(n, count)| (edge(n), edge(n + 1), *count))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: f64 = DAY_MS as f64;

    #[test]
    fn a_fall_and_its_way_back() {
        let points = [
            (0.0, 1.0),
            (DAY, 2.0),
            (2.0 * DAY, 1.0),
            (3.0 * DAY, 2.5),
            (4.0 * DAY, 2.0),
        ];
        let falls = drawdowns(&points, &[], 5);
        assert_eq!(falls.len(), 2);
        assert_eq!(
            (falls[0].depth, falls[0].to_ms, falls[0].days),
            (-0.5, Some(3 * DAY_MS), 2.0)
        );
        assert_eq!((falls[1].to_ms, falls[1].days), (None, 1.0));
        assert_eq!(underwater(&points)[2].1, -0.5);
        let gap = Gap {
            from_ms: DAY_MS,
            to_ms: 2 * DAY_MS,
        };
        assert_eq!(drawdowns(&points, &[gap], 5)[0].days, 1.0);
    }

    #[test]
    fn a_month_is_measured_from_the_end_of_the_one_before() {
        let at = |text: &str| {
            let at = chrono::DateTime::parse_from_rfc3339(text).expect("a time");
            at.timestamp_millis() as f64
        };
        let points = [
            (at("2026-01-02T00:00:00Z"), 100.0),
            (at("2026-01-31T18:00:00Z"), 110.0),
            (at("2026-02-28T18:00:00Z"), 99.0),
        ];
        let months = months(&days(&points, 100.0, &[]));
        assert!((months[&(2026, 1)] - 0.10).abs() < 1e-12);
        assert!((months[&(2026, 2)] + 0.10).abs() < 1e-12);
    }

    #[test]
    fn rolling_figures_have_the_stated_convention() {
        let returns: Points = (0..31)
            .map(|n| (f64::from(n), if n % 2 == 0 { 0.01 } else { -0.01 }))
            .collect();
        let (sharpe, volatility) = rolling(&returns, &[]);
        assert_eq!(volatility.len(), 2);
        // 30 values of +-1 % have the mean 0 and the sample deviation 0.01 sqrt(30 / 29).
        let expect = 0.01 * (30.0_f64 / 29.0).sqrt() * 365.0_f64.sqrt();
        assert!((volatility[0].1 - expect).abs() < 1e-12 && sharpe[0].1.abs() < 1e-12);
        let classes = histogram(&returns, 4);
        assert_eq!((classes[0].2, classes[3].2), (15, 16));
    }
    /// Forty days that alternate by a percent, a year of nothing in which the coin doubled, forty more days.
    #[test]
    fn the_return_across_a_gap_is_in_no_figure() {
        let place = |n: i64| if n < 40 { n } else { n + 365 };
        let value = |n: i64| if n < 40 { 1.0 } else { 2.0 } * if n % 2 == 0 { 1.0 } else { 1.01 };
        let points: Points = (0..80)
            .map(|n| ((place(n) * DAY_MS) as f64, value(n)))
            .collect();
        let gap = Gap {
            from_ms: 39 * DAY_MS,
            to_ms: 405 * DAY_MS,
        };
        let found = days(&points, 1.0, &[gap]);
        assert_eq!(found.len(), 80);
        assert!(
            found.iter().all(|(_, value)| value.abs() < 0.0101),
            "{found:?}"
        );
        let (sharpe, volatility) = rolling(&found, &[(gap.from_ms as f64, gap.to_ms as f64)]);
        assert_eq!((sharpe.len(), volatility.len()), (2 * 11, 2 * 11));
        assert!(
            volatility.iter().all(|(_, value)| *value < 0.2),
            "{volatility:?}"
        );
        let high = months(&found).into_values().fold(0.0, f64::max);
        assert!(
            high < 0.02,
            "no month has what came to pass in the gap: {high}"
        );
        let counted = days(&points, 1.0, &[]);
        assert!(
            counted.iter().any(|(_, value)| *value > 0.9),
            "it was there to be left out"
        );
    }
}
