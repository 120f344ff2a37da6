//! What a person may do to the desk: start, pause, stop, kill switch, close, cancel; each within the
//! caller's transaction, beside the line it leaves in the audit trail.

use super::close::Close;
use super::trade::Trade;
use super::{Options, enqueue};
use crate::ctx::Ctx;
use crate::db::desks::{self, DeskState};
use crate::db::{Tx, orders};
use crate::domain::coin::Coin;
use crate::domain::instrument::Instrument;

/// Starts, pauses (positions are managed, nothing opens) or stops the desk.
pub async fn set_state(tx: &mut Tx, ctx: &Ctx, state: DeskState) -> anyhow::Result<()> {
    desks::set_state(tx, &ctx.desk, state, ctx.clock.now_ms()).await?;
    if state == DeskState::Stopped && ctx.config.desk.cancel_on_stop {
        withdraw_all(tx, ctx).await?;
    }
    Ok(())
}

/// Turns the kill switch: while it is on nothing opens; turning it on takes working orders back.
pub async fn set_kill_switch(tx: &mut Tx, ctx: &Ctx, on: bool) -> anyhow::Result<()> {
    desks::set_kill_switch(tx, &ctx.desk, on, ctx.clock.now_ms()).await?;
    if on {
        withdraw_all(tx, ctx).await?;
    }
    Ok(())
}

/// Enqueues the buy-back of one short call, or of all of a coin; gives the job's id.
pub async fn close(
    tx: &mut Tx,
    ctx: &Ctx,
    underlying: Coin,
    instrument: Option<Instrument>,
) -> anyhow::Result<String> {
    let job = Close {
        underlying,
        instrument,
    };
    let enqueued = enqueue(tx, ctx, &job, Options::default()).await?;
    Ok(enqueued.id)
}

/// Takes every working order back; gives how many there are.
pub async fn cancel_orders(tx: &mut Tx, ctx: &Ctx) -> anyhow::Result<u64> {
    withdraw_all(tx, ctx).await
}

/// Marks the orders and sends somebody to the exchange now instead of at the next visit.
async fn withdraw_all(tx: &mut Tx, ctx: &Ctx) -> anyhow::Result<u64> {
    Ok(take_back(tx, ctx).await?.len() as u64)
}

/// Marks every working order as to be taken back; gives the jobs that will do it, one per order.
pub(super) async fn take_back(tx: &mut Tx, ctx: &Ctx) -> anyhow::Result<Vec<String>> {
    let mut visits = Vec::new();
    for coin in Coin::ALL {
        for order in orders::working(&ctx.db, &ctx.desk, coin).await? {
            let visit = Trade::first(&order.decision, coin);
            visits.push(visit.extra_visit(tx, ctx).await?);
        }
        orders::withdraw(tx, &ctx.desk, coin).await?;
    }
    Ok(visits)
}
