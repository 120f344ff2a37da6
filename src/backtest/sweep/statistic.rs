//! Figures of a series of daily returns, and their intervals.

use crate::clock::Random;
use crate::statistics::bootstrap::{Bootstrap, Interval};
use crate::statistics::performance;

/// Days of a year: the market never closes.
const YEAR: f64 = 365.0;

/// Of a day; 0 for a run that never moved. Zero has no sign, so that equal runs compare equal.
pub(super) fn sharpe(returns: &[f64]) -> f64 {
    performance::sharpe(returns).unwrap_or(0.0) + 0.0
}

pub(in crate::backtest) fn yearly_sharpe(returns: &[f64]) -> Option<f64> {
    performance::sharpe(returns).map(|sharpe| sharpe * YEAR.sqrt())
}

pub(in crate::backtest) fn total_return(returns: &[f64]) -> Option<f64> {
    let growth = returns.iter().fold(1.0, |growth, one| growth * (1.0 + one));
    (!returns.is_empty()).then_some(growth - 1.0)
}

pub(in crate::backtest) fn drawdown(returns: &[f64]) -> Option<f64> {
    let (mut value, mut peak, mut deepest) = (1.0_f64, 1.0_f64, 0.0_f64);
    for one in returns {
        value *= 1.0 + one;
        peak = peak.max(value);
        deepest = deepest.max(1.0 - value / peak);
    }
    (!returns.is_empty()).then_some(deepest)
}

/// Of the stationary bootstrap; `None` when the returns have no such figure.
pub(in crate::backtest) fn interval(
    returns: &[f64],
    statistic: fn(&[f64]) -> Option<f64>,
    random: &mut Random,
) -> Option<Interval> {
    Bootstrap::of_length(returns.len().max(1))
        .interval(returns, statistic, random)
        .expect("the plan of a length is a valid one")
}
