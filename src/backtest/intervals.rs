//! Where the headline figures of one run may as well have been: its days drawn again, in blocks.

use super::gaps::longest_ms;
use super::metrics::daily_returns;
use super::outcome::{Outcome, Point};
use super::sweep::statistic;
use crate::clock::Random;
use crate::statistics::bootstrap::Interval;
use serde::{Deserialize, Serialize};

/// Intervals that hold 95 % of the resampled histories, by the currency they are measured in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intervals {
    pub coin: Headline,
    pub usd: Headline,
}

/// Null where the run has too few days, or none that moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Headline {
    pub total_return: Option<Interval>,
    /// A year of 365 days.
    pub sharpe: Option<Interval>,
    /// Of daily closes: what fell and rose again between two midnights is not in it.
    pub max_drawdown: Option<Interval>,
}

impl Outcome {
    /// The outcome with its intervals. They cost some ten times the run, so sweeps go without.
    ///
    /// The same settings and data draw the same histories.
    #[must_use]
    pub fn with_intervals(mut self) -> Self {
        let draws =
            |currency| Random::from_parts(&["run", "bootstrap", &self.setup.seed, currency]);
        let gap_ms = longest_ms(&self.points, self.setup.interval_ms);
        let metrics = &self.metrics;
        self.metrics.intervals = Some(Intervals {
            coin: headline(
                gap_ms,
                metrics.coin.start,
                &self.points,
                |one| one.equity,
                draws("coin"),
            ),
            usd: headline(
                gap_ms,
                metrics.usd.start,
                &self.points,
                Point::equity_usd,
                draws("usd"),
            ),
        });
        self
    }
}

fn headline(
    gap_ms: i64,
    start: f64,
    points: &[Point],
    value: impl Fn(&Point) -> f64,
    mut random: Random,
) -> Headline {
    let returns = daily_returns(
        gap_ms,
        start,
        points.iter().map(|one| (one.at_ms, value(one))),
    );
    let mut of = |of: fn(&[f64]) -> Option<f64>| statistic::interval(&returns, of, &mut random);
    Headline {
        total_return: of(statistic::total_return),
        sharpe: of(statistic::yearly_sharpe),
        max_drawdown: of(statistic::drawdown),
    }
}

#[cfg(test)]
mod tests {
    use crate::backtest::{Setup, run, synthetic};
    use crate::domain::coin::Coin;
    use crate::domain::instrument::DAY_MS;

    #[test]
    fn a_run_lies_inside_its_own_intervals_and_draws_them_again() {
        let from_ms = 1_767_603_600_000;
        let data = synthetic(
            "intervals",
            Coin::Btc,
            from_ms,
            from_ms + 89 * DAY_MS,
            DAY_MS,
        );
        let whole = run(&data, &Setup::default())
            .expect("a run")
            .with_intervals();
        let found = whole.metrics.intervals.clone().expect("intervals");
        let (coin, metrics) = (
            found.coin.total_return.expect("a return"),
            &whole.metrics.coin,
        );
        assert!(
            (coin.estimate - metrics.total_return).abs() < 1e-12,
            "{coin:?} {metrics:?}"
        );
        assert!(
            coin.low < coin.estimate && coin.estimate < coin.high,
            "{coin:?}"
        );
        let sharpe = found.usd.sharpe.expect("a ratio");
        let stated = whole.metrics.usd.sharpe.expect("a ratio");
        assert!(
            (sharpe.estimate - stated).abs() < 1e-9,
            "{sharpe:?} {stated}"
        );
        let deepest = found.usd.max_drawdown.expect("a fall");
        assert!(
            (0.0..=1.0).contains(&deepest.low) && deepest.low < deepest.high,
            "{deepest:?}"
        );
        let again = run(&data, &Setup::default())
            .expect("a run")
            .with_intervals();
        assert_eq!(again.metrics, whole.metrics);
    }
}
