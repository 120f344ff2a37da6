//! Makes a stored decision again from its stored inputs: context, settings, seed and snapshot.

use crate::ctx::Ctx;
use crate::db::decisions::{self, DecisionRow};
use crate::db::{chains, configs, llm_calls};
use crate::domain::chain::Chain;
use crate::domain::coin::Coin;
use crate::domain::context::Context;
use crate::domain::decision::{Decision, DecisionSource};
use crate::domain::settings::Settings;
use crate::exchange::Exchange;
use crate::exchange::sim::market::Market;
use crate::jobs::propose::said_again;
use crate::llm::Purpose;
use crate::market::synthetic::Synthetic;
use crate::policy::llm::{self, Fallback, Menu};
use crate::step::{self, Step, StepInput};
use anyhow::{Context as _, bail};
use std::sync::Arc;

/// A stored decision with the step that its inputs give now.
#[derive(Clone, Debug)]
pub struct Rebuilt {
    pub row: DecisionRow,
    pub context: Context,
    pub settings: Settings,
    pub step: Step,
}

/// Reads the inputs of a decision and takes the step again; an error names what is no longer there.
pub async fn rebuild(ctx: &Ctx, id: &str) -> anyhow::Result<Rebuilt> {
    let row = decisions::get(&ctx.db, id).await?;
    let row =
        row.with_context(|| format!("there is no decision {id}; `thetaq decisions` shows them"))?;
    if let Some(error) = &row.error {
        bail!("decision {id} is a failed tick and has no inputs: {error}");
    }
    let mut context = decisions::context(&ctx.db, id)
        .await?
        .context("the decision has no context")?;
    context.chain = Arc::new(snapshot(ctx, &row).await?);
    let settings = configs::get(&ctx.db, &row.config_hash).await?;
    let settings = settings.with_context(|| format!("settings {} are gone", row.config_hash))?;
    let input = StepInput {
        context: &context,
        settings: &settings,
        seed: &row.seed,
        decision: id,
    };
    let step = if row.source == DecisionSource::Llm.as_str() {
        by_model(ctx, &row, &input).await?
    } else {
        match manual(&row)? {
            Some(decision) => step::carry_out(&input, decision),
            None => step::step(&input),
        }
    };
    Ok(Rebuilt {
        row,
        context,
        settings,
        step,
    })
}

/// The step that the stored reply gives; nothing is asked again.
async fn by_model(ctx: &Ctx, row: &DecisionRow, input: &StepInput<'_>) -> anyhow::Result<Step> {
    let menu = Menu::of(input.context, input.settings);
    let calls = llm_calls::of_decision(&ctx.db, &row.id).await?;
    let own = |call: &llm_calls::LlmCallRow| call.purpose == Purpose::Decision.as_str();
    if !calls.iter().any(own) && menu.is_open() {
        bail!("the calls of decision {} to its model are gone", row.id);
    }
    let said = said_again(ctx, &menu, &calls)?;
    let fallback = if llm::is_stand_in(&row.policy_version) {
        Fallback::Rule
    } else {
        Fallback::Nothing
    };
    Ok(step::step_said(input, menu, &said, fallback))
}

/// A person's decision is an input itself.
fn manual(row: &DecisionRow) -> anyhow::Result<Option<Decision>> {
    if row.source != DecisionSource::Manual.as_str() {
        return Ok(None);
    }
    let instrument = row
        .instrument
        .as_deref()
        .context("a manual decision names its contract")?;
    let size = crate::domain::money::from_e8(row.size_e8.unwrap_or(0));
    Ok(Some(crate::jobs::close::decision(
        instrument.parse()?,
        size,
        &row.reason,
    )))
}

/// The chain a decision saw: a function of the seed, or a stored snapshot.
async fn snapshot(ctx: &Ctx, row: &DecisionRow) -> anyhow::Result<Chain> {
    let source = row
        .snapshot_source
        .as_deref()
        .context("the decision names no snapshot")?;
    let at_ms = row
        .snapshot_at_ms
        .context("the decision names no snapshot")?;
    let coin: Coin = row.underlying.parse()?;
    let chain = stored_chain(ctx, source, coin, at_ms).await?;
    chain.with_context(|| format!("snapshot {source} {coin} {at_ms} is gone; import it again"))
}

/// A chain by the name under which a decision finds it again; `None` when it is not stored.
pub(in crate::jobs) async fn stored_chain(
    ctx: &Ctx,
    source: &str,
    coin: Coin,
    at_ms: i64,
) -> anyhow::Result<Option<Chain>> {
    if let Some(seed) = source.strip_prefix("synthetic:") {
        return Ok(Some(synthetic(ctx, seed).chain(coin, at_ms)));
    }
    // Where a chain is gone the store answers with the one before it: that is not what was seen.
    let chain = chains::load(&ctx.db, source, coin, at_ms).await?;
    Ok(chain.filter(|chain| chain.at_ms == at_ms))
}

/// The market of a seed; the desk's own has most of it computed already.
pub(in crate::jobs) fn synthetic(ctx: &Ctx, seed: &str) -> Synthetic {
    if let Exchange::Sim(exchange) = &ctx.exchange
        && let Market::Synthetic(own) = exchange.market()
        && own.is_of(seed)
    {
        return own.clone();
    }
    Synthetic::new(seed)
}
