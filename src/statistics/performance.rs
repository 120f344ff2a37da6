//! Sharpe ratio of returns and drawdowns of an equity series, whatever its unit (coin or USD).

use super::moments::{mean, variance};
use serde::Serialize;

/// A fall from a high.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Drawdown {
    /// 1 - trough / peak, in (0, 1).
    pub depth: f64,
    pub peak_ms: i64,
    pub trough_ms: i64,
    /// First instant at or above the peak again; None while below it.
    pub recovered_ms: Option<i64>,
}

impl Drawdown {
    /// From the peak to its recovery, or the end of the series.
    pub fn length_ms(&self, end_ms: i64) -> i64 {
        self.recovered_ms.unwrap_or(end_ms) - self.peak_ms
    }
}

/// Sample deviation of one step, not annualised; None with fewer than two returns.
pub fn deviation(returns: &[f64]) -> Option<f64> {
    variance(returns).map(f64::sqrt)
}

/// Sharpe ratio of one step, not annualised; None without variance.
pub fn sharpe(returns: &[f64]) -> Option<f64> {
    let deviation = deviation(returns)?;
    (deviation > 0.0).then_some(mean(returns)? / deviation)
}

/// Every stretch below a high of (instant, value) in rising order of time, oldest first.
pub fn falls(equity: &[(i64, f64)]) -> Vec<Drawdown> {
    let mut falls = Vec::new();
    let mut open: Option<Drawdown> = None;
    let Some(&(mut peak)) = equity.first() else {
        return falls;
    };
    for &(at_ms, value) in equity {
        if value >= peak.1 {
            let closed = open.take().map(|fall| Drawdown {
                recovered_ms: Some(at_ms),
                ..fall
            });
            falls.extend(closed);
            peak = (at_ms, value);
        } else {
            let fall = open.get_or_insert(Drawdown {
                depth: 0.0,
                peak_ms: peak.0,
                trough_ms: at_ms,
                recovered_ms: None,
            });
            let depth = 1.0 - value / peak.1;
            if depth > fall.depth {
                (fall.depth, fall.trough_ms) = (depth, at_ms);
            }
        }
    }
    falls.extend(open);
    falls
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn daily(values: &[f64]) -> Vec<(i64, f64)> {
        let at = |day: usize| day as i64 * DAY_MS;
        let days = values.iter().enumerate();
        days.map(|(day, value)| (at(day), *value)).collect()
    }

    #[test]
    fn three_days_by_hand() {
        // Returns 0.1, -0.1, 0.1: mean 1/30; deviations 1/15, -2/15, 1/15, sample variance 1/75.
        let returns = [0.1, -0.1, 0.1];
        let near = |found: Option<f64>, expect: f64| {
            let found = found.expect("the figure exists");
            assert!((found / expect - 1.0).abs() < 1e-12, "{found} {expect}");
        };
        near(deviation(&returns), (1.0_f64 / 75.0).sqrt());
        // (1/30) / sqrt(1/75) = sqrt(3)/6.
        near(sharpe(&returns), 3.0_f64.sqrt() / 6.0);
    }

    #[test]
    fn falls_by_hand() {
        // From 120 down to 90 (a quarter) and back on day 4; from 121 slightly below from day 6 on.
        let values = [
            100.0, 120.0, 90.0, 110.0, 120.0, 121.0, 120.0, 119.0, 118.0, 120.0,
        ];
        let found = falls(&daily(&values));
        let first = Drawdown {
            depth: 0.25,
            peak_ms: DAY_MS,
            trough_ms: 2 * DAY_MS,
            recovered_ms: Some(4 * DAY_MS),
        };
        assert_eq!((found.len(), found[0]), (2, first));
        assert_eq!(
            (found[1].trough_ms, found[1].recovered_ms),
            (8 * DAY_MS, None)
        );
    }

    #[test]
    fn what_does_not_exist_is_none() {
        assert_eq!((sharpe(&[0.01]), sharpe(&[0.01, 0.01])), (None, None));
        assert_eq!((sharpe(&[]), deviation(&[])), (None, None));
        assert_eq!(falls(&daily(&[100.0, 101.0])), []);
        assert_eq!(falls(&[]), []);
    }
}
