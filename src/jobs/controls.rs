//! What a person may do to the desk: start, pause, stop, kill switch, close, cancel; each within the
//! caller's transaction, beside the line it leaves in the audit trail.

use super::close::Close;
use super::reconcile::Reconcile;
use super::trade::Trade;
use super::{Options, enqueue};
use crate::config::ExchangeKind;
use crate::ctx::Ctx;
use crate::db::desks::{self, DeskState};
use crate::db::{Tx, orders};
use crate::domain::coin::Coin;
use crate::domain::instrument::Instrument;
use crate::exchange::deribit::Host;

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

/// Lets orders go to the exchange from now on. The desk stops and takes the account's book over in place of
/// the dry run's: a person looks at it, then starts the desk.
pub async fn send_orders(tx: &mut Tx, ctx: &Ctx) -> anyhow::Result<()> {
    may_send(ctx)?;
    let now_ms = ctx.clock.now_ms();
    desks::set_state(tx, &ctx.desk, DeskState::Stopped, now_ms).await?;
    desks::set_dry_run(tx, &ctx.desk, false, now_ms).await?;
    for underlying in ctx.config.desk.underlyings.iter().copied() {
        let take_over = Reconcile {
            underlying,
            adopt: true,
        };
        enqueue(tx, ctx, &take_over, Options::default()).await?;
    }
    Ok(())
}

/// Orders to the main host want three settings in the file; a button is none of them.
fn may_send(ctx: &Ctx) -> anyhow::Result<()> {
    let main = ctx.config.exchange.kind == ExchangeKind::Deribit
        && Host::parse(&ctx.config.exchange.url) == Ok(Host::Main);
    let missing = ctx.config.missing_for_main_orders();
    anyhow::ensure!(
        !main || missing.is_empty(),
        "orders to Deribit's main host want three settings in workers.toml; missing: {}",
        missing.join(", ")
    );
    Ok(())
}

/// Takes working orders back and fills by the fill model from now on; the desk stops until a person starts it.
pub async fn dry_run(tx: &mut Tx, ctx: &Ctx) -> anyhow::Result<()> {
    let now_ms = ctx.clock.now_ms();
    withdraw_all(tx, ctx).await?;
    desks::set_state(tx, &ctx.desk, DeskState::Stopped, now_ms).await?;
    Ok(desks::set_dry_run(tx, &ctx.desk, true, now_ms).await?)
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
