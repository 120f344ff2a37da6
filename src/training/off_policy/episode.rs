//! Rows folded into episodes of draws.

use super::target::Target;
use crate::domain::decision::Candidate;
use crate::training::row::Offer;
use std::collections::BTreeMap;

/// One row, as far as an estimate needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub episode: String,
    pub observation: Vec<Option<f64>>,
    /// USD.
    pub index_price: f64,
    pub reward: f64,
    pub discount: f64,
    pub ends: bool,
    /// With `chosen` on the one drawn; none when nothing was.
    pub offers: Vec<Offer>,
}

/// What was earned from an empty book to an empty book.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Episode {
    /// Earned before the first draw.
    pub before: f64,
    /// From the start to the first draw.
    pub discount: f64,
    pub draws: Vec<Draw>,
}

/// A choice, and what followed until the next one.
#[derive(Clone, Debug, PartialEq)]
pub struct Draw {
    pub options: Vec<Choice>,
    /// Place of the one taken.
    pub taken: usize,
    /// Discounted to the draw.
    pub reward: f64,
    /// From the draw to the next.
    pub discount: f64,
}

/// A call that could be drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Inputs of the model: the observation, then the call.
    pub inputs: Vec<f64>,
    /// Probability by the logged policy and by the other.
    pub logged: f64,
    pub target: f64,
}

impl Episode {
    /// All it earned, discounted to its start.
    pub fn earned(&self) -> f64 {
        let mut rest = 0.0;
        for draw in self.draws.iter().rev() {
            rest = draw.reward + draw.discount * rest;
        }
        self.before + self.discount * rest
    }

    /// How much likelier the other policy was to do what was done.
    pub fn weight(&self) -> f64 {
        self.draws.iter().map(Draw::ratio).product()
    }
}

impl Draw {
    pub fn ratio(&self) -> f64 {
        let taken = &self.options[self.taken];
        taken.target / taken.logged
    }
}

/// Takes rows in their order and gives the episodes that are complete; books take turns.
#[derive(Debug)]
pub struct Steps<'a> {
    target: &'a Target,
    open: BTreeMap<String, Episode>,
    done: Vec<Episode>,
}

impl<'a> Steps<'a> {
    pub fn new(target: &'a Target) -> Self {
        Self {
            target,
            open: BTreeMap::new(),
            done: Vec::new(),
        }
    }

    pub fn push(&mut self, step: &Step) {
        let episode = self
            .open
            .entry(step.episode.clone())
            .or_insert_with(|| Episode {
                discount: 1.0,
                ..Episode::default()
            });
        episode.draws.extend(draw(self.target, step));
        match episode.draws.last_mut() {
            None => {
                episode.before += episode.discount * step.reward;
                episode.discount *= step.discount;
            }
            Some(last) => {
                last.reward += last.discount * step.reward;
                last.discount *= step.discount;
            }
        }
        if step.ends {
            self.done.extend(self.open.remove(&step.episode));
        }
    }

    /// An episode whose outcome is not known counts for nothing.
    pub fn drop_episode(&mut self, episode: &str) {
        self.open.remove(episode);
    }

    pub fn finish(self) -> Vec<Episode> {
        self.done
    }
}

/// The draw of a step that made one.
fn draw(target: &Target, step: &Step) -> Option<Draw> {
    let legal: Vec<&Candidate> = step
        .offers
        .iter()
        .filter(|offer| offer.legal)
        .map(|offer| &offer.call)
        .collect();
    let taken = legal.iter().position(|call| call.chosen)?;
    let chances = target.chances(&legal, step.index_price);
    let options = legal
        .iter()
        .zip(chances)
        .map(|(call, target)| Choice {
            inputs: inputs(step, call),
            logged: call.propensity,
            target,
        })
        .collect();
    Some(Draw {
        options,
        taken,
        reward: 0.0,
        discount: 1.0,
    })
}

/// What is not known stands at 0 with a flag beside it.
fn inputs(step: &Step, call: &Candidate) -> Vec<f64> {
    let of_call = [
        call.delta,
        Some(call.dte),
        call.mark_iv,
        call.ivrv,
        call.yield_net,
        call.premium_usd.map(|usd| usd / step.index_price),
        call.score,
    ];
    let known = step.observation.iter().copied().chain(of_call);
    known
        .flat_map(|value| [value.unwrap_or(0.0), f64::from(u8::from(value.is_none()))])
        .collect()
}
