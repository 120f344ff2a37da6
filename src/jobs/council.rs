//! `council`: asks every configured policy about a decision's own context, and keeps what each would have done.
//!
//! Nothing of it is traded. A tick enqueues it with its decision; `score_council` follows when the calls
//! that were traded have expired.

use super::decide::rebuild;
use super::{Defaults, Done, Job, JobError, Options, Running, enqueue};
use crate::config::Config;
use crate::ctx::Ctx;
use crate::db::Tx;
use crate::db::shadow_decisions::{self, ShadowRow};
use crate::domain::action::Action;
use crate::domain::money::to_e8;
use crate::step::council::Judge;
use crate::step::{Step, StepInput};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Judges the context of one stored decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Council {
    pub decision: String,
}

/// What a policy does, and the call of a model that said so.
struct Opinion {
    step: Step,
    /// How a model failed.
    failed: Option<String>,
    llm_call: Option<String>,
}

impl Job for Council {
    const KIND: &'static str = "council";
    const DEFAULTS: Defaults = Defaults {
        priority: 0,
        concurrency: 2,
        timeout_ms: 600_000,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let rebuilt = rebuild(&ctx, &self.decision).await;
        // What is gone will not come back.
        let rebuilt = rebuilt.map_err(JobError::Abort)?;
        let input = StepInput {
            context: &rebuilt.context,
            settings: &rebuilt.settings,
            seed: &rebuilt.row.seed,
            decision: &self.decision,
        };
        let mut rows = Vec::new();
        for policy in policies(&ctx.config) {
            job.check()?;
            let opinion = opinion(&policy, &input)?;
            rows.push(row(&ctx, job, &input, &policy, &opinion)?);
        }
        let ends = rows.iter().map(|row| row.horizon_ms);
        let horizon_ms = ends.max().unwrap_or(input.context.as_of_ms);
        for row in &mut rows {
            row.horizon_ms = horizon_ms;
        }
        let done = json!({
            "decision": self.decision,
            "policies": rows.iter().map(|row| json!({
                "policy": row.policy, "action": row.action, "instrument": row.instrument,
                "verdict": row.verdict,
            })).collect::<Vec<_>>(),
        });
        let mut tx = ctx.db.begin().await?;
        shadow_decisions::put(&mut tx, &self.decision, &rows).await?;
        job.finish(&mut tx, &done).await?;
        tx.commit().await?;
        Ok(done)
    }
}

/// Everybody who is asked; empty when there is no council.
pub fn policies(config: &Config) -> Vec<String> {
    config.council.policies.clone()
}

/// In the transaction of a tick: has the council judge its decision when there is one.
pub(super) async fn follow(
    tx: &mut Tx,
    ctx: &Ctx,
    tick: &Running,
    decision: &str,
) -> anyhow::Result<()> {
    if policies(&ctx.config).is_empty() {
        return Ok(());
    }
    let job = Council {
        decision: decision.to_owned(),
    };
    let options = Options {
        parent: Some(tick.id.clone()),
        unique_key: Some(decision.to_owned()),
        ..Options::default()
    };
    enqueue(tx, ctx, &job, options).await?;
    Ok(())
}

fn opinion(policy: &str, input: &StepInput<'_>) -> Result<Opinion, JobError> {
    let judge = Judge::named(policy);
    let step = judge.as_ref().and_then(|judge| judge.step(input));
    let step = step.ok_or_else(|| {
        JobError::Abort(anyhow::anyhow!(
            "[council] policies: `{policy}` cannot be asked"
        ))
    })?;
    Ok(Opinion {
        step,
        failed: None,
        llm_call: None,
    })
}

fn row(
    ctx: &Ctx,
    job: &Running,
    input: &StepInput<'_>,
    policy: &str,
    opinion: &Opinion,
) -> anyhow::Result<ShadowRow> {
    let (context, step) = (input.context, &opinion.step);
    let (decision, verdict) = (&step.decision, &step.verdict);
    let action = match verdict.final_action {
        Action::DoNothing => decision.proposed,
        carried_out => carried_out,
    };
    let judged = match (&opinion.failed, decision.proposed) {
        (Some(outcome), _) => outcome,
        (None, Action::DoNothing) => "nothing",
        (None, _) if verdict.approved => "approved",
        (None, _) => "refused",
    };
    let ends = step.fills.iter().map(|fill| fill.instrument.expiry_ms);
    Ok(ShadowRow {
        decision: input.decision.to_owned(),
        policy: policy.to_owned(),
        desk: ctx.desk.clone(),
        job: job.id.clone(),
        underlying: context.coin.as_str().to_owned(),
        as_of_ms: context.as_of_ms,
        proposed_action: decision.proposed.name().to_owned(),
        action: verdict.final_action.name().to_owned(),
        instrument: action.instrument().map(|call| call.name()),
        rolled_from: action.rolled_from().map(|call| call.name()),
        size_e8: action.size().map(to_e8),
        reason: decision.reason.clone(),
        propensity: decision.propensity,
        verdict: judged.to_owned(),
        llm_call: opinion.llm_call.clone(),
        fills: serde_json::to_string(&step.fills)?,
        equity_coin: context.account.equity,
        index_price: context.index_price,
        horizon_ms: ends.max().unwrap_or(context.as_of_ms),
        created_ms: ctx.clock.now_ms(),
        ..ShadowRow::default()
    })
}
