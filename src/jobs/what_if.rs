//! `what_if`: what selling one call at one instant would have come to.

use super::backtest::{load, setup};
use super::{Defaults, Done, Job, JobError, Running};
use crate::backtest::{Setup, Wanted, what_if};
use crate::ctx::Ctx;
use crate::domain::instrument::{DAY_MS, Instrument};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A contract by name, or the call nearest to the settings' `dte_target` and `delta_target`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhatIf {
    /// The chain store: `recorded`, `deribit`, or `synthetic`.
    pub source: String,
    /// The sale is at the first snapshot from here on.
    pub at_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub instrument: Option<Instrument>,
    /// Those of a `backtest` job; the range is that of the call's life.
    #[serde(default)]
    #[schemars(with = "serde_json::Map<String, Value>")]
    pub settings: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_seed: Option<String>,
}

/// Snapshots are read so long after the sale; no listed call lives longer.
const LONGEST_MS: i64 = 380 * DAY_MS;
/// A call of unknown expiry: the longest that a target of days can choose, with room.
const TARGET_MS: i64 = 120 * DAY_MS;

impl Job for WhatIf {
    const KIND: &'static str = "what_if";
    const DEFAULTS: Defaults = Defaults {
        timeout_ms: 600_000,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let setup = setup(&self.settings)?;
        let life_ms = match self.instrument {
            // A day more, so that a snapshot after the expiry is among them.
            Some(call) => (call.expiry_ms - self.at_ms + DAY_MS).clamp(DAY_MS, LONGEST_MS),
            None => TARGET_MS,
        };
        let setup = Setup {
            from_ms: self.at_ms,
            to_ms: self.at_ms + life_ms,
            ..setup
        };
        let wanted = match self.instrument {
            Some(call) => Wanted::Contract(call),
            None => Wanted::Near {
                dte: setup.dte_target,
                delta: setup.delta_target,
            },
        };
        let seed = self.market_seed.as_deref();
        let data = load(&ctx, job, &self.source, seed, &setup).await?;
        let at_ms = self.at_ms;
        let work = move || what_if(&data, &setup, at_ms, wanted);
        let found = tokio::task::spawn_blocking(work).await?;
        let found = found.map_err(|error| JobError::Abort(error.into()))?;
        Ok(json!({
            "settings": found.setup,
            "data": found.data,
            "chain": found.chains.first(),
            "metrics": found.metrics,
            "attribution": found.attribution,
            "points": found.points,
        }))
    }
}
