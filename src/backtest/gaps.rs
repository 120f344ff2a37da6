//! Stretches without a snapshot: a run that crosses one says so, and they are no days of its market.

use super::outcome::Point;
use crate::clock::iso;
use crate::domain::instrument::DAY_MS;
use serde::{Deserialize, Serialize};

/// From the last snapshot before to the first one after, milliseconds UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub from_ms: i64,
    pub to_ms: i64,
}

/// No shorter stretch is a gap: a weekend without a recorder is none.
const SHORTEST_MS: i64 = 3 * DAY_MS;
/// Intervals, of the run and of its data, that a stretch may span before it is a gap.
const INTERVALS: i64 = 4;

impl Gap {
    pub fn days(&self) -> f64 {
        (self.to_ms - self.from_ms) as f64 / DAY_MS as f64
    }
}

/// Stretches longer than these milliseconds are gaps: three days, or four intervals where decisions or
/// snapshots are further apart. `i64::MAX` where there is none.
pub(super) fn longest_ms(points: &[Point], interval_ms: i64) -> i64 {
    let spacing = points.windows(2).map(|pair| pair[1].at_ms - pair[0].at_ms);
    longest(&spacing, interval_ms)
}

fn longest(spacing: &(impl Iterator<Item = i64> + Clone), interval_ms: i64) -> i64 {
    let limit_ms = SHORTEST_MS.max(INTERVALS * interval_ms);
    if spacing.clone().all(|length_ms| length_ms <= limit_ms) {
        return i64::MAX;
    }
    let mut lengths: Vec<i64> = spacing.clone().collect();
    let middle = lengths.len() / 2;
    let (_, median_ms, _) = lengths.select_nth_unstable(middle);
    let limit_ms = limit_ms.max(INTERVALS * *median_ms);
    if spacing.clone().all(|length_ms| length_ms <= limit_ms) {
        return i64::MAX;
    }
    limit_ms
}

/// The gaps, longest first.
pub(super) fn gaps(points: &[Point], longest_ms: i64) -> Vec<Gap> {
    let instants: Vec<i64> = points.iter().map(|point| point.at_ms).collect();
    longer(&instants, longest_ms)
}

/// The gaps between instants in order, longest first, where no interval of decisions is known.
pub fn gaps_between(instants: &[i64]) -> Vec<Gap> {
    let spacing = instants.windows(2).map(|pair| pair[1] - pair[0]);
    longer(instants, longest(&spacing, 0))
}

fn longer(instants: &[i64], longest_ms: i64) -> Vec<Gap> {
    let pairs = instants.windows(2).map(|pair| Gap {
        from_ms: pair[0],
        to_ms: pair[1],
    });
    let mut found: Vec<Gap> = pairs
        .filter(|gap| gap.to_ms - gap.from_ms > longest_ms)
        .collect();
    found.sort_by_key(|gap| gap.from_ms - gap.to_ms);
    found
}

/// What [`longest_ms`] was, as far as the points between which these gaps were found can tell.
pub(super) fn longest_of(gaps: &[Gap]) -> i64 {
    let shortest = gaps.iter().map(|gap| gap.to_ms - gap.from_ms).min();
    shortest.map_or(i64::MAX, |shortest_ms| shortest_ms - 1)
}

/// Gaps that are named.
const NAMED: usize = 3;

/// What a person is told, with the start that leaves the longest gap out.
pub fn gap_warning(gaps: &[Gap]) -> Option<String> {
    let last_ms = gaps.iter().map(|gap| gap.to_ms).max()?;
    let day = |at_ms: i64| iso(at_ms).chars().take(10).collect::<String>();
    let name = |gap: &Gap| {
        format!(
            "{} to {} ({:.0} days)",
            day(gap.from_ms),
            day(gap.to_ms),
            gap.days()
        )
    };
    let named: Vec<String> = gaps.iter().take(NAMED).map(name).collect();
    let more = match gaps.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} shorter ones"),
    };
    let start = iso(last_ms);
    Some(format!(
        "the data have gaps: {}{more}; they are left out of time in market, daily and monthly returns and annualised figures, yet \
         not of total return and drawdown. `--from {start}` begins behind the last of them",
        named.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtest::{Builder, Setup, run, synthetic_daily, tests::conserves};
    use crate::domain::coin::Coin;
    use crate::domain::context::Regime;
    use crate::market::synthetic::Synthetic;
    use rust_decimal::Decimal;

    fn points(days: &[i64]) -> Vec<Point> {
        let point = |day: &i64| Point {
            at_ms: day * DAY_MS,
            index_price: 1.0,
            balance: Decimal::ONE,
            option_value: 0.0,
            equity: 1.0,
            short_calls: Decimal::ZERO,
            regime: Regime::Unknown,
        };
        days.iter().map(point).collect()
    }

    #[test]
    fn a_gap_is_measured_by_the_rhythm_of_the_data() {
        let daily = points(&[0, 1, 2, 6, 7, 8, 100]);
        let longest = longest_ms(&daily, 21_600_000);
        let found = gaps(&daily, longest);
        assert_eq!(found.iter().map(Gap::days).collect::<Vec<_>>(), [92.0]);
        let warning = gap_warning(&found).expect("a gap");
        assert!(
            warning.contains("1970-01-09 to 1970-04-11 (92 days)"),
            "{warning}"
        );
        assert!(warning.contains("--from 1970-04-11"), "{warning}");
        for even in [&[0, 1, 2, 3][..], &[0, 7, 14, 21, 35], &[0], &[]] {
            assert_eq!(longest_ms(&points(even), DAY_MS), i64::MAX, "{even:?}");
        }
        assert_eq!(gap_warning(&[]), None);
    }

    /// A month, a year of nothing, a month: the year is in the money and in no other figure.
    #[test]
    fn a_run_across_a_gap_has_the_days_of_its_data() {
        let (market, first_ms) = (Synthetic::new("gap"), 1_767_603_600_000);
        let day_ms = |day: i64| first_ms + day * DAY_MS;
        let daily = synthetic_daily(&market, Coin::Btc, day_ms(430));
        let mut builder = Builder::new(Coin::Btc, daily);
        for day in (0..=30).chain(400..=430) {
            builder.push(market.chain(Coin::Btc, day_ms(day)), "gap", "synthetic");
        }
        let setup = Setup {
            score_min: 0.0,
            ivrv_min: 0.0,
            ..Setup::default()
        };
        let whole = run(&builder.finish("gap"), &setup).expect("a run");
        conserves(&whole);
        let metrics = &whole.metrics;
        let gap = Gap {
            from_ms: day_ms(30),
            to_ms: day_ms(400),
        };
        assert_eq!((&metrics.gaps[..], metrics.days), (&[gap][..], 60.0));
        assert!(
            metrics.chains > 1 && metrics.time_in_market > 0.5,
            "{metrics:?}"
        );
        let regimes = &whole.breakdowns.regimes;
        assert!((regimes["gap"].days - 370.0).abs() < 1e-9);
        let lived: f64 = regimes.values().map(|regime| regime.days).sum();
        assert!((lived - 430.0).abs() < 1e-9, "{regimes:?}");
        assert!(metrics.usd.drawdown_days <= 60.0, "{metrics:?}");
        let intervals = whole.with_intervals().metrics.intervals;
        assert!(intervals.is_some());
    }
}
