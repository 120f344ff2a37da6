//! `trade`: takes the approved orders of one decision to the exchange, one visit per job.
//!
//! A job never sleeps: when an order has to wait, the next visit is a job enqueued in the transaction that
//! writes what this one saw. The approved intents are made again from the decision's stored inputs, so an
//! order that risk would not approve cannot be sent from a row.

use super::decide::{Rebuilt, rebuild};
use super::{Defaults, Done, Job, JobError, Options, Running, enqueue};
use crate::config::ExchangeKind;
use crate::ctx::Ctx;
use crate::db::desks::{DeskRow, DeskState};
use crate::db::fills::{self, FillRow};
use crate::db::orders::{self, OrderRow};
use crate::db::{Tx, books};
use crate::domain::coin::Coin;
use crate::domain::money::{from_e8, to_e8};
use crate::domain::order::{OrderState, Side};
use crate::execution::drive::{Turn, turn};
use crate::execution::roll::{LegState, NextLeg, next_leg};
use crate::execution::schedule::Schedule;
use crate::execution::ticket::Ticket;
use anyhow::{Context as _, anyhow};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// One visit to the exchange on behalf of a decision; `visit` counts from 0 and keeps keys apart.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trade {
    pub decision: String,
    pub underlying: Coin,
    #[serde(default)]
    pub visit: u32,
}

impl Trade {
    pub fn first(decision: &str, underlying: Coin) -> Self {
        Self {
            decision: decision.to_owned(),
            underlying,
            visit: 0,
        }
    }

    /// Enqueues a visit now, besides the one that is waiting: somebody wants the orders back. Gives its id.
    pub async fn extra_visit(&self, tx: &mut Tx, ctx: &Ctx) -> anyhow::Result<String> {
        let options = Options {
            queue: Some(format!("trade:{}", self.underlying)),
            ..Options::default()
        };
        Ok(enqueue(tx, ctx, self, options).await?.id)
    }

    /// Enqueues the visit in the underlying's own serial queue, not before `at_ms` of desk time.
    pub async fn enqueue(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        parent: Option<&str>,
        at_ms: Option<i64>,
    ) -> anyhow::Result<()> {
        let options = Options {
            run_at_ms: at_ms.map(|at_ms| ctx.clock.wall_at_ms(at_ms)),
            unique_key: Some(format!("{}:{}", self.decision, self.visit)),
            parent: parent.map(str::to_owned),
            queue: Some(format!("trade:{}", self.underlying)),
            ..Options::default()
        };
        enqueue(tx, ctx, self, options).await?;
        Ok(())
    }
}

impl Job for Trade {
    const KIND: &'static str = "trade";
    const DEFAULTS: Defaults = Defaults {
        priority: 20,
        concurrency: 2,
        max_attempts: 10,
        serial: true,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let desk = ctx.row().await?;
        let rebuilt = rebuild(&ctx, &self.decision).await?;
        loop {
            job.check()?;
            let mut rows = orders::of_decision(&ctx.db, &self.decision).await?;
            let now_ms = ctx.clock.now_ms();
            match next_leg(&legs(&rows)?) {
                NextLeg::Finished => return Ok(done(&rows)),
                NextLeg::Drop { index, reason } => {
                    let row = &mut rows[index];
                    OrderState::Cancelled.as_str().clone_into(&mut row.state);
                    row.error = Some(reason.to_owned());
                    row.updated_ms = now_ms;
                    let mut tx = ctx.db.begin().await?;
                    books::touch(&mut tx, &ctx.desk, self.underlying).await?;
                    orders::update(&mut tx, row).await?;
                    tx.commit().await?;
                }
                NextLeg::Drive { index, size } => {
                    let row = &mut rows[index];
                    let ticket = ticket(&rebuilt, row, size)?;
                    let withdraw = withdraws(&desk, row, &ctx);
                    let schedule = schedule(&ctx);
                    let seen = turn(&ctx.exchange, &ticket, &schedule, withdraw, now_ms).await;
                    let mut tx = ctx.db.begin().await?;
                    let next_ms = match seen {
                        Ok(seen) => {
                            self.write(&mut tx, &ctx, job, row, &seen, now_ms).await?;
                            seen.next_at_ms
                        }
                        // An order is followed until it is final, however long the exchange is away.
                        Err(error) => {
                            row.error = Some(error.to_string());
                            row.updated_ms = now_ms;
                            orders::update(&mut tx, row).await?;
                            Some(now_ms + again_ms(&ctx))
                        }
                    };
                    let Some(at_ms) = next_ms else {
                        tx.commit().await?;
                        continue;
                    };
                    self.next(&mut tx, &ctx, job, at_ms).await?;
                    let done = done(&rows);
                    job.finish(&mut tx, &done).await?;
                    tx.commit().await?;
                    return Ok(done);
                }
            }
        }
    }
}

