//! `evaluate`: what a policy would have earned on a dataset, from its logged probabilities.

use super::{Defaults, Done, Job, JobError, Running};
use crate::clock::{Random, derived_id};
use crate::ctx::{CODE_VERSION, Ctx};
use crate::db::training::{self, DatasetRow, EvaluationRow, TrainingRow};
use crate::db::{configs, json};
use crate::domain::coin::Coin;
use crate::statistics::bootstrap::Bootstrap;
use crate::training::REWARDS;
use crate::training::off_policy::{Episode, Estimate, Estimates, Steps, Target, estimates};
use anyhow::anyhow;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One policy on one dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evaluate {
    /// Id of the dataset.
    pub dataset: String,
    /// `logged`, `greedy`, `uniform`, `rules_v1`, `rules_v2`, or a profile.
    pub policy: String,
    /// `all`, `train`, `validation` or `test`.
    #[serde(default = "all")]
    pub split: String,
    /// `reward_coin`, `reward_usd` or `reward_versus_holding`.
    #[serde(default = "coin")]
    pub reward: String,
    /// Steps of this underlying alone; needed for rewards in coin when there are two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub underlying: Option<Coin>,
    /// Steps of this profile alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Of the bootstrap.
    #[serde(default = "seed")]
    pub seed: String,
}

fn all() -> String {
    "all".to_owned()
}

fn coin() -> String {
    "reward_coin".to_owned()
}

fn seed() -> String {
    "thetaq".to_owned()
}

impl Job for Evaluate {
    const KIND: &'static str = "evaluate";
    const DEFAULTS: Defaults = Defaults {
        timeout_ms: 3_600_000,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        self.check().map_err(abort)?;
        let dataset = training::get(&ctx.db, &self.dataset).await?;
        let dataset = dataset.ok_or_else(|| {
            abort(format!(
                "dataset: there is no dataset {}; `thetaq sql \"select id from v_datasets\"` lists them",
                self.dataset
            ))
        })?;
        self.fits(&dataset).map_err(abort)?;
        let episodes = self.episodes(&ctx, job, &dataset).await?;
        let plan = Bootstrap::of_length(episodes.len());
        let seed = self.seed.clone();
        let work = move || {
            let mut random = Random::from_parts(&["off-policy", &seed]);
            estimates(&episodes, &plan, &mut random).map(|found| (found, plan))
        };
        let (found, plan) = tokio::task::spawn_blocking(work)
            .await?
            .map_err(JobError::Abort)?;
        let row = self.row(&ctx, job, &dataset, &found, &plan)?;
        let done = self.done(&row, &found);
        let mut tx = ctx.db.begin().await?;
        training::insert_evaluation(&mut tx, &row).await?;
        job.finish(&mut tx, &done).await?;
        tx.commit().await?;
        Ok(done)
    }
}

/// `all`, and the splits of every dataset.
pub const SPLITS: [&str; 4] = ["all", "train", "validation", "test"];
/// Rows read at once.
const PAGE: i64 = 2_000;

impl Evaluate {
    /// What cannot be judged on any dataset.
    pub fn check(&self) -> Result<(), String> {
        let named = |key, value: &str, known: &[&str]| {
            if known.contains(&value) {
                return Ok(());
            }
            let known = known.join(", ");
            Err(format!("{key}: `{value}` is not one of {known}"))
        };
        named("split", &self.split, &SPLITS)?;
        named("reward", &self.reward, &REWARDS.map(|(name, _)| name))
    }

    /// What cannot be judged on this one; coins of two kinds do not add up.
    pub fn fits(&self, dataset: &DatasetRow) -> Result<(), String> {
        let (id, held) = (&dataset.id, &dataset.underlyings);
        let mut coins = held.split(',');
        match self.underlying {
            Some(coin) if coins.all(|held| held != coin.as_str()) => Err(format!(
                "underlying: dataset {id} holds {held} and no {coin}"
            )),
            None if self.reward == "reward_coin" && coins.count() > 1 => Err(format!(
                "reward: dataset {id} holds {held}, whose coins do not add up; name one as the underlying, or use \
                 reward_usd"
            )),
            _ => match &self.profile {
                Some(name) if dataset.profiles.split(',').all(|held| held != name) => Err(format!(
                    "profile: dataset {id} has {} and no `{name}`",
                    dataset.profiles
                )),
                _ => Ok(()),
            },
        }
    }

