//! Writes a step: decision, candidates, risk lines, orders, fills and equity, all or nothing.

use super::gather::Gathered;
use super::value;
use crate::ctx::{CODE_VERSION, Ctx};
use crate::db::decisions::{self, DecisionRow};
use crate::db::desks::DeskRow;
use crate::db::fills::{self, FillRow};
use crate::db::orders::{self, OrderRow};
use crate::db::{Tx, books, candidates, configs, equity, risk_lines};
use crate::domain::action::Action;
use crate::domain::coin::Coin;
use crate::domain::decision::DecisionSource;
use crate::domain::money::to_e8;
use crate::domain::order::{Fill, Intent, OrderState, Side};
use crate::execution::ticket::label;
use crate::jobs::trade::Trade;
use crate::step::Step;
use serde_json::{Value, json};

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Recorded {
    pub(crate) decision: String,
    pub(crate) action: Action,
    pub(crate) verdict: &'static str,
    pub(crate) orders: usize,
    pub(crate) fills: usize,
    /// True when another writer changed the book meanwhile: nothing may be committed.
    pub(crate) outdated: bool,
}

impl Recorded {
    /// What the job produced, for its page.
    pub(crate) fn done(&self) -> Value {
        json!({
            "decision": self.decision,
            "action": self.action.name(),
            "instrument": self.action.instrument(),
            "verdict": self.verdict,
            "orders": self.orders,
            "fills": self.fills,
        })
    }
}

/// Writes a step under its decision's id. The caller commits unless the book was outdated.
pub(crate) async fn record(
    tx: &mut Tx,
    ctx: &Ctx,
    desk: &DeskRow,
    job: &str,
    decision: &str,
    gathered: &Gathered,
    step: &Step,
) -> anyhow::Result<Recorded> {
    let intents: Vec<&Intent> = step
        .verdict
        .intents
        .iter()
        .map(crate::risk::Approved::get)
        .collect();
    let coin = gathered.context.coin;
    let mut recorded = Recorded {
        decision: decision.to_owned(),
        action: step.verdict.final_action,
        verdict: verdict(step),
        orders: intents.len(),
        fills: 0,
        outdated: false,
    };
    if !intents.is_empty() && !books::advance(tx, &ctx.desk, coin, gathered.version).await? {
        recorded.outdated = true;
        return Ok(recorded);
    }
    let now_ms = ctx.clock.now_ms().max(gathered.context.as_of_ms);
    let config_hash = configs::keep(tx, &gathered.settings, now_ms).await?;
    let row = decision_row(ctx, job, decision, gathered, step, config_hash)?;
    decisions::insert(tx, &row).await?;
    candidates::insert(tx, decision, &step.decision.candidates).await?;
    risk_lines::insert(tx, decision, &step.verdict.lines).await?;
    let mut portfolio = gathered.portfolio.clone();
    for intent in &intents {
        let fill = desk.dry_run.then(|| fill_of(intent, &step.fills)).flatten();
        let mut order = order_row(ctx, job, decision, intent, now_ms);
        if desk.dry_run {
            simulate(&mut order, intent, fill);
        }
        order.post_only = ctx.config.desk.post_only && intent.leg.side() == Side::Sell;
        orders::insert(tx, &order).await?;
        if let Some(fill) = fill {
            fills::insert(tx, &FillRow::new(&order, fill, "simulated")).await?;
            portfolio.fill(fill, &intent.chain, 0);
            recorded.fills += 1;
        }
    }
    if !desk.dry_run && !intents.is_empty() {
        Trade::first(decision, coin)
            .enqueue(tx, ctx, Some(job), None)
            .await?;
    }
    valuation(tx, ctx, desk, gathered, &portfolio).await?;
    Ok(recorded)
}

fn verdict(step: &Step) -> &'static str {
    match (step.verdict.approved, step.decision.proposed) {
        (_, Action::DoNothing) => "nothing",
        (true, _) => "approved",
        (false, _) => "refused",
    }
}

fn decision_row(
    ctx: &Ctx,
    job: &str,
    id: &str,
    gathered: &Gathered,
    step: &Step,
    config_hash: String,
) -> anyhow::Result<DecisionRow> {
    let (context, decision) = (&gathered.context, &step.decision);
    let action = match step.verdict.final_action {
        Action::DoNothing => decision.proposed,
        carried_out => carried_out,
    };
    let passed = decision
        .candidates
        .iter()
        .filter(|call| call.failed.is_none())
        .count();
    Ok(DecisionRow {
        proposed_action: decision.proposed.name().to_owned(),
        final_action: step.verdict.final_action.name().to_owned(),
        instrument: action.instrument().map(|call| call.name()),
        rolled_from: action.rolled_from().map(|call| call.name()),
        size_e8: action.size().map(to_e8),
        source: decision.source.as_str().to_owned(),
        policy: decision.policy.clone(),
        policy_version: decision.policy_version.clone(),
        reason: decision.reason.clone(),
        propensity: decision.propensity,
        explored: decision.explored,
        config_hash,
        risk_verdict: verdict(step).to_owned(),
        refusal: step.verdict.refusal.clone(),
        snapshot_source: Some(ctx.snapshot_source(context.chain.source)),
        snapshot_at_ms: Some(context.chain.at_ms),
        index_price: Some(context.index_price),
        regime: Some(context.features.regime.as_str().to_owned()),
        candidates: decision.candidates.len() as i64,
        passed: passed as i64,
        context: serde_json::from_value(serde_json::to_value(context)?)?,
        ..blank(ctx, job, id, context.coin, context.as_of_ms)
    })
}

