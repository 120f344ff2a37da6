//! What a person may do to the desk: start, pause, stop, kill switch, close, cancel. Page and command line
//! call these; each is one transaction.

use super::close::Close;
use super::trade::Trade;
use super::{Options, enqueue};
use crate::ctx::Ctx;
use crate::db::desks::{self, DeskState};
use crate::db::{Tx, orders};
use crate::domain::coin::Coin;
use crate::domain::instrument::Instrument;

/// Starts, pauses (positions are managed, nothing opens) or stops the desk.
pub async fn set_state(ctx: &Ctx, state: DeskState) -> anyhow::Result<()> {
    let mut tx = ctx.db.begin().await?;
    desks::set_state(&mut tx, &ctx.desk, state, ctx.clock.now_ms()).await?;
    if state == DeskState::Stopped && ctx.config.desk.cancel_on_stop {
        withdraw_all(&mut tx, ctx).await?;
    }
    Ok(tx.commit().await?)
}

/// Turns the kill switch: while it is on nothing opens; turning it on takes working orders back.
pub async fn set_kill_switch(ctx: &Ctx, on: bool) -> anyhow::Result<()> {
    let mut tx = ctx.db.begin().await?;
    desks::set_kill_switch(&mut tx, &ctx.desk, on, ctx.clock.now_ms()).await?;
    if on {
        withdraw_all(&mut tx, ctx).await?;
    }
    Ok(tx.commit().await?)
}

/// Enqueues the buy-back of one short call, or of all of a coin; gives the job's id.
pub async fn close(
    ctx: &Ctx,
    underlying: Coin,
    instrument: Option<Instrument>,
) -> anyhow::Result<String> {
    let mut tx = ctx.db.begin().await?;
    let job = Close {
        underlying,
        instrument,
    };
    let enqueued = enqueue(&mut tx, ctx, &job, Options::default()).await?;
    tx.commit().await?;
    Ok(enqueued.id)
}

/// Takes every working order back; gives how many there are.
pub async fn cancel_orders(ctx: &Ctx) -> anyhow::Result<u64> {
    let mut tx = ctx.db.begin().await?;
    let count = withdraw_all(&mut tx, ctx).await?;
    tx.commit().await?;
    Ok(count)
}

/// Marks the orders and sends somebody to the exchange now instead of at the next visit.
async fn withdraw_all(tx: &mut Tx, ctx: &Ctx) -> anyhow::Result<u64> {
    let mut count = 0;
    for coin in Coin::ALL {
        for order in orders::working(&ctx.db, &ctx.desk, coin).await? {
            Trade::first(&order.decision, coin)
                .extra_visit(tx, ctx)
                .await?;
        }
        count += orders::withdraw(tx, &ctx.desk, coin).await?;
    }
    Ok(count)
}
