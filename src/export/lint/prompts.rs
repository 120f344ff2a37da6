//! Prompts beside rewards: does one tell the other?

use super::{Code, Finding, Severity};
use crate::db::scan::Cell;

/// Places of prompts and of rewards in a row, and what was found.
#[derive(Default)]
pub(super) struct Prompts {
    texts: Vec<usize>,
    rewards: Vec<usize>,
    rows: u64,
    example: String,
}

/// Words of the outcome; none of them names something that is known before.
const OUTCOME: [&str; 7] = [
    "reward",
    "pnl",
    "profit",
    "hindsight",
    "outcome",
    "next_observation",
    "final_equity",
];

impl Prompts {
    pub(super) fn new(names: &[String]) -> Self {
        let places = |wanted: &dyn Fn(&str) -> bool| {
            let found = names.iter().enumerate().filter(|(_, name)| wanted(name));
            found.map(|(at, _)| at).collect()
        };
        Self {
            texts: places(&|name| {
                ["prompt", "prompt_checked", "question", "user", "system"].contains(&name)
            }),
            rewards: places(&|name| name.starts_with("reward_") || name == "reward"),
            ..Self::default()
        }
    }

    pub(super) fn row(&mut self, row: &[Cell<'_>]) {
        for at in &self.texts {
            let Cell::Text(prompt) = row[*at] else {
                continue;
            };
            let told = OUTCOME
                .iter()
                .find(|word| prompt.contains(**word))
                .map(|word| (*word).to_owned());
            let told = told.or_else(|| self.figure(row, prompt));
            if let Some(told) = told {
                self.rows += 1;
                self.example = told;
            }
        }
    }

    /// A reward with enough digits to be no coincidence.
    fn figure(&self, row: &[Cell<'_>], prompt: &str) -> Option<String> {
        let figures = self.rewards.iter().filter_map(|at| match row[*at] {
            Cell::Float(value) => Some(value.abs().to_string()),
            _ => None,
        });
        figures
            .into_iter()
            .find(|text| text.len() >= 8 && prompt.contains(text.as_str()))
    }

    pub(super) fn finding(&self) -> Option<Finding> {
        (self.rows > 0).then(|| Finding {
            code: Code::RewardInPrompt,
            severity: Severity::Error,
            column: "prompt".to_owned(),
            rows: self.rows,
            text: format!("prompts tell what followed, for example `{}`", self.example),
        })
    }
}
