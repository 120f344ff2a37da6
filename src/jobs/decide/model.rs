//! The step of a tick that the model decides: what it is told, and the note in its call of what became of it.

use super::gather::Gathered;
use crate::config::DecisionMode;
use crate::ctx::Ctx;
use crate::db::Tx;
use crate::db::decisions::{self, DecisionFilter, DecisionRow};
use crate::db::llm_calls::{self, Became};
use crate::jobs::Running;
use crate::jobs::propose::{Asked, propose_llm};
use crate::llm::Outcome;
use crate::policy::llm::{Past, Said};
use crate::risk;
use crate::step::{self, Step, StepInput, step, step_said};

/// A step, and where a model was asked, the call that has its answer.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct Decided {
    pub(in crate::jobs) step: Step,
    call: Option<(String, Became)>,
}

/// Takes the step as the desk decides: by its rules, or by the model's answer.
pub(in crate::jobs) async fn take(
    ctx: &Ctx,
    job: &Running,
    gathered: &Gathered,
    id: &str,
) -> anyhow::Result<Decided> {
    let input = StepInput {
        context: &gathered.context,
        settings: &gathered.settings,
        seed: &ctx.config.exchange.seed,
        decision: id,
    };
    match ctx.config.policy.decision_mode {
        DecisionMode::LlmOnly => by_model(ctx, job, &input).await,
        DecisionMode::RuleOnly | DecisionMode::HybridShadow => Ok(Decided {
            step: step(&input),
            call: None,
        }),
    }
}

impl Decided {
    /// Notes in the call what became of its answer, with the rows of the decision.
    pub(in crate::jobs) async fn note(&self, tx: &mut Tx) -> anyhow::Result<()> {
        if let Some((call, became)) = &self.call {
            llm_calls::became(tx, call, became).await?;
        }
        Ok(())
    }
}

async fn by_model(ctx: &Ctx, job: &Running, input: &StepInput<'_>) -> anyhow::Result<Decided> {
    let past = past(ctx, input).await?;
    let asked = Asked::of_desk(ctx, input, &past);
    let proposal = propose_llm(ctx, job, &asked).await?;
    let fallback = ctx.config.llm.fallback;
    let step = step_said(input, proposal.menu, &proposal.said, fallback);
    let call = proposal.calls.into_iter().next_back();
    let became = became(input, &proposal.said, &step);
    Ok(Decided {
        step,
        call: call.map(|call| (call, became)),
    })
}

/// What the model wanted, what the rules would have done, what the limits say to the model's wish, and what
/// is done in the end.
pub(in crate::jobs) fn became(input: &StepInput<'_>, said: &Said, step: &Step) -> Became {
    let ruled = step::decide(input).proposed;
    let mut became = Became {
        rule_action: serde_json::to_string(&ruled).ok(),
        final_action: serde_json::to_string(&step.verdict.final_action).ok(),
        ..Became::default()
    };
    let Said::Chose(chosen) = said else {
        return became;
    };
    let verdict = risk::check(
        input.context,
        input.settings,
        &chosen.action,
        input.decision,
    );
    became.llm_action = serde_json::to_string(&chosen.action).ok();
    became.verdict = Some(
        if verdict.approved {
            "approved"
        } else {
            "refused"
        }
        .to_owned(),
    );
    if !verdict.approved {
        became.outcome = Some(Outcome::RiskRejected.as_str().to_owned());
        became.error = verdict.refusal;
    }
    became
}

/// Decisions a prompt repeats.
pub(in crate::jobs) const PAST_MAX: usize = 3;

/// The last decisions in which something was wanted, newest first.
pub(in crate::jobs) async fn past(ctx: &Ctx, input: &StepInput<'_>) -> anyhow::Result<Vec<Past>> {
    let filter = DecisionFilter {
        underlying: Some(input.context.coin.as_str().to_owned()),
        acted_only: true,
        before: Some(input.decision.to_owned()),
        ..DecisionFilter::of(&ctx.desk, 2 * PAST_MAX as i64)
    };
    let rows = decisions::list(&ctx.db, &filter).await?;
    let whole = rows.into_iter().filter(|row| row.error.is_none());
    Ok(whole.take(PAST_MAX).map(told).collect())
}

fn told(row: DecisionRow) -> Past {
    Past {
        at_ms: row.as_of_ms,
        action: row.final_action,
        instrument: row.instrument,
        reason: row.reason,
    }
}