    /// The dataset's complete episodes with the policy's probabilities.
    async fn episodes(
        &self,
        ctx: &Ctx,
        job: &Running,
        dataset: &DatasetRow,
    ) -> Result<Vec<Episode>, JobError> {
        let plan = training::plan(&ctx.db, &dataset.id).await?;
        let plan = plan.ok_or_else(|| abort(format!("dataset {} is gone", dataset.id)))?;
        let settings = plan.setup.settings();
        let target = Target::named(&self.policy, &settings, &ctx.config.profiles)
            .map_err(|error| JobError::Abort(error.into()))?;
        let mut steps = Steps::new(&target);
        let mut from = 0;
        loop {
            job.check()?;
            let share = from as f64 / dataset.rows.max(1) as f64;
            job.progress(share, format!("row {from} of {}", dataset.rows))
                .await;
            let rows = training::page(&ctx.db, &dataset.id, from, PAGE).await?;
            let Some(last) = rows.last() else {
                return Ok(steps.finish());
            };
            let to = last.n + 1;
            let mut calls = training::candidates(&ctx.db, &dataset.id, from, to)
                .await?
                .into_iter()
                .peekable();
            for row in rows {
                let mut offers = Vec::new();
                while let Some(call) = calls.next_if(|call| call.step_n <= row.n) {
                    offers.push(call.offer()?);
                }
                if self.wants(&row) {
                    match row.step(&self.reward, offers)? {
                        Some(step) => steps.push(&step),
                        // The step before spans a tick in which nobody decided.
                        None if row.is_missed() => {}
                        None => steps.drop_episode(&row.episode),
                    }
                }
            }
            from = to;
        }
    }

    fn wants(&self, row: &TrainingRow) -> bool {
        let split = self.split == "all" || self.split == row.split;
        let underlying = self
            .underlying
            .is_none_or(|wanted| wanted.as_str() == row.underlying);
        split
            && underlying
            && self
                .profile
                .as_ref()
                .is_none_or(|wanted| *wanted == row.profile)
    }

    fn row(
        &self,
        ctx: &Ctx,
        job: &Running,
        dataset: &DatasetRow,
        found: &Estimates,
        plan: &Bootstrap,
    ) -> Result<EvaluationRow, JobError> {
        let parts = |estimate: Option<Estimate>| {
            let of = |part: fn(Estimate) -> f64| estimate.map(part);
            (of(|one| one.value), of(|one| one.low), of(|one| one.high))
        };
        let (ips, ips_low, ips_high) = parts(found.ips);
        let (snips, snips_low, snips_high) = parts(found.snips);
        let (dr, dr_low, dr_high) = parts(found.dr);
        Ok(EvaluationRow {
            id: derived_id(ctx.clock.wall_ms(), &["evaluation", &job.id]),
            job: job.id.clone(),
            dataset: self.dataset.clone(),
            policy: self.policy.clone(),
            split: self.split.clone(),
            reward: self.reward.clone(),
            reward_definition: dataset.reward_definition.clone(),
            episodes: found.episodes as i64,
            draws: found.draws as i64,
            logged: found.logged,
            ips,
            ips_low,
            ips_high,
            snips,
            snips_low,
            snips_high,
            dr,
            dr_low,
            dr_high,
            level: plan.level,
            resamples: plan.resamples as i64,
            seed: self.seed.clone(),
            effective_sample_size: found.effective_sample_size,
            max_weight: found.max_weight,
            uncovered: found.uncovered,
            overlap_warning: found.overlap_warning.clone(),
            config_hash: configs::digest(&json::canonical(self)?),
            code_version: CODE_VERSION.to_owned(),
            created_ms: ctx.clock.wall_ms(),
            underlying: self.underlying.map(|coin| coin.to_string()),
            profile: self.profile.clone(),
        })
    }

    fn done(&self, row: &EvaluationRow, found: &Estimates) -> Value {
        json!({
            "evaluation": row.id, "job": row.job, "dataset": self.dataset, "policy": self.policy,
            "underlying": self.underlying, "profile": self.profile, "split": self.split, "reward": self.reward, "unit": "per episode",
            "reward_definition": row.reward_definition, "episodes": found.episodes, "draws": found.draws,
            "logged": found.logged,
            "estimates": { "ips": found.ips, "snips": found.snips, "dr": found.dr },
            "effective_sample_size": found.effective_sample_size, "max_weight": found.max_weight,
            "uncovered": found.uncovered, "overlap_warning": found.overlap_warning,
        })
    }
}

fn abort(text: String) -> JobError {
    JobError::Abort(anyhow!(text))
}
