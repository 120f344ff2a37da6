//! `council`: asks every configured policy about a decision's own context, and keeps what each would have done.
//!
//! Nothing of it is traded. A tick enqueues it with its decision; `score_council` follows when the calls
//! that were traded have expired.

use super::decide::{became, past, rebuild};
use super::propose::{Asked, propose_llm};
use super::{Defaults, Done, Job, JobError, Options, Running, enqueue};
use crate::config::{Config, DecisionMode};
use crate::ctx::Ctx;
use crate::db::Tx;
use crate::db::llm_calls;
use crate::db::shadow_decisions::{self, ShadowRow};
use crate::domain::action::Action;
use crate::domain::money::to_e8;
use crate::llm::Purpose;
use crate::policy::llm::{Fallback, Menu, Said};
use crate::step::council::Judge;
use crate::step::{Step, StepInput, step_said};
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
            let opinion = opinion(&ctx, job, &policy, &input).await?;
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

/// Everybody who is asked, the model too under hybrid_shadow; empty when there is no council.
pub fn policies(config: &Config) -> Vec<String> {
    let mut policies = config.council.policies.clone();
    let shadows = config.policy.decision_mode == DecisionMode::HybridShadow;
    if shadows && !policies.iter().any(|policy| policy == "llm") {
        policies.push("llm".to_owned());
    }
    policies
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

async fn opinion(
    ctx: &Ctx,
    job: &Running,
    policy: &str,
    input: &StepInput<'_>,
) -> Result<Opinion, JobError> {
    let judge = Judge::named(policy);
    if let Some(Judge::Model(model)) = &judge {
        // A model that cannot be asked says nothing; the others are heard all the same.
        let said = of_model(ctx, job, model.as_deref(), input).await;
        job.check()?;
        return Ok(said.unwrap_or_else(|error| not_asked(input, &error)));
    }
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

fn not_asked(input: &StepInput<'_>, error: &anyhow::Error) -> Opinion {
    let outcome = "not_asked".to_owned();
    let said = Said::Failed {
        outcome: outcome.clone(),
        error: format!("{error:#}"),
    };
    let menu = Menu::of(input.context, input.settings);
    Opinion {
        step: step_said(input, menu, &said, Fallback::Nothing),
        failed: Some(outcome),
        llm_call: None,
    }
}

/// What a model would have done; where it fails nobody stands in for it.
async fn of_model(
    ctx: &Ctx,
    job: &Running,
    model: Option<&str>,
    input: &StepInput<'_>,
) -> anyhow::Result<Opinion> {
    let past = past(ctx, input).await?;
    let asked = Asked {
        model,
        purpose: Purpose::Council,
        ..Asked::of_desk(ctx, input, &past)
    };
    let proposal = propose_llm(ctx, job, &asked).await?;
    let step = step_said(input, proposal.menu, &proposal.said, Fallback::Nothing);
    let llm_call = proposal.calls.into_iter().next_back();
    if let Some(call) = &llm_call {
        let mut tx = ctx.db.begin().await?;
        llm_calls::became(&mut tx, call, &became(input, &proposal.said, &step)).await?;
        tx.commit().await?;
    }
    let failed = match proposal.said {
        Said::Failed { outcome, .. } => Some(outcome),
        Said::NotAsked | Said::Chose(_) => None,
    };
    Ok(Opinion {
        step,
        failed,
        llm_call,
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
