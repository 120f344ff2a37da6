//! The one way jobs ask a model: the budget first, then the call, then its row; nothing else is kept of it.

use crate::ctx::Ctx;
use crate::db::llm_calls::{self, LlmCallRow};
use crate::domain::instrument::DAY_MS;
use crate::jobs::Running;
use crate::llm::{Ask, Llm, Outcome, Purpose, Reply, Reserved};
use anyhow::Context as _;
use std::sync::Arc;

/// What a call is about, as its row keeps it.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// The job's desk when unset.
    pub desk: Option<String>,
    pub decision: Option<String>,
    pub backtest: Option<String>,
    pub thread: Option<String>,
    pub underlying: Option<String>,
    pub as_of_ms: Option<i64>,
    pub snapshot_hash: Option<String>,
}

/// Asks and keeps the row; gives the reply and the row's id. Fails only without a model or a database.
pub async fn call(
    ctx: &Ctx,
    job: &Running,
    subject: &Subject,
    ask: &Ask,
) -> anyhow::Result<(Reply, String)> {
    let llm = model(ctx)?;
    // Until its row is kept, a call counts as one that is under way.
    let allowed = within_budget(ctx, job, &llm, ask).await?;
    let reply = match &allowed {
        Err(refused) => (**refused).clone(),
        Ok(_) => llm.ask(ask, &job.token()).await,
    };
    keep(ctx, job, subject, ask, reply).await
}

/// The same with the answer's text handed over in pieces as they come.
pub async fn call_streaming(
    ctx: &Ctx,
    job: &Running,
    subject: &Subject,
    ask: &Ask,
    on_text: impl FnMut(&str) + Send,
) -> anyhow::Result<(Reply, String)> {
    let llm = model(ctx)?;
    // Until its row is kept, a call counts as one that is under way.
    let allowed = within_budget(ctx, job, &llm, ask).await?;
    let reply = match &allowed {
        Err(refused) => (**refused).clone(),
        Ok(_) => llm.stream(ask, &job.token(), on_text).await,
    };
    keep(ctx, job, subject, ask, reply).await
}

/// The configured model; the error says how to configure one.
pub(super) fn model(ctx: &Ctx) -> anyhow::Result<Arc<Llm>> {
    ctx.llm.clone().context(
        "no language model is configured: set [llm] base_url and model in workers.toml, and THETAQ_LLM_API_KEY \
         if the server wants a key",
    )
}

/// What a call may cost is taken from the budgets before it is made; a call that could cost more than is left
/// is not sent, and `Err` is the reply to it. Calls of other jobs of this process that are under way count at
/// their worst, and so does a call whose cost nobody knows.
async fn within_budget<'l>(
    ctx: &Ctx,
    job: &Running,
    llm: &'l Llm,
    ask: &Ask,
) -> anyhow::Result<Result<Option<Reserved<'l>>, Box<Reply>>> {
    let config = llm.config();
    if config.budget_day_usd.is_none() && config.budget_run_usd.is_none() {
        return Ok(Ok(None));
    }
    let request = llm.request(ask);
    // Reserved first and read then: a call that ends meanwhile is counted twice rather than never.
    let (others, reserved) = llm
        .reserve(&request)
        .context("[llm] a budget is set, but no prices are")?;
    let worst = reserved.worst_usd;
    let day_ms = ctx.clock.now_ms().div_euclid(DAY_MS) * DAY_MS;
    let today = llm_calls::health(&ctx.db, day_ms, day_ms + DAY_MS).await?;
    let (run, run_unpriced) = llm_calls::spent_by_job(&ctx.db, &job.id).await?;
    let day = today.cost_usd.unwrap_or(0.0);
    let day_unknown = worst * today.unpriced as f64 + others;
    let run_unknown = worst * run_unpriced as f64;
    let checks = [
        ("budget_day_usd", config.budget_day_usd, day, day_unknown),
        ("budget_run_usd", config.budget_run_usd, run, run_unknown),
    ];
    for (key, budget, spent, unknown) in checks {
        let Some(budget) = budget else { continue };
        if spent + unknown + worst <= budget {
            continue;
        }
        let mut reply = Reply::failed(
            Outcome::BudgetExhausted,
            format!(
                "not sent: this call may cost up to {worst:.4} USD; {spent:.4} are spent{}, and [llm] {key} = {budget}",
                if unknown > 0.0 {
                    format!(" and up to {unknown:.4} more by calls of unknown cost or under way")
                } else {
                    String::new()
                }
            ),
        );
        reply.request = request;
        return Ok(Err(Box::new(reply)));
    }
    Ok(Ok(Some(reserved)))
}

async fn keep(
    ctx: &Ctx,
    job: &Running,
    subject: &Subject,
    ask: &Ask,
    reply: Reply,
) -> anyhow::Result<(Reply, String)> {
    let llm = model(ctx)?;
    let row = row(ctx, job, subject, ask, &reply, &llm);
    let mut tx = ctx.db.begin().await?;
    llm_calls::insert(&mut tx, &row).await?;
    tx.commit().await?;
    if let Some(error) = &reply.error {
        let outcome = reply.outcome.as_str();
        // Who asked in words is told in the answer's place.
        if matches!(ask.purpose, Purpose::Chat | Purpose::Insight) {
            tracing::info!(call = row.id, job = job.id, outcome, "{error}");
        } else {
            tracing::warn!(call = row.id, job = job.id, outcome, "{error}");
        }
    }
    Ok((reply, row.id))
}

fn row(
    ctx: &Ctx,
    job: &Running,
    subject: &Subject,
    ask: &Ask,
    reply: &Reply,
    llm: &Llm,
) -> LlmCallRow {
    let config = llm.config();
    LlmCallRow {
        id: ctx.clock.id(),
        job: job.id.clone(),
        desk: subject.desk.clone().unwrap_or_else(|| job.desk.clone()),
        purpose: ask.purpose.as_str().to_owned(),
        decision: subject.decision.clone(),
        backtest: subject.backtest.clone(),
        thread: subject.thread.clone(),
        underlying: subject.underlying.clone(),
        as_of_ms: subject.as_of_ms,
        created_ms: ctx.clock.now_ms(),
        model: llm.model(ask).to_owned(),
        model_answered: reply.model.clone(),
        structured_mode: config.structured_mode.as_str().to_owned(),
        prompt_version: ask.prompt_version.clone(),
        prompt_hash: reply.request.prompt_hash.clone(),
        request_hash: reply.request.hash.clone(),
        request: reply.request.bytes.clone(),
        response: reply.response.clone(),
        status: reply.status.map(i64::from),
        outcome: reply.outcome.as_str().to_owned(),
        error: reply.error.clone(),
        input_tokens: reply.usage.input_tokens,
        output_tokens: reply.usage.output_tokens,
        price_version: config.price_version.clone(),
        cost_usd: llm.cost_usd(&reply.usage),
        latency_ms: reply.latency_ms,
        attempts: i64::from(reply.attempts),
        snapshot_hash: subject.snapshot_hash.clone(),
        ..LlmCallRow::default()
    }
}
