//! Answers out of the ledger: those of a replay, and those that a decision had before its job was tried again.

use super::{Asked, answer as form, read, subject};
use crate::backtest::Answers;
use crate::clock::derived_id;
use crate::ctx::Ctx;
use crate::db::llm_calls::{self, LlmCallRow};
use crate::jobs::Running;
use crate::llm::{self, Ask, Outcome, Purpose, Reply};
use crate::policy::llm::{Menu, Said};
use anyhow::Context as _;

/// What need not be asked: on a replay any answer to the same request, else one that this decision has had. Where
/// the model may be asked, a call that failed is no answer: it is made again.
pub(super) async fn answer(
    ctx: &Ctx,
    asked: &Asked<'_>,
    hash: &str,
) -> anyhow::Result<Option<LlmCallRow>> {
    Ok(match asked.decision {
        _ if asked.replayed => {
            let stored = llm_calls::answer_to(&ctx.db, hash).await?;
            stored.filter(|row| asked.answers == Answers::Replay || came(row))
        }
        Some(decision) => llm_calls::answer_about(&ctx.db, decision, hash).await?,
        None => None,
    })
}

/// A stored answer read again from its bytes; a call that got none has its outcome alone.
pub(super) fn reply(ctx: &Ctx, ask: &Ask, row: &LlmCallRow) -> anyhow::Result<Reply> {
    let outcome = Outcome::named(&row.outcome)
        .with_context(|| format!("outcome `{}` of call {}", row.outcome, row.id))?;
    match row.status.filter(|_| came(row) && !row.response.is_empty()) {
        Some(status) => {
            let status = u16::try_from(status).context("a stored HTTP status")?;
            Ok(llm::read(&ctx.config.llm, ask, status, &row.response))
        }
        None => Ok(Reply::failed(
            outcome,
            row.error.clone().unwrap_or_default(),
        )),
    }
}

/// Whether an answer came, usable or not.
fn came(row: &LlmCallRow) -> bool {
    let outcome = Outcome::named(&row.outcome);
    !matches!(outcome, Some(Outcome::Timeout | Outcome::HttpError))
}

/// The row that a decision has of a stored answer: its own when a job is tried again, else one in which nothing
/// was sent and nothing paid.
pub(super) async fn call(
    ctx: &Ctx,
    job: &Running,
    asked: &Asked<'_>,
    row: LlmCallRow,
) -> anyhow::Result<String> {
    let own = row.desk == ctx.desk && row.decision.as_deref() == asked.decision;
    if own && row.purpose == asked.purpose.as_str() {
        return Ok(row.id);
    }
    let subject = subject(ctx, asked);
    let refused = row.outcome == Outcome::RiskRejected.as_str();
    let (decision, purpose) = (asked.decision.unwrap_or_default(), asked.purpose.as_str());
    let id = derived_id(
        asked.context.as_of_ms,
        &["answered", &row.id, &ctx.desk, decision, purpose],
    );
    // A decision that is tried again takes the same answer.
    if llm_calls::get(&ctx.db, &id).await?.is_some() {
        return Ok(id);
    }
    let row = LlmCallRow {
        id,
        // What the limits say of it is for this book to find out.
        outcome: if refused {
            Outcome::Ok.as_str().to_owned()
        } else {
            row.outcome
        },
        error: row.error.filter(|_| !refused),
        job: job.id.clone(),
        desk: ctx.desk.clone(),
        purpose: asked.purpose.as_str().to_owned(),
        decision: subject.decision,
        backtest: None,
        underlying: subject.underlying,
        as_of_ms: subject.as_of_ms,
        created_ms: ctx.clock.now_ms(),
        input_tokens: None,
        output_tokens: None,
        cost_usd: None,
        latency_ms: 0,
        attempts: 0,
        snapshot_hash: subject.snapshot_hash,
        llm_action: None,
        rule_action: None,
        verdict: None,
        final_action: None,
        ..row
    };
    let mut tx = ctx.db.begin().await?;
    llm_calls::insert(&mut tx, &row).await?;
    tx.commit().await?;
    Ok(row.id)
}

/// What was said about a decision, out of its stored calls, oldest first.
pub(in crate::jobs) fn said_again(
    ctx: &Ctx,
    menu: &Menu,
    calls: &[LlmCallRow],
) -> anyhow::Result<Said> {
    let own = |call: &&LlmCallRow| call.purpose == Purpose::Decision.as_str();
    let Some(last) = calls.iter().rfind(own) else {
        return Ok(Said::NotAsked);
    };
    let ask = Ask {
        purpose: Purpose::Decision,
        model: None,
        messages: Vec::new(),
        answer: form(menu.schema()),
        prompt_version: last.prompt_version.clone(),
    };
    let outcome = Outcome::named(&last.outcome);
    if !matches!(outcome, Some(Outcome::Ok | Outcome::RiskRejected)) {
        return Ok(Said::Failed {
            outcome: last.outcome.clone(),
            error: last.error.clone().unwrap_or_default(),
        });
    }
    Ok(read(menu, &reply(ctx, &ask, last)?).0)
}
