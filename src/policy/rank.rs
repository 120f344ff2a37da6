//! Scores and ranks: the sum of a policy's terms, best first, ties in chain order.

use crate::domain::decision::Candidate;

/// Contributions to a score by name, added up in this order so that the sum has the same bits everywhere.
pub(super) type Terms<const N: usize> = [(&'static str, f64); N];

/// Scores and ranks the candidates that qualify; gives their places, best first.
pub(super) fn rank<const N: usize>(
    candidates: &mut [Candidate],
    terms: impl Fn(&Candidate) -> Terms<N>,
) -> Vec<usize> {
    let mut ranked = Vec::new();
    for (at, call) in candidates.iter_mut().enumerate() {
        if call.failed.is_none() {
            let terms = terms(call);
            call.score = Some(terms.iter().map(|(_, value)| value).sum());
            call.terms = terms.map(|(name, value)| (name.into(), value)).into();
            ranked.push(at);
        }
    }
    let score = |at: usize| candidates[at].score.unwrap_or(f64::NEG_INFINITY);
    ranked.sort_by(|one, other| score(*other).total_cmp(&score(*one)));
    for (rank, at) in (1..).zip(&ranked) {
        candidates[*at].rank = Some(rank);
    }
    ranked
}
