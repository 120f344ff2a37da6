//! What the runs of a sweep are worth: ranks that hold over time, intervals, and how much of it is luck.

use super::ahead::{Ahead, WalkForwardDays, walk_forward};
use super::statistic::{drawdown, interval, sharpe, total_return, yearly_sharpe};
use super::{Currency, Tried};
use crate::clock::Random;
use crate::statistics::bootstrap::Interval;
use crate::statistics::overfitting::{BLOCKS, overfitting};
use crate::statistics::sharpe::{Record, Trials};
use anyhow::Result;
use serde::Serialize;

/// Runs that are looked at closely.
const BEST: usize = 10;

/// The runs beside each other. A figure that the days do not allow is null.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    pub currency: Currency,
    /// Runs over the same days; the others failed.
    pub runs: usize,
    pub days: usize,
    /// Probability that the highest Sharpe ratio is more than the best of so many runs without skill.
    pub deflated_sharpe: Option<f64>,
    /// Probability in 0..1 that the best of one half of history is below the median in the other.
    pub overfit_probability: Option<f64>,
    /// Share of those halves in which the chosen run loses.
    pub loss_probability: Option<f64>,
    /// Slope of the chosen runs' Sharpe ratio in the other half on that in theirs.
    pub degradation: Option<f64>,
    /// Blocks of history the halves are made of.
    pub blocks: usize,
    /// Number of each run in the order of the ranking, the best first.
    #[serde(skip)]
    pub ranking: Vec<usize>,
    pub best: Vec<Best>,
    pub walk_forward: Option<Ahead>,
}

/// One of the first of the ranking; intervals hold 95 % of the resampled histories.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Best {
    /// Number of the run.
    pub n: usize,
    pub place: usize,
    /// Half its rank by Sharpe ratio over all days, half the mean of its ranks over spans of history; 1
    /// is the best.
    pub mean_rank: f64,
    /// Deflated by the number of runs and the spread of their Sharpe ratios.
    pub deflated_sharpe: Option<f64>,
    /// A year of 365 days.
    pub sharpe: Option<Interval>,
    pub return_coin: Option<Interval>,
    pub return_usd: Option<Interval>,
    pub drawdown: Option<Interval>,
}

/// Judges runs numbered in order; `days` are the instants of their daily returns.
pub fn judge(
    tried: &[(usize, Tried)],
    days: &[i64],
    currency: Currency,
    plan: Option<&WalkForwardDays>,
    seed: &str,
) -> Result<Judgement> {
    let whole = |one: &&(usize, Tried)| one.1.returns_coin.len() == days.len() && !days.is_empty();
    let runs: Vec<&(usize, Tried)> = tried.iter().filter(whole).collect();
    let table: Vec<Vec<f64>> = runs
        .iter()
        .map(|one| one.1.returns(currency).to_vec())
        .collect();
    let ranks = mean_ranks(&table, days.len());
    let order = ranking(&table, &ranks);
    let luck = Trials::of_returns(&table);
    let highest = table
        .iter()
        .filter_map(|returns| Record::of(returns))
        .max_by(|a, b| a.sharpe.total_cmp(&b.sharpe));
    let blocks = blocks(runs.len(), days.len());
    let fitted = (runs.len() > 1 && blocks > 0)
        .then(|| overfitting(&table, blocks))
        .transpose()?;
    let mut best = Vec::new();
    for (at, &row) in order.iter().take(BEST).enumerate() {
        let (n, tried) = runs[row];
        let deflated = Record::of(&table[row])
            .zip(luck)
            .and_then(|(record, luck)| record.deflated(luck));
        let mut random = Random::from_parts(&["sweep", "bootstrap", seed, &n.to_string()]);
        best.push(Best {
            n: *n,
            place: at + 1,
            mean_rank: ranks[row],
            deflated_sharpe: deflated,
            sharpe: interval(&table[row], yearly_sharpe, &mut random),
            return_coin: interval(&tried.returns_coin, total_return, &mut random),
            return_usd: interval(&tried.returns_usd, total_return, &mut random),
            drawdown: interval(&table[row], drawdown, &mut random),
        });
    }
    let numbers: Vec<usize> = runs.iter().map(|one| one.0).collect();
    Ok(Judgement {
        currency,
        runs: runs.len(),
        days: days.len(),
        deflated_sharpe: highest
            .zip(luck)
            .and_then(|(record, luck)| record.deflated(luck)),
        overfit_probability: fitted.as_ref().map(|found| found.probability),
        loss_probability: fitted.as_ref().map(|found| found.probability_of_loss),
        degradation: fitted.as_ref().and_then(|found| found.degradation),
        blocks,
        ranking: order.iter().map(|row| numbers[*row]).collect(),
        best,
        walk_forward: plan
            .map(|plan| walk_forward(&numbers, &table, days, plan))
            .transpose()?,
    })
}

/// Spans of history a run is ranked in: of ten days or more, at most six.
fn spans(days: usize) -> usize {
    (days / 10).clamp(1, 6)
}

/// Blocks that history allows, four days each or more; fewer for many runs, since halves are many.
fn blocks(runs: usize, days: usize) -> usize {
    let most = if runs > 1_000 { 12 } else { BLOCKS };
    (days / 4).min(most) / 2 * 2
}

fn mean_ranks(table: &[Vec<f64>], days: usize) -> Vec<f64> {
    let spans = spans(days);
    let mut sums = vec![0.0; table.len()];
    for span in 0..spans {
        let (from, to) = (span * days / spans, (span + 1) * days / spans);
        let sharpes: Vec<f64> = table
            .iter()
            .map(|returns| sharpe(&returns[from..to]))
            .collect();
        for (sum, rank) in sums.iter_mut().zip(ranks(&sharpes)) {
            *sum += rank;
        }
    }
    let whole: Vec<f64> = table.iter().map(|returns| sharpe(returns)).collect();
    let both = |(sum, whole): (&f64, f64)| 0.5 * (sum / spans as f64 + whole);
    sums.iter().zip(ranks(&whole)).map(both).collect()
}

/// 1 for the highest; equal values share the mean of their ranks.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    let mut ranks = vec![0.0; values.len()];
    let mut at = 0;
    while at < order.len() {
        let equal = order[at..]
            .iter()
            .take_while(|row| values[**row] == values[order[at]])
            .count();
        for row in &order[at..at + equal] {
            ranks[*row] = at as f64 + 0.5 * (equal as f64 + 1.0);
        }
        at += equal;
    }
    ranks
}

/// Rows by mean rank, then by Sharpe ratio over all days, then as they were tried.
fn ranking(table: &[Vec<f64>], ranks: &[f64]) -> Vec<usize> {
    let sharpes: Vec<f64> = table.iter().map(|returns| sharpe(returns)).collect();
    let mut order: Vec<usize> = (0..table.len()).collect();
    order.sort_by(|a, b| {
        ranks[*a]
            .total_cmp(&ranks[*b])
            .then(sharpes[*b].total_cmp(&sharpes[*a]))
    });
    order
}