impl Trade {
    /// Enqueues the next visit.
    async fn next(&self, tx: &mut Tx, ctx: &Ctx, job: &Running, at_ms: i64) -> anyhow::Result<()> {
        let visit = self.visit + 1;
        let next = Self {
            visit,
            ..self.clone()
        };
        next.enqueue(tx, ctx, job.parent.as_deref(), Some(at_ms))
            .await
    }

    /// What a visit saw: the order's row, its executions, and that the book changed.
    async fn write(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        job: &Running,
        row: &mut OrderRow,
        seen: &Turn,
        now_ms: i64,
    ) -> anyhow::Result<()> {
        books::touch(tx, &ctx.desk, self.underlying).await?;
        row.job = Some(job.id.clone());
        seen.state.as_str().clone_into(&mut row.state);
        row.filled_e8 = to_e8(seen.filled);
        row.limit_price_e8 = seen.limit_price.map(to_e8).or(row.limit_price_e8);
        row.average_price_e8 = seen.average_price.map(to_e8);
        row.exchange_order_id = seen
            .exchange_order_id
            .clone()
            .or(row.exchange_order_id.take());
        row.sent_ms = seen.sent_ms;
        row.error.clone_from(&seen.note);
        row.updated_ms = now_ms;
        orders::update(tx, row).await?;
        for trade in &seen.trades {
            fills::insert(tx, &FillRow::new(row, &trade.fill, "exchange")).await?;
        }
        Ok(())
    }
}

fn legs(rows: &[OrderRow]) -> anyhow::Result<Vec<LegState>> {
    let leg = |row: &OrderRow| {
        Some(LegState {
            leg: row.leg()?,
            size: from_e8(row.size_e8),
            filled: from_e8(row.filled_e8),
            state: row.state()?,
        })
    };
    let legs: Option<Vec<_>> = rows.iter().map(leg).collect();
    legs.context("an order has a leg or a state that this version does not know")
}

/// The approved intent of an order's leg; a row that risk does not approve again is an error.
fn ticket(rebuilt: &Rebuilt, row: &OrderRow, size: Decimal) -> anyhow::Result<Ticket> {
    let intents = &rebuilt.step.verdict.intents;
    let approved = intents.iter().find(|intent| {
        intent.get().leg.as_str() == row.leg && intent.get().instrument.name() == row.instrument
    });
    let approved = approved.ok_or_else(|| {
        anyhow!(
            "order {} is not what its decision's inputs approve",
            row.label
        )
    })?;
    let ticket = Ticket::new(&row.decision, approved.clone(), row.created_ms);
    Ok(ticket.sent(row.sent_ms).cut_to(size))
}

/// Sales are withdrawn when the desk may not open; any order when somebody asked for it.
fn withdraws(desk: &DeskRow, row: &OrderRow, ctx: &Ctx) -> bool {
    let opens = row.side == Side::Sell.as_str();
    let stopped = desk.state() == DeskState::Stopped && ctx.config.desk.cancel_on_stop;
    row.withdrawn || stopped || opens && (desk.kill_switch || ctx.config.desk.kill_switch)
}

/// The walk of the configuration; steps and patience stretch with an accelerated clock, which would
/// otherwise outrun the queue, and more so where every look is a call over HTTP.
fn schedule(ctx: &Ctx) -> Schedule {
    let standard = Schedule::default();
    let wall = |wall_ms: f64| (wall_ms * ctx.config.exchange.speed) as i64;
    let (step, linger, validity) = match ctx.config.exchange.kind {
        ExchangeKind::Sim => (100.0, 200.0, 500.0),
        ExchangeKind::Deribit | ExchangeKind::Paper => (500.0, 2_000.0, 5_000.0),
    };
    Schedule {
        steps: ctx.config.desk.walk_steps,
        post_only: ctx.config.desk.post_only,
        step_ms: standard.step_ms.max(wall(step)),
        linger_ms: standard.linger_ms.max(wall(linger)),
        validity_ms: standard.validity_ms.max(wall(validity)),
        stale_ms: standard.stale_ms.max(wall(30_000.0)),
        ..standard
    }
}

/// Desk milliseconds until an exchange that gave no answer is visited again.
fn again_ms(ctx: &Ctx) -> i64 {
    AGAIN_MS.max((200.0 * ctx.config.exchange.speed) as i64)
}

const AGAIN_MS: i64 = 5_000;

fn done(rows: &[OrderRow]) -> Done {
    let order = |row: &OrderRow| json!({ "order": row.id, "label": row.label, "state": row.state });
    json!({ "orders": rows.iter().map(order).collect::<Vec<_>>() })
}