/// A row that says nothing was decided yet.
pub(super) fn blank(ctx: &Ctx, job: &str, id: &str, coin: Coin, as_of_ms: i64) -> DecisionRow {
    DecisionRow {
        id: id.to_owned(),
        desk: ctx.desk.clone(),
        job: job.to_owned(),
        underlying: coin.as_str().to_owned(),
        as_of_ms,
        proposed_action: Action::DoNothing.name().to_owned(),
        final_action: Action::DoNothing.name().to_owned(),
        mode: ctx.config.desk.mode.as_str().to_owned(),
        policy: ctx.config.policy.name.clone(),
        seed: ctx.config.exchange.seed.clone(),
        code_version: CODE_VERSION.to_owned(),
        ..DecisionRow::default()
    }
}

/// Writes a tick that failed as a decision row with its error: no tick is without a row.
pub(crate) async fn failed(
    tx: &mut Tx,
    ctx: &Ctx,
    desk: &DeskRow,
    job: &str,
    id: &str,
    (coin, as_of_ms): (Coin, i64),
    error: &str,
) -> anyhow::Result<()> {
    let row = DecisionRow {
        source: DecisionSource::Error.as_str().to_owned(),
        reason: "the tick failed before a decision was made".to_owned(),
        config_hash: configs::keep(tx, &ctx.settings(desk), as_of_ms).await?,
        risk_verdict: "error".to_owned(),
        error: Some(error.to_owned()),
        context: serde_json::from_str("{}")?,
        ..blank(ctx, job, id, coin, as_of_ms)
    };
    Ok(decisions::insert(tx, &row).await?)
}

fn order_row(ctx: &Ctx, job: &str, decision: &str, intent: &Intent, now_ms: i64) -> OrderRow {
    let leg = intent.leg;
    OrderRow {
        id: crate::clock::derived_id(now_ms, &["order", decision, leg.as_str()]),
        desk: ctx.desk.clone(),
        decision: decision.to_owned(),
        job: Some(job.to_owned()),
        label: label(decision, leg),
        chain: intent.chain.clone(),
        leg: leg.as_str().to_owned(),
        underlying: intent.instrument.coin.as_str().to_owned(),
        instrument: intent.instrument.name(),
        side: leg.side().as_str().to_owned(),
        size_e8: to_e8(intent.size),
        reduce_only: leg.side() == Side::Buy,
        state: OrderState::Intended.as_str().to_owned(),
        created_ms: now_ms,
        updated_ms: now_ms,
        ..OrderRow::default()
    }
}

fn fill_of<'a>(intent: &Intent, fills: &'a [Fill]) -> Option<&'a Fill> {
    fills
        .iter()
        .find(|fill| fill.instrument == intent.instrument && fill.side == intent.leg.side())
}

/// The final state of an order of a dry run: what the fill model gave it, the rest cancelled.
fn simulate(order: &mut OrderRow, intent: &Intent, fill: Option<&Fill>) {
    order.simulated = true;
    let Some(fill) = fill else {
        OrderState::Rejected.as_str().clone_into(&mut order.state);
        order.error = Some("no quote on the other side to fill against".to_owned());
        return;
    };
    let whole = fill.size >= intent.size;
    let state = if whole {
        OrderState::Filled
    } else {
        OrderState::Cancelled
    };
    state.as_str().clone_into(&mut order.state);
    order.filled_e8 = to_e8(fill.size);
    order.limit_price_e8 = Some(to_e8(fill.price));
    order.average_price_e8 = Some(to_e8(fill.price));
}

async fn valuation(
    tx: &mut Tx,
    ctx: &Ctx,
    desk: &DeskRow,
    gathered: &Gathered,
    portfolio: &crate::domain::portfolio::Portfolio,
) -> anyhow::Result<()> {
    let (context, chain) = (&gathered.context, &gathered.context.chain);
    let account = if desk.dry_run {
        crate::fills::account(portfolio, context.coin, chain)
    } else {
        context.account
    };
    let row = value::equity(&ctx.desk, portfolio, &account, chain, context.as_of_ms);
    equity::put(tx, &row).await?;
    let marks = value::marks(&ctx.desk, portfolio, chain);
    Ok(equity::put_marks(tx, &ctx.desk, context.coin, &marks).await?)
}
