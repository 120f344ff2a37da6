//! Epsilon-greedy choice with the probabilities that off-policy estimates need.

use crate::clock::Random;
use crate::domain::decision::Candidate;
use crate::domain::settings::{Mode, Settings};

/// The candidate taken, and how likely that was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Draw {
    /// Place in the list of candidates.
    pub(super) index: usize,
    pub(super) propensity: f64,
    /// Something other than the best was drawn.
    pub(super) explored: bool,
}

/// Takes the first of `ranked` (places, best first), or in research with probability epsilon one drawn
/// uniformly from the first k, the best included. Marks the chosen one and writes every candidate's
/// probability: eps/k in the top k, plus 1 - eps on the best, 0 elsewhere. `None` when there is none.
pub(super) fn draw(
    candidates: &mut [Candidate],
    ranked: &[usize],
    settings: &Settings,
    random: impl FnOnce() -> Random,
) -> Option<Draw> {
    let best = *ranked.first()?;
    let top = &ranked[..settings.explore_top_k.clamp(1, ranked.len())];
    let epsilon = match settings.mode {
        Mode::Research => settings.explore_prob.clamp(0.0, 1.0),
        Mode::Production => 0.0,
    };
    for at in top {
        candidates[*at].propensity = epsilon / top.len() as f64;
    }
    candidates[best].propensity += 1.0 - epsilon;
    // Both draws are always made, so that the stream does not depend on the outcome of the first.
    let mut random = random();
    let (chance, place) = (random.unit(), random.below(top.len()));
    let index = if chance < epsilon { top[place] } else { best };
    candidates[index].chosen = true;
    Some(Draw {
        index,
        propensity: candidates[index].propensity,
        explored: index != best,
    })
}
