//! Is a Sharpe ratio skill? Probabilistic and deflated Sharpe ratio of Bailey and Lopez de Prado.

use super::moments::{mean, shape, variance};
use super::performance;
use crate::domain::math::{norm_cdf, norm_quantile};
use serde::Serialize;
use std::f64::consts::E;

/// Euler's and Mascheroni's constant, of the expected maximum of many normal draws.
const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;

/// A track record as far as the significance of its Sharpe ratio goes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Record {
    /// Of one step, not annualised.
    pub sharpe: f64,
    pub skewness: f64,
    /// 3 for normal returns.
    pub kurtosis: f64,
    /// Number of returns.
    pub steps: usize,
}

impl Record {
    /// None without variance.
    pub fn of(returns: &[f64]) -> Option<Self> {
        let (skewness, kurtosis) = shape(returns)?;
        Some(Self {
            sharpe: performance::sharpe(returns)?,
            skewness,
            kurtosis,
            steps: returns.len(),
        })
    }

    /// Probability in 0..1 that the true Sharpe ratio of a step exceeds `benchmark`.
    ///
    /// N((SR - SR*) sqrt(n - 1) / sqrt(1 - skewness SR + (kurtosis - 1) SR^2 / 4)): "The Sharpe ratio
    /// efficient frontier", Journal of Risk 15(2), 2012. None when that variance is not positive, as a
    /// few returns of an extreme shape may have it.
    pub fn probability_above(&self, benchmark: f64) -> Option<f64> {
        let sharpe = self.sharpe;
        let variance = 1.0 - self.skewness * sharpe + (self.kurtosis - 1.0) / 4.0 * sharpe * sharpe;
        let distance = (sharpe - benchmark) * (self.steps as f64 - 1.0).sqrt();
        (variance > 0.0).then(|| norm_cdf(distance / variance.sqrt()))
    }

    /// Probability in 0..1 that this record, the best of many trials, is better than luck would make
    /// the best of as many without skill: "The deflated Sharpe ratio", Journal of Portfolio Management
    /// 40(5), 2014. Significant from 0.95 on.
    pub fn deflated(&self, trials: Trials) -> Option<f64> {
        self.probability_above(trials.expected_best())
    }
}

/// The trials out of which the best was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Trials {
    /// Independent trials; near copies of one setting count less than one each.
    pub count: f64,
    /// Variance of their Sharpe ratios, of one step each.
    pub variance: f64,
}

impl Trials {
    /// Every trial counted as independent, which is the strictest reading; None below two.
    pub fn of(sharpes: &[f64]) -> Option<Self> {
        Some(Self {
            count: sharpes.len() as f64,
            variance: variance(sharpes)?,
        })
    }

    /// Every trial by its returns; a trial that never moved has Sharpe ratio 0.
    pub fn of_returns(trials: &[Vec<f64>]) -> Option<Self> {
        let of = |returns: &Vec<f64>| performance::sharpe(returns).unwrap_or(0.0);
        let sharpes: Vec<f64> = trials.iter().map(of).collect();
        // An empty trial says nothing and must not pass for one of Sharpe 0.
        let all_have_returns = trials.iter().all(|returns| mean(returns).is_some());
        Self::of(&sharpes).filter(|_| all_have_returns)
    }

    /// Sharpe ratio of a step that the best of so many trials without skill is expected to show; 0 for
    /// one trial (equation 1 of the same paper: the mean of the largest of n normal draws).
    pub fn expected_best(&self) -> f64 {
        if self.count <= 1.0 {
            return 0.0;
        }
        let near = norm_quantile(1.0 - 1.0 / self.count);
        let far = norm_quantile(1.0 - 1.0 / (self.count * E));
        self.variance.sqrt() * ((1.0 - EULER_GAMMA) * near + EULER_GAMMA * far)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::clock::Random;

    /// The worked example of the 2014 paper: 5 years of 250 days, annual Sharpe ratio 2.5, skewness -3,
    /// kurtosis 10, the best of 100 trials whose annual Sharpe ratios have variance 1/2.
    #[test]
    fn the_example_of_the_paper() {
        let record = Record {
            sharpe: 2.5 / 250.0_f64.sqrt(),
            skewness: -3.0,
            kurtosis: 10.0,
            steps: 1_250,
        };
        let trials = |count| Trials {
            count,
            variance: 0.5 / 250.0,
        };
        assert!((trials(100.0).expected_best() - 0.1132).abs() < 5e-5);
        assert!((record.deflated(trials(100.0)).unwrap() - 0.9004).abs() < 5e-5);
        assert!((record.deflated(trials(46.0)).unwrap() - 0.9505).abs() < 5e-5);
    }

    #[test]
    fn one_trial_is_judged_against_zero() {
        let record = Record::of(&[0.01, -0.004, 0.02, 0.003, -0.001]).unwrap();
        let one = Trials {
            count: 1.0,
            variance: 0.3,
        };
        assert_eq!(record.deflated(one), record.probability_above(0.0));
    }

    #[test]
    fn its_own_sharpe_ratio_is_exceeded_with_even_chance() {
        let record = Record::of(&[0.01, -0.004, 0.02, 0.003, -0.001]).unwrap();
        assert_eq!(record.probability_above(record.sharpe), Some(0.5));
        assert!(record.probability_above(0.0) > Some(0.5));
    }

    #[test]
    fn the_best_of_noise_looks_significant_until_it_is_deflated() {
        let mut random = Random::from_parts(&["noise"]);
        let (mut naive, mut deflated) = (0, 0);
        for _ in 0..40 {
            let trials: Vec<Vec<f64>> = (0..50).map(|_| noise(&mut random, 250)).collect();
            let records = trials.iter().map(|returns| Record::of(returns).unwrap());
            let best = records
                .max_by(|a, b| a.sharpe.total_cmp(&b.sharpe))
                .unwrap();
            let trials = Trials::of_returns(&trials).unwrap();
            naive += usize::from(best.probability_above(0.0) > Some(0.95));
            deflated += usize::from(best.deflated(trials) > Some(0.95));
        }
        assert!(naive >= 32 && deflated <= 4, "{naive} and {deflated} of 40");
    }

    #[test]
    fn skill_survives_deflation() {
        let mut random = Random::from_parts(&["skill"]);
        let mut trials: Vec<Vec<f64>> = (0..50).map(|_| noise(&mut random, 1_000)).collect();
        trials[7].iter_mut().for_each(|x| *x += 0.004);
        let record = Record::of(&trials[7]).unwrap();
        assert!(record.deflated(Trials::of_returns(&trials).unwrap()) > Some(0.99));
    }

    #[test]
    fn what_does_not_exist_is_none() {
        assert_eq!(Record::of(&[0.01, 0.01]), None);
        assert_eq!(Trials::of(&[1.0]), None);
        assert_eq!(Trials::of_returns(&[vec![], vec![0.1, 0.2]]), None);
    }

    fn noise(random: &mut Random, steps: usize) -> Vec<f64> {
        (0..steps).map(|_| 0.02 * random.normal()).collect()
    }
}
