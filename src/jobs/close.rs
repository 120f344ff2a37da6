//! `close`: buys back one short call or all of an underlying because a person said so.

use super::decide::{decision_id, gather, record};
use super::{Defaults, Done, Job, JobError, Running};
use crate::ctx::Ctx;
use crate::domain::action::Action;
use crate::domain::coin::Coin;
use crate::domain::decision::{Decision, DecisionSource};
use crate::domain::instrument::Instrument;
use crate::step::{StepInput, carry_out};
use anyhow::anyhow;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Closes `instrument`, or every short call of `underlying` when none is named.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Close {
    pub underlying: Coin,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<Instrument>,
}

impl Job for Close {
    const KIND: &'static str = "close";
    const DEFAULTS: Defaults = Defaults {
        priority: 30,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let desk = ctx.row().await?;
        let mut closed = Vec::new();
        loop {
            let now_ms = ctx.clock.now_ms();
            let gathered = gather(&ctx, &desk, self.underlying, now_ms).await?;
            let busy = |call: &Instrument| {
                gathered
                    .context
                    .working
                    .iter()
                    .any(|order| order.instrument == *call)
            };
            let wanted = gathered.context.positions.iter().find(|held| {
                held.size < Decimal::ZERO
                    && self.instrument.is_none_or(|named| named == held.instrument)
                    && !closed.contains(&held.instrument)
                    && !busy(&held.instrument)
            });
            let Some(held) = wanted else { break };
            let call = held.instrument;
            let as_of_ms = gathered.context.as_of_ms;
            let key = format!("close {} {call}", job.id);
            let id = decision_id(&ctx, self.underlying, as_of_ms, &key);
            let input = StepInput {
                context: &gathered.context,
                settings: &gathered.settings,
                seed: &ctx.config.exchange.seed,
                decision: &id,
            };
            let step = carry_out(&input, decision(call, -held.size, "closed by hand"));
            let mut tx = ctx.db.begin().await?;
            let recorded = record(&mut tx, &ctx, &desk, &job.id, &id, &gathered, &step).await?;
            if recorded.outdated {
                continue;
            }
            tx.commit().await?;
            closed.push(call);
        }
        if let Some(named) = self.instrument.filter(|named| !closed.contains(named)) {
            return Err(JobError::Abort(anyhow!(
                "{named} is not held short or an order works on it; `thetaq positions` lists what is"
            )));
        }
        Ok(json!({ "closed": closed }))
    }
}

/// A person's wish as a decision: certain, without candidates.
pub(super) fn decision(instrument: Instrument, size: Decimal, reason: &str) -> Decision {
    Decision {
        proposed: Action::CloseCoveredCall { instrument, size },
        reason: reason.to_owned(),
        policy: "manual".to_owned(),
        policy_version: "1".to_owned(),
        source: DecisionSource::Manual,
        propensity: 1.0,
        explored: false,
        candidates: Vec::new(),
    }
}
