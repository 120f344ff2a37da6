//! Probability of backtest overfitting by combinatorially symmetric cross-validation.
//!
//! Bailey, Borwein, Lopez de Prado and Zhu, "The probability of backtest overfitting", Journal of
//! Computational Finance 20(4), 2017. History is cut into an even number of blocks. Every way to take
//! half of them is a training set and the other half its test; the setting with the best Sharpe ratio
//! in training is ranked among all in the test. Choosing is worthless when the rank is as often below
//! the median as above.

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::domain::math::ln;

/// Blocks as the paper takes them: 12,870 splits.
pub const BLOCKS: usize = 16;

/// What the splits say about choosing the best of these settings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overfitting {
    /// Share of splits in which the chosen setting is at or below the median of the test, in 0..1.
    pub probability: f64,
    /// ln(w / (1 - w)) of each split, w = rank in the test / (settings + 1) with the worst at rank 1;
    /// in the order of the splits.
    pub logits: Vec<f64>,
    /// Share of splits in which the chosen setting has a negative mean return in the test, in 0..1.
    pub probability_of_loss: f64,
    /// Slope of the chosen setting's Sharpe ratio in the test on that in training; None without spread.
    /// Negative: the better the choice looked, the worse it did.
    pub degradation: Option<f64>,
}

/// Overfitting of the choice among settings, each given by its returns over the same steps in order.
///
/// `blocks` is even, from 2 to 20; a setting without variance in a half has Sharpe ratio 0 there.
pub fn overfitting(settings: &[Vec<f64>], blocks: usize) -> Result<Overfitting> {
    check(settings, blocks)?;
    let table = table(settings, blocks);
    let splits: Vec<Split> = halves(blocks).map(|half| split(&table, half)).collect();
    let share = |holds: fn(&Split) -> bool| {
        splits.iter().filter(|split| holds(split)).count() as f64 / splits.len() as f64
    };
    Ok(Overfitting {
        probability: share(|split| split.logit <= 0.0),
        probability_of_loss: share(|split| split.test_mean < 0.0),
        degradation: slope(&splits),
        logits: splits.iter().map(|split| split.logit).collect(),
    })
}

fn check(settings: &[Vec<f64>], blocks: usize) -> Result<()> {
    ensure!(
        settings.len() >= 2,
        "settings has {}: a choice needs two or more",
        settings.len()
    );
    ensure!(
        blocks.is_multiple_of(2) && (2..=20).contains(&blocks),
        "blocks is {blocks}: give an even number from 2 to 20"
    );
    let steps = settings[0].len();
    ensure!(
        settings.iter().all(|returns| returns.len() == steps),
        "settings differ in their number of returns: run them over the same steps"
    );
    ensure!(
        steps >= 2 * blocks,
        "settings have {steps} returns: {blocks} blocks need {}, take fewer blocks",
        2 * blocks
    );
    let finite = settings.iter().flatten().all(|x| x.is_finite());
    ensure!(
        finite,
        "settings hold a return that is not a number: leave the setting out"
    );
    Ok(())
}

/// What a half is made of: a setting's sums over one block.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Sums {
    fn of(returns: &[f64]) -> Self {
        Self {
            count: returns.len() as f64,
            sum: returns.iter().sum(),
            squares: returns.iter().map(|x| x * x).sum(),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            sum: self.sum + other.sum,
            squares: self.squares + other.squares,
        }
    }

    fn mean(self) -> f64 {
        self.sum / self.count
    }

    /// Mean / sample deviation; 0 where the variance is no more than the sums' rounding.
    fn sharpe(self) -> f64 {
        let squares = self.squares - self.sum * self.mean();
        if squares <= 1e-13 * self.squares {
            return 0.0;
        }
        self.mean() / (squares / (self.count - 1.0)).sqrt()
    }
}

/// Per block, the sums of every setting: blocks differ by one step at most.
fn table(settings: &[Vec<f64>], blocks: usize) -> Vec<Vec<Sums>> {
    let steps = settings[0].len();
    let bound = |block: usize| block * steps / blocks;
    let of = |block: usize, returns: &[f64]| Sums::of(&returns[bound(block)..bound(block + 1)]);
    (0..blocks)
        .map(|block| settings.iter().map(|returns| of(block, returns)).collect())
        .collect()
}

/// Every way to take half of the blocks, as a mask with a bit per block.
fn halves(blocks: usize) -> impl Iterator<Item = u32> {
    (0..1_u32 << blocks).filter(move |mask| mask.count_ones() as usize * 2 == blocks)
}

/// One training half and its test.
struct Split {
    logit: f64,
    train_sharpe: f64,
    test_sharpe: f64,
    test_mean: f64,
}

fn split(table: &[Vec<Sums>], half: u32) -> Split {
    let train = totals(table, |block| half >> block & 1 == 1);
    let test = totals(table, |block| half >> block & 1 == 0);
    let train: Vec<f64> = train.into_iter().map(Sums::sharpe).collect();
    let chosen = best(&train);
    let test_sharpes: Vec<f64> = test.iter().copied().map(Sums::sharpe).collect();
    let share = rank(&test_sharpes, chosen) / (test_sharpes.len() + 1) as f64;
    Split {
        logit: ln(share / (1.0 - share)),
        train_sharpe: train[chosen],
        test_sharpe: test_sharpes[chosen],
        test_mean: test[chosen].mean(),
    }
}

