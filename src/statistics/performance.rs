//! Return and risk of an equity series, whatever its unit (coin or USD).

use super::YEAR_MS;
use super::moments::{mean, variance};
use crate::domain::math::pow;
use serde::Serialize;

/// Fractions, not percent; ratios of a year of 365 days over a riskless rate of zero.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Performance {
    /// Last equity / first - 1.
    pub total_return: f64,
    /// The same, compounded to a year. Beyond f64 for absurd short gains: None.
    pub annual_return: Option<f64>,
    /// Sample deviation of the returns x sqrt(steps a year).
    pub annual_volatility: Option<f64>,
    /// Mean return / its sample deviation x sqrt(steps a year) (Sharpe 1994). None without variance.
    pub sharpe: Option<f64>,
    /// Mean return / root mean square of the losses among all returns x sqrt(steps a year)
    /// (Sortino and Price 1994, target 0). None without a loss.
    pub sortino: Option<f64>,
    /// Annual return / depth of the deepest drawdown (Young 1991). None without a drawdown.
    pub calmar: Option<f64>,
    /// None when equity never fell.
    pub drawdown: Option<Drawdown>,
}

/// The deepest fall from a high, and the longest time below one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Drawdown {
    /// 1 - trough / peak, in (0, 1).
    pub depth: f64,
    pub peak_ms: i64,
    pub trough_ms: i64,
    /// First instant at or above the peak again; None while below it.
    pub recovered_ms: Option<i64>,
    /// Longest time between a high and its recovery, or the end of the series.
    pub longest_ms: i64,
}

impl Drawdown {
    /// From the peak of the deepest fall to its recovery, or the end of the series.
    pub fn length_ms(&self, end_ms: i64) -> i64 {
        self.recovered_ms.unwrap_or(end_ms) - self.peak_ms
    }
}

/// Metrics of (instant in milliseconds, equity) in rising order of time.
///
/// None with fewer than two points, instants out of order, or an equity that is not a positive number:
/// returns do not exist there.
pub fn performance(equity: &[(i64, f64)]) -> Option<Performance> {
    let returns = returns(equity)?;
    let (first, last) = (equity.first()?, equity.last()?);
    let years = (last.0 - first.0) as f64 / YEAR_MS;
    let steps_a_year = returns.len() as f64 / years;
    let annual_return = Some(pow(last.1 / first.1, 1.0 / years) - 1.0).filter(|x| x.is_finite());
    let drawdown = drawdown(equity);
    Some(Performance {
        total_return: last.1 / first.1 - 1.0,
        annual_return,
        annual_volatility: variance(&returns).map(|x| (x * steps_a_year).sqrt()),
        sharpe: sharpe(&returns).map(|x| x * steps_a_year.sqrt()),
        sortino: sortino(&returns).map(|x| x * steps_a_year.sqrt()),
        calmar: annual_return.zip(drawdown).map(|(x, fall)| x / fall.depth),
        drawdown,
    })
}

