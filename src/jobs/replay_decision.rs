//! `replay_decision`: makes a stored decision again from its stored inputs and says what differs.

use super::{Defaults, Done, Job, JobError, Running};
use crate::ctx::Ctx;
use crate::replay::replay_decision;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Its result is the document of `thetaq replay DECISION --json`; no other row is written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayDecision {
    /// Id of the decision.
    pub decision: String,
}

impl Job for ReplayDecision {
    const KIND: &'static str = "replay_decision";
    const DEFAULTS: Defaults = Defaults {
        priority: 20,
        max_attempts: 1,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, _: &mut Running) -> Result<Done, JobError> {
        // What is gone will not come back: inputs that were pruned fail the job at once.
        let replay = replay_decision(&ctx, &self.decision).await;
        let replay = replay.map_err(JobError::Abort)?;
        Ok(serde_json::to_value(replay)?)
    }
}
