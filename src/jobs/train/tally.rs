//! Counts of a dataset's rows.

use crate::db::training::{Cells, Counts, Progress};
use crate::jobs::Done;
use crate::training::Row;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Of all rows so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::jobs) struct Tally {
    pub(in crate::jobs) rows: i64,
    candidates: i64,
    errors: i64,
    by_profile: Counts,
    by_action: Counts,
    by_split: Counts,
    #[serde(default)]
    cells: Cells,
    #[serde(default)]
    rewarded: i64,
    #[serde(default)]
    reward_usd: f64,
    #[serde(default)]
    reward_versus_holding: f64,
}

impl Tally {
    pub(in crate::jobs) fn count(&mut self, row: &Row) {
        self.rows += 1;
        self.candidates += row.offers.len() as i64;
        self.errors += i64::from(row.error.is_some());
        self.cells.count(row);
        if let Some(followed) = &row.followed {
            self.rewarded += 1;
            self.reward_usd += followed.rewards.usd;
            self.reward_versus_holding += followed.rewards.versus_holding;
        }
        *self.by_profile.entry(row.profile.clone()).or_default() += 1;
        *self
            .by_action
            .entry(row.action_name().to_owned())
            .or_default() += 1;
        *self
            .by_split
            .entry(row.split.as_str().to_owned())
            .or_default() += 1;
    }

    /// The counts that are stored beside the checkpoint.
    pub(in crate::jobs) fn progress(&self) -> Progress {
        Progress {
            rows: self.rows,
            candidates: self.candidates,
            errors: self.errors,
            by_profile: self.by_profile.clone(),
            by_action: self.by_action.clone(),
            by_split: self.by_split.clone(),
            rewarded: self.rewarded,
            reward_usd: self.reward_usd,
            reward_versus_holding: self.reward_versus_holding,
            // A dataset begun by an older version has rows that were not counted.
            cells: (self.cells.rows() == self.rows)
                .then(|| serde_json::to_string(&self.cells).ok())
                .flatten(),
            ..Progress::default()
        }
    }

    /// What the job's page shows and `thetaq train` prints.
    pub(in crate::jobs) fn done(&self, dataset: &str, job: &str) -> Done {
        json!({
            "run": dataset, "job": job, "dataset": dataset, "rows": self.rows,
            "candidates": self.candidates, "errors": self.errors, "by_profile": self.by_profile,
            "by_action": self.by_action, "by_split": self.by_split,
        })
    }
}
