//! `train`: a dataset of what profiles saw, did and earned over stored or synthetic chains, resumed where its
//! last checkpoint is.
//!
//! Rows and the checkpoint that includes them are one transaction, so a killed worker's job ends with the
//! rows it would have had. A job that is cancelled keeps what it has done as a stopped dataset; retrying the
//! job goes on from there.

mod dataset;
mod tally;

use super::backtest::{load, setup};
use super::{Defaults, Done, Job, JobError, Running, collect};
use crate::backtest::{Data, Setup};
use crate::config::Config;
use crate::ctx::Ctx;
use crate::domain::coin::Coin;
use crate::policy::profiles::{Profile, standard};
use crate::training::{EXPLORE_PROB, Plan};
use anyhow::anyhow;
use dataset::Open;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
pub(super) use tally::Tally;

/// The source that is no store: what the desk sees, tick by tick.
pub const LIVE: &str = "live";

/// One dataset. `settings` are those of a `backtest` job; bands are the profiles', calls at once the ladder's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// The chain store: `recorded`, `deribit`, or `synthetic`, which is made from `market_seed`; or `live`, which
    /// goes on with the desk's ticks until it is stopped.
    pub source: String,
    #[serde(default)]
    #[schemars(with = "serde_json::Map<String, Value>")]
    pub settings: Value,
    /// Seed of the synthetic market; the configuration's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_seed: Option<String>,
    #[serde(default = "underlyings")]
    pub underlyings: Vec<Coin>,
    /// Names, or `all`: conservative, moderate, aggressive and those of workers.toml.
    #[serde(default = "all")]
    pub profiles: Vec<String>,
    /// Calls a profile may hold at once: 1 or 2.
    #[serde(default = "single")]
    pub ladder: u32,
    /// Shares of the time for training and for validation; what is left is for tests.
    #[serde(default = "train_share")]
    pub train_share: f64,
    #[serde(default = "validation_share")]
    pub validation_share: f64,
    #[serde(default = "discount_per_day")]
    pub discount_per_day: f64,
    /// A checkpoint after so many snapshots; about once a second when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_steps: Option<usize>,
}

fn underlyings() -> Vec<Coin> {
    Coin::ALL.to_vec()
}

fn all() -> Vec<String> {
    vec!["all".to_owned()]
}

fn single() -> u32 {
    1
}

fn train_share() -> f64 {
    0.7
}

fn validation_share() -> f64 {
    0.15
}

fn discount_per_day() -> f64 {
    1.0
}

impl Job for Train {
    const KIND: &'static str = "train";
    const DEFAULTS: Defaults = Defaults {
        timeout_ms: 6 * 3_600_000,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let plan = self.plan(&ctx)?;
        if self.source == LIVE {
            return collect::begin(&ctx, job, plan).await;
        }
        let markets = self.markets(&ctx, job, &plan).await?;
        let mut open = Open::begin(&ctx, job, plan, markets).await?;
        let end = open.walk(&ctx, job, self.checkpoint_steps).await;
        open.end(&ctx, job, end).await
    }
}

impl Train {
    /// What the rows depend on besides the market; an error names the field.
    pub fn plan(&self, ctx: &Ctx) -> Result<Plan, JobError> {
        let mut settings = match &self.settings {
            Value::Null => json!({}),
            given => given.clone(),
        };
        if let Some(keys) = settings.as_object_mut() {
            keys.entry("explore_prob").or_insert(EXPLORE_PROB.into());
        }
        let mut plan = Plan {
            underlyings: self.underlyings.clone(),
            profiles: profiles(&self.profiles, ctx)?,
            ladder: self.ladder,
            train_share: self.train_share,
            validation_share: self.validation_share,
            discount_per_day: self.discount_per_day,
            setup: setup(&settings)?,
        };
        plan.check()
            .map_err(|error| JobError::Abort(error.into()))?;
        if self.source == LIVE {
            collect::prepare(ctx, &mut plan, self.market_seed.as_deref())?;
        }
        Ok(plan)
    }

    async fn markets(
        &self,
        ctx: &Ctx,
        job: &Running,
        plan: &Plan,
    ) -> Result<Vec<Arc<Data>>, JobError> {
        let mut markets = Vec::new();
        for coin in &plan.underlyings {
            let setup = Setup {
                underlying: *coin,
                ..plan.setup.clone()
            };
            let seed = self.market_seed.as_deref();
            markets.push(load(ctx, job, &self.source, seed, &setup).await?);
        }
        Ok(markets)
    }
}

/// The profiles there always are, then those of workers.toml.
pub fn known(config: &Config) -> Vec<(String, Profile)> {
    let standard = standard().map(|(name, profile)| (name.to_owned(), profile));
    let own = config.profiles.iter();
    let own = own.map(|(name, profile)| (name.clone(), profile.clone()));
    standard.into_iter().chain(own).collect()
}

/// By name, each once, in the order they are named in.
fn profiles(names: &[String], ctx: &Ctx) -> Result<Vec<(String, Profile)>, JobError> {
    let known = known(&ctx.config);
    let mut chosen: Vec<(String, Profile)> = Vec::new();
    for name in names {
        let found = known
            .iter()
            .filter(|(known, _)| known == name || name == "all");
        let found: Vec<_> = found.cloned().collect();
        if found.is_empty() {
            let known: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
            return Err(JobError::Abort(anyhow!(
                "profiles: `{name}` is not one of all, {}; [profiles.NAME] of workers.toml adds one",
                known.join(", ")
            )));
        }
        for one in found {
            if chosen.iter().all(|(taken, _)| *taken != one.0) {
                chosen.push(one);
            }
        }
    }
    Ok(chosen)
}
