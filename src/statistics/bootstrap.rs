//! Confidence intervals by resampling blocks, so that what neighbours know of each other survives.

use crate::clock::Random;
use crate::domain::math::pow;
use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// Stationary bootstrap (Politis and Romano, Journal of the American Statistical Association 89, 1994):
/// blocks of geometric length from anywhere in the series, which is closed to a ring.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bootstrap {
    /// Mean length of a block in observations, 1 or more; 1 treats them as independent.
    pub mean_block: f64,
    pub resamples: usize,
    /// Share of resamples inside the interval, in (0, 1).
    pub level: f64,
}

/// A statistic and where it may as well have been.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Of the series itself.
    pub estimate: f64,
    pub low: f64,
    pub high: f64,
    /// Resamples on which the statistic exists; the interval is theirs.
    pub used: usize,
}

impl Bootstrap {
    /// 2,000 resamples at 95 % with blocks of n^(1/3), the order at which the error of the variance is
    /// least (Hall, Horowitz and Jing, Biometrika 82, 1995).
    pub fn of_length(observations: usize) -> Self {
        Self {
            mean_block: pow(observations as f64, 1.0 / 3.0).max(1.0),
            resamples: 2_000,
            level: 0.95,
        }
    }

    /// Percentile interval of a statistic of a series in order of time.
    ///
    /// An observation may hold several columns, which then stay together. Ok(None) when the statistic
    /// does not exist on the series itself, or on more than a tenth of the resamples.
    pub fn interval<T: Copy>(
        &self,
        series: &[T],
        statistic: impl Fn(&[T]) -> Option<f64>,
        random: &mut Random,
    ) -> Result<Option<Interval>> {
        self.check()?;
        let Some(estimate) = statistic(series) else {
            return Ok(None);
        };
        let mut sample = Vec::with_capacity(series.len());
        let mut found = Vec::with_capacity(self.resamples);
        for _ in 0..self.resamples {
            self.resample(series, &mut sample, random);
            found.extend(statistic(&sample));
        }
        found.sort_by(f64::total_cmp);
        let enough = found.len() * 10 >= self.resamples * 9;
        let outside = 0.5 * (1.0 - self.level);
        Ok(enough.then(|| Interval {
            estimate,
            low: quantile(&found, outside),
            high: quantile(&found, 1.0 - outside),
            used: found.len(),
        }))
    }

    fn check(&self) -> Result<()> {
        let Self {
            mean_block,
            resamples,
            level,
        } = *self;
        ensure!(
            mean_block >= 1.0 && mean_block.is_finite(),
            "mean_block is {mean_block}: give 1 or more observations"
        );
        ensure!(resamples >= 20, "resamples is {resamples}: give 20 or more");
        ensure!(
            level > 0.0 && level < 1.0,
            "level is {level}: give a share between 0 and 1, such as 0.95"
        );
        Ok(())
    }

    fn resample<T: Copy>(&self, series: &[T], sample: &mut Vec<T>, random: &mut Random) {
        sample.clear();
        let mut at = 0;
        for taken in 0..series.len() {
            let leap = taken == 0 || random.unit() * self.mean_block < 1.0;
            at = if leap {
                random.below(series.len())
            } else {
                (at + 1) % series.len()
            };
            sample.push(series[at]);
        }
    }
}

/// Between the two nearest of a sorted, non-empty sample, in proportion.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::statistics::moments::mean;
    use crate::statistics::performance::sharpe;

    const PLAIN: Bootstrap = Bootstrap {
        mean_block: 1.0,
        resamples: 400,
        level: 0.95,
    };

    fn random(name: &str) -> Random {
        Random::from_parts(&["bootstrap", name])
    }

    #[test]
    fn a_constant_series_has_a_point() {
        let found = PLAIN.interval(&[2.0; 30], mean, &mut random("constant"));
        let point = Interval {
            estimate: 2.0,
            low: 2.0,
            high: 2.0,
            used: 400,
        };
        assert_eq!(found.unwrap(), Some(point));
    }

    #[test]
    fn the_interval_of_a_mean_is_two_standard_errors_each_way() {
        let mut random = random("width");
        let series: Vec<f64> = (0..400).map(|_| random.normal()).collect();
        let many = Bootstrap {
            resamples: 2_000,
            ..PLAIN
        };
        let found = many.interval(&series, mean, &mut random).unwrap().unwrap();
        // 2 x 1.96 / sqrt(400), within a tenth for the drawn deviation and the 2,000 resamples.
        let width = found.high - found.low;
        assert!((width / 0.196 - 1.0).abs() < 0.1, "{width}");
    }

    #[test]
    fn nineteen_of_twenty_intervals_hold_the_truth() {
        let mut random = random("coverage");
        let holds = |random: &mut Random| {
            let series: Vec<f64> = (0..80).map(|_| 0.3 + random.normal()).collect();
            let found = PLAIN.interval(&series, mean, random).unwrap().unwrap();
            found.low <= 0.3 && 0.3 <= found.high
        };
        let held = (0..1_000).filter(|_| holds(&mut random)).count();
        assert!((915..=965).contains(&held), "{held} of 1,000");
    }

    #[test]
    fn blocks_see_that_neighbours_agree() {
        // Runs of 20 equal values: a twentieth of the observations count, so the interval is wider.
        let mut random = random("blocks");
        let levels: Vec<f64> = (0..30).map(|_| random.normal()).collect();
        let series: Vec<f64> = (0..600).map(|at| levels[at / 20]).collect();
        let blocks = Bootstrap {
            mean_block: 40.0,
            ..PLAIN
        };
        let mut width = |plan: Bootstrap| {
            let found = plan.interval(&series, mean, &mut random).unwrap().unwrap();
            found.high - found.low
        };
        let (alone, together) = (width(PLAIN), width(blocks));
        assert!(together > 2.5 * alone, "{together} and {alone}");
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let series: Vec<f64> = (0..50).map(|at| f64::from(at % 7) - 2.9).collect();
        let run = |name| PLAIN.interval(&series, sharpe, &mut random(name)).unwrap();
        assert_eq!(run("same"), run("same"));
        assert_ne!(run("same"), run("other"));
    }

    #[test]
    fn mean_blocks_are_as_long_as_asked() {
        let plan = Bootstrap {
            mean_block: 8.0,
            ..PLAIN
        };
        let series: Vec<usize> = (0..10_000).collect();
        let mut sample = Vec::new();
        plan.resample(&series, &mut sample, &mut random("length"));
        let breaks = sample
            .windows(2)
            .filter(|pair| pair[1] != (pair[0] + 1) % 10_000);
        let length = 10_000.0 / breaks.count() as f64;
        assert!((length - 8.0).abs() < 0.6, "{length}");
    }

    #[test]
    fn what_does_not_exist_has_no_interval() {
        let run = |series: &[f64]| PLAIN.interval(series, sharpe, &mut random("none")).unwrap();
        assert_eq!(run(&[]), None);
        assert_eq!(run(&[0.1, 0.1, 0.1]), None);
        let blocks = Bootstrap {
            mean_block: 0.5,
            ..PLAIN
        };
        let refused = blocks.interval(&[1.0], mean, &mut random("none"));
        assert!(
            refused
                .unwrap_err()
                .to_string()
                .starts_with("mean_block is 0.5")
        );
    }
}
