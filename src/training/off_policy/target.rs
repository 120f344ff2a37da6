//! The policies that can be judged on logged choices, by the calls that were offered.

use crate::domain::decision::Candidate;
use crate::domain::settings::Settings;
use crate::policy;
use crate::policy::profiles::{self, Profile};
use std::collections::BTreeMap;

/// Who chooses among the calls offered.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// The one that made the rows; its estimates are what was earned.
    Logged,
    /// The best by the logged score, always.
    Greedy,
    /// Any, with equal probability.
    Uniform,
    /// The best by the rules' score, always.
    Rules(Box<Settings>),
    /// The best by a profile's score, always.
    Profile(Profile),
}

/// A name that no policy has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("policy: `{0}` cannot be judged on logged choices; use {1}")]
pub struct UnknownTarget(String, String);

impl Target {
    /// By name; `own` are profiles of workers.toml.
    pub fn named(
        name: &str,
        settings: &Settings,
        own: &BTreeMap<String, Profile>,
    ) -> Result<Self, UnknownTarget> {
        let standard = profiles::standard();
        let found = match name {
            "logged" => Some(Self::Logged),
            "greedy" => Some(Self::Greedy),
            "uniform" => Some(Self::Uniform),
            "rules_v1" | "rules_v2" => Some(Self::Rules(Box::new(Settings {
                policy: name.to_owned(),
                ..settings.clone()
            }))),
            _ => None,
        };
        let of_standard = || {
            let mut known = standard.iter();
            known
                .find(|(known, _)| *known == name)
                .map(|(_, profile)| profile.clone())
        };
        let profile = || own.get(name).cloned().or_else(of_standard);
        found
            .or_else(|| profile().map(Self::Profile))
            .ok_or_else(|| {
                let names = standard.iter().map(|(name, _)| *name);
                let names = names.chain(own.keys().map(String::as_str));
                let names: Vec<&str> = names.collect();
                let known = format!(
                    "logged, greedy, uniform, rules_v1, rules_v2, or a profile: {}",
                    names.join(", ")
                );
                UnknownTarget(name.to_owned(), known)
            })
    }

    /// The probability of each call; they add up to 1.
    pub(super) fn chances(&self, calls: &[&Candidate], index_price: f64) -> Vec<f64> {
        let score = |call: &Candidate| match self {
            Self::Logged | Self::Uniform => None,
            Self::Greedy => call.score,
            Self::Rules(settings) => policy::score(&settings.policy, call, settings),
            Self::Profile(profile) => Some(profile.score(call, index_price)),
        };
        match self {
            Self::Logged => calls.iter().map(|call| call.propensity).collect(),
            Self::Uniform => vec![1.0 / calls.len() as f64; calls.len()],
            _ => best(calls.iter().map(|call| score(call))),
        }
    }
}

/// 1 for the first of the highest, 0 for the others.
fn best(scores: impl Iterator<Item = Option<f64>>) -> Vec<f64> {
    let scores: Vec<f64> = scores
        .map(|score| score.unwrap_or(f64::NEG_INFINITY))
        .collect();
    let mut top = 0;
    for (at, score) in scores.iter().enumerate() {
        if *score > scores[top] {
            top = at;
        }
    }
    (0..scores.len())
        .map(|at| f64::from(u8::from(at == top)))
        .collect()
}