/// Simple returns from point to point; None under the conditions of [`performance`].
pub fn returns(equity: &[(i64, f64)]) -> Option<Vec<f64>> {
    let positive = equity.iter().all(|(_, x)| *x > 0.0 && x.is_finite());
    let ordered = equity.windows(2).all(|pair| pair[0].0 < pair[1].0);
    let simple = |pair: &[(i64, f64)]| pair[1].1 / pair[0].1 - 1.0;
    (positive && ordered && equity.len() > 1).then(|| equity.windows(2).map(simple).collect())
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

/// Sortino ratio of one step with a target of 0; None without a loss.
pub fn sortino(returns: &[f64]) -> Option<f64> {
    let losses: f64 = returns.iter().map(|x| x.min(0.0) * x.min(0.0)).sum();
    let deviation = (losses / returns.len() as f64).sqrt();
    (deviation > 0.0).then_some(mean(returns)? / deviation)
}

/// The deepest and the longest drawdown of a series in rising order of time; None when it never fell.
pub fn drawdown(equity: &[(i64, f64)]) -> Option<Drawdown> {
    let end_ms = equity.last()?.0;
    let falls = falls(equity);
    let length_ms = |fall: &Drawdown| fall.length_ms(end_ms);
    let longest_ms = falls.iter().map(length_ms).max()?;
    // The first of equally deep falls, for `max_by` would take the last.
    let deepest = falls.into_iter().rev();
    let deepest = deepest.max_by(|a, b| a.depth.total_cmp(&b.depth))?;
    Some(Drawdown {
        longest_ms,
        ..deepest
    })
}

/// Every stretch below a high, oldest first; `longest_ms` of a single stretch is 0.
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
                longest_ms: 0,
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
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn daily(values: &[f64]) -> Vec<(i64, f64)> {
        let at = |day: usize| day as i64 * DAY_MS;
        let days = values.iter().enumerate();
        days.map(|(day, value)| (at(day), *value)).collect()
    }

    fn close(ours: Option<f64>, expected: f64) {
        let ours = ours.expect("the figure exists");
        assert!((ours / expected - 1.0).abs() < 1e-12, "{ours} {expected}");
    }

    #[test]
    fn three_days_by_hand() {
        // Returns 0.1, -0.1, 0.1: mean 1/30; deviations 1/15, -2/15, 1/15, sample variance 1/75.
        let found = performance(&daily(&[100.0, 110.0, 99.0, 108.9])).unwrap();
        close(Some(found.total_return), 0.089);
        close(found.annual_volatility, (365.0_f64 / 75.0).sqrt());
        // (1/30) / sqrt(1/75) = sqrt(3)/6.
        close(found.sharpe, 1_095.0_f64.sqrt() / 6.0);
        // Losses: one of 0.1 in three, root mean square 0.1 / sqrt(3).
        close(found.sortino, 1_095.0_f64.sqrt() / 3.0);
        let year = 1.089_f64.powf(365.0 / 3.0) - 1.0;
        close(found.annual_return, year);
        close(found.calmar, year / 0.1);
    }

    #[test]
    fn the_deepest_and_the_longest_drawdown_by_hand() {
        // From 120 down to 90 (a quarter) and back on day 4; from 121 slightly below on days 6 to 9.
        let values = [
            100.0, 120.0, 90.0, 110.0, 120.0, 121.0, 120.0, 119.0, 118.0, 120.0,
        ];
        let found = drawdown(&daily(&values)).unwrap();
        let expected = Drawdown {
            depth: 0.25,
            peak_ms: DAY_MS,
            trough_ms: 2 * DAY_MS,
            recovered_ms: Some(4 * DAY_MS),
            longest_ms: 4 * DAY_MS,
        };
        assert_eq!(found, expected);
        assert_eq!(found.length_ms(9 * DAY_MS), 3 * DAY_MS);
    }

    #[test]
    fn a_drawdown_at_the_end_is_open() {
        let found = drawdown(&daily(&[100.0, 80.0, 90.0])).unwrap();
        assert_eq!((found.recovered_ms, found.longest_ms), (None, 2 * DAY_MS));
        assert_eq!(found.length_ms(2 * DAY_MS), 2 * DAY_MS);
    }

    #[test]
    fn what_does_not_exist_is_none() {
        let steady = performance(&daily(&[100.0, 101.0])).unwrap();
        assert_eq!((steady.sharpe, steady.sortino), (None, None));
        assert_eq!((steady.calmar, steady.drawdown), (None, None));
        assert_eq!(performance(&daily(&[100.0])), None);
        assert_eq!(performance(&daily(&[100.0, 0.0, 10.0])), None);
        assert_eq!(performance(&[(5, 1.0), (5, 2.0)]), None);
    }

    #[test]
    fn the_ratios_do_not_depend_on_the_unit_of_equity() {
        let values = [3.0, 3.2, 2.9, 3.1, 3.4];
        let scaled = values.map(|value| value * 65_536.0);
        assert_eq!(
            performance(&daily(&values)),
            performance(&daily(&scaled)),
            "a power of two moves no digit"
        );
    }
}
