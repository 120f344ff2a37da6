//! Estimates over episodes, with what they are worth.

use super::episode::{Choice, Episode};
use crate::clock::Random;
use crate::statistics::bootstrap::Bootstrap;
use crate::statistics::ridge::Ridge;
use serde::Serialize;

/// A value per episode and its bootstrap interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// What is known of a policy that was not run; null where there is no estimate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimates {
    pub episodes: usize,
    pub draws: usize,
    /// What the logged policy earned an episode.
    pub logged: Option<f64>,
    pub ips: Option<Estimate>,
    pub snips: Option<Estimate>,
    pub dr: Option<Estimate>,
    /// (sum of weights)^2 / sum of squared weights.
    pub effective_sample_size: f64,
    pub max_weight: f64,
    /// Mean share of the policy's probability on calls that the logged policy never draws.
    pub uncovered: f64,
    /// What speaks against believing the estimates; null when nothing does.
    pub overlap_warning: Option<String>,
}

/// Price of a coefficient, in standardised observations.
const PENALTY: f64 = 10.0;
/// Fewer effective episodes than this, or than this share of all, are too few.
const EFFECTIVE_MIN: f64 = 30.0;
const EFFECTIVE_SHARE: f64 = 0.1;
/// More probability than this where nothing was logged is too much.
const UNCOVERED_MAX: f64 = 0.01;

/// An episode in numbers.
#[derive(Clone, Copy)]
struct Sample {
    weight: f64,
    earned: f64,
    robust: f64,
}

/// The estimates of the policy whose probabilities the episodes carry.
pub fn estimates(
    episodes: &[Episode],
    plan: &Bootstrap,
    random: &mut Random,
) -> anyhow::Result<Estimates> {
    let robust = robust(episodes);
    let samples: Vec<Sample> = episodes
        .iter()
        .zip(robust)
        .map(|(episode, robust)| Sample {
            weight: episode.weight(),
            earned: episode.earned(),
            robust,
        })
        .collect();
    let mut of = |statistic: fn(&[Sample]) -> Option<f64>| {
        let found = plan.interval(&samples, statistic, random)?;
        anyhow::Ok(found.map(|found| Estimate {
            value: found.estimate,
            low: found.low,
            high: found.high,
        }))
    };
    let (ips, snips, dr) = (of(ips)?, of(snips)?, of(dr)?);
    let sum = |of: fn(f64) -> f64| samples.iter().map(|one| of(one.weight)).sum::<f64>();
    let squares = sum(|weight| weight * weight);
    let effective = if squares > 0.0 {
        sum(|weight| weight).powi(2) / squares
    } else {
        0.0
    };
    let uncovered = uncovered(episodes);
    Ok(Estimates {
        episodes: episodes.len(),
        draws: episodes.iter().map(|episode| episode.draws.len()).sum(),
        logged: mean(&samples, |one| one.earned),
        ips,
        snips,
        dr,
        effective_sample_size: effective,
        max_weight: samples.iter().map(|one| one.weight).fold(0.0, f64::max),
        uncovered,
        overlap_warning: warning(effective, samples.len(), uncovered),
    })
}

fn mean(samples: &[Sample], of: impl Fn(&Sample) -> f64) -> Option<f64> {
    let sum = samples.iter().map(of).sum::<f64>();
    (!samples.is_empty()).then(|| sum / samples.len() as f64)
}

fn ips(samples: &[Sample]) -> Option<f64> {
    mean(samples, |one| one.weight * one.earned)
}

fn snips(samples: &[Sample]) -> Option<f64> {
    let weight = mean(samples, |one| one.weight)?;
    (weight > 0.0).then_some(ips(samples)? / weight)
}

fn dr(samples: &[Sample]) -> Option<f64> {
    mean(samples, |one| one.robust)
}

/// Doubly robust values, each by the model of the other half of the episodes: a model that has seen an
/// episode would explain its luck away.
fn robust(episodes: &[Episode]) -> Vec<f64> {
    let models = [model(episodes, 1), model(episodes, 0)];
    let value = |(at, episode): (usize, &Episode)| {
        let model = models[at % 2].as_ref();
        let expected = |choice: &Choice| model.map_or(0.0, |model| model.predict(&choice.inputs));
        let mut rest = 0.0;
        for draw in episode.draws.iter().rev() {
            let options = draw.options.iter();
            let hoped: f64 = options
                .filter(|choice| choice.target > 0.0)
                .map(|choice| choice.target * expected(choice))
                .sum();
            let surprise = draw.reward + draw.discount * rest - expected(&draw.options[draw.taken]);
            rest = hoped + draw.ratio() * surprise;
        }
        episode.before + episode.discount * rest
    };
    episodes.iter().enumerate().map(value).collect()
}

/// What follows a draw, fitted to every other episode.
fn model(episodes: &[Episode], half: usize) -> Option<Ridge> {
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for episode in episodes.iter().skip(half).step_by(2) {
        let mut rest = 0.0;
        for draw in episode.draws.iter().rev() {
            rest = draw.reward + draw.discount * rest;
            inputs.push(draw.options[draw.taken].inputs.clone());
            targets.push(rest);
        }
    }
    Ridge::fit(&inputs, &targets, PENALTY)
}

fn uncovered(episodes: &[Episode]) -> f64 {
    let (mut share, mut draws) = (0.0, 0.0);
    for draw in episodes.iter().flat_map(|episode| &episode.draws) {
        let never = draw.options.iter().filter(|choice| choice.logged <= 0.0);
        share += never.map(|choice| choice.target).sum::<f64>();
        draws += 1.0;
    }
    if draws > 0.0 { share / draws } else { 0.0 }
}

fn warning(effective: f64, episodes: usize, uncovered: f64) -> Option<String> {
    let mut said = Vec::new();
    if uncovered > UNCOVERED_MAX {
        said.push(format!(
            "{:.1} % of the policy's choices were never logged: what they would have earned is not in the data",
            100.0 * uncovered
        ));
    }
    let (few, thin) = (
        effective < EFFECTIVE_MIN,
        effective < EFFECTIVE_SHARE * episodes as f64,
    );
    if few || thin {
        let least = if few {
            format!(", fewer than {EFFECTIVE_MIN}")
        } else {
            String::new()
        };
        said.push(format!(
            "the weights leave {effective:.1} effective episodes of {episodes}{least}"
        ));
    }
    (!said.is_empty()).then(|| said.join("; "))
}