fn totals(table: &[Vec<Sums>], taken: impl Fn(usize) -> bool) -> Vec<Sums> {
    let mut totals = vec![Sums::default(); table[0].len()];
    for (_, block) in table.iter().enumerate().filter(|(at, _)| taken(*at)) {
        for (total, sums) in totals.iter_mut().zip(block) {
            *total = total.plus(*sums);
        }
    }
    totals
}

/// The first of the highest.
fn best(values: &[f64]) -> usize {
    let mut best = 0;
    for (at, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = at;
        }
    }
    best
}

/// Rank from 1 for the lowest; equal values share the mean of theirs.
fn rank(values: &[f64], of: usize) -> f64 {
    let below = values.iter().filter(|x| **x < values[of]).count() as f64;
    let equal = values.iter().filter(|x| **x == values[of]).count() as f64;
    below + 0.5 * (equal + 1.0)
}

/// Least squares of test on training.
fn slope(splits: &[Split]) -> Option<f64> {
    let count = splits.len() as f64;
    let mean_of = |value: fn(&Split) -> f64| splits.iter().map(value).sum::<f64>() / count;
    let (train, test) = (mean_of(|x| x.train_sharpe), mean_of(|x| x.test_sharpe));
    let (mut together, mut spread) = (0.0, 0.0);
    for split in splits {
        let distance = split.train_sharpe - train;
        together += distance * (split.test_sharpe - test);
        spread += distance * distance;
    }
    (spread > 0.0).then_some(together / spread)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::clock::Random;

    #[test]
    fn a_choice_that_fails_in_the_other_half_by_hand() {
        // The first setting gains in the first half and loses in the second, the other the reverse. Of
        // either half the chosen is the worse of two in the test: w = 1/3, logit ln(1/2).
        let (gain, loss) = ([2.0, 3.0], [-2.0, -3.0]);
        let settings = [[gain, loss].concat(), [loss, gain].concat()];
        let found = overfitting(&settings, 2).unwrap();
        assert_eq!((found.probability, found.probability_of_loss), (1.0, 1.0));
        assert_eq!(found.logits.len(), 2);
        assert!(
            found
                .logits
                .iter()
                .all(|x| (x - 0.5_f64.ln()).abs() < 1e-15)
        );
    }

    #[test]
    fn a_choice_that_holds_by_hand() {
        let settings = [vec![2.0, 3.0, 2.0, 3.0], vec![-2.0, -3.0, -2.0, -3.0]];
        let found = overfitting(&settings, 2).unwrap();
        assert_eq!((found.probability, found.probability_of_loss), (0.0, 0.0));
        assert!(
            found
                .logits
                .iter()
                .all(|x| (x - 2.0_f64.ln()).abs() < 1e-15)
        );
        assert_eq!(found.degradation, None, "both halves look the same");
    }

    #[test]
    fn equal_settings_are_at_the_median() {
        let settings = [vec![1.0, 2.0, 3.0, 4.0], vec![1.0, 2.0, 3.0, 4.0]];
        let found = overfitting(&settings, 2).unwrap();
        assert_eq!(found.logits, [0.0, 0.0], "rank 1.5 of two");
    }

    #[test]
    fn choosing_among_noise_is_as_good_as_drawing() {
        // One history says little, since its splits share the data: the mean of twenty counts.
        let mut random = Random::from_parts(&["overfitting", "noise"]);
        let mut probability = || {
            let settings: Vec<Vec<f64>> = (0..20).map(|_| noise(&mut random, 0.0)).collect();
            overfitting(&settings, 8).unwrap().probability
        };
        let mean = (0..20).map(|_| probability()).sum::<f64>() / 20.0;
        assert!((mean - 0.5).abs() < 0.12, "{mean}");
    }

    #[test]
    fn the_truly_best_is_found_again() {
        let mut random = Random::from_parts(&["overfitting", "skill"]);
        let mut settings: Vec<Vec<f64>> = (0..20).map(|_| noise(&mut random, 0.0)).collect();
        settings[13] = noise(&mut random, 0.5);
        let found = overfitting(&settings, 10).unwrap();
        assert_eq!(found.logits.len(), 252, "10 over 5");
        assert!(found.probability < 0.01, "{}", found.probability);
        assert!(found.probability_of_loss < 0.01);
    }

    #[test]
    fn the_sharpe_ratio_of_sums_is_that_of_the_returns() {
        let mut random = Random::from_parts(&["overfitting", "sums"]);
        let returns = noise(&mut random, 0.1);
        let (first, second) = returns.split_at(77);
        let ours = Sums::of(first).plus(Sums::of(second)).sharpe();
        let direct = crate::statistics::performance::sharpe(&returns).unwrap();
        assert!((ours / direct - 1.0).abs() < 1e-12);
        assert_eq!(Sums::of(&[0.1; 50]).sharpe(), 0.0);
    }

    #[test]
    fn what_cannot_be_cut_says_why() {
        let message =
            |settings: &[Vec<f64>], blocks| overfitting(settings, blocks).unwrap_err().to_string();
        let two = [vec![0.1; 8], vec![0.2; 8]];
        assert!(message(&two[..1], 4).starts_with("settings has 1"));
        assert!(message(&two, 5).starts_with("blocks is 5"));
        assert!(message(&two, 6).contains("6 blocks need 12"));
        assert!(message(&[vec![0.1; 8], vec![0.2; 9]], 4).contains("same steps"));
        let odd = [vec![0.1; 8], vec![f64::NAN; 8]];
        assert!(message(&odd, 4).contains("not a number"));
    }

    fn noise(random: &mut Random, mean: f64) -> Vec<f64> {
        (0..200).map(|_| mean + random.normal()).collect()
    }
}
