//! Orders do not rest while nobody works: the first worker of a desk takes back what was left, the last one
//! takes its own along, unless `[desk] cancel_on_stop` is off.

use super::controls::take_back;
use super::drain::run_inline;
use super::registry::Registry;
use crate::ctx::Ctx;
use crate::db::desks;
use std::time::Duration;

/// Before work begins: orders of a process that is gone are marked, and the lanes will take them back.
pub(super) async fn begin(ctx: &Ctx) -> anyhow::Result<()> {
    if alone(ctx).await? {
        withdraw(ctx).await?;
    }
    Ok(())
}

/// After the lanes have ended and this process has said goodbye.
pub(super) async fn end(ctx: &Ctx, registry: &Registry) -> anyhow::Result<()> {
    if !alone(ctx).await? {
        return Ok(());
    }
    let visits = withdraw(ctx).await?;
    let patience = Duration::from_millis(ctx.config.queue.shutdown_ms.unsigned_abs());
    let taken_back = async {
        for visit in &visits {
            run_inline(ctx, registry, visit).await?;
        }
        anyhow::Ok(())
    };
    if let Ok(done) = tokio::time::timeout(patience, taken_back).await {
        return done;
    }
    tracing::warn!(
        orders = visits.len(),
        "orders may still rest at the exchange"
    );
    Ok(())
}

/// Whether the desk wants its orders back and no other process works on it.
async fn alone(ctx: &Ctx) -> anyhow::Result<bool> {
    let since_ms = ctx.clock.wall_ms() - ctx.config.queue.lease_ms;
    // A desk that was never opened has no orders anywhere.
    let sends = desks::get(&ctx.db, &ctx.desk).await?;
    let sends = sends.is_some_and(|row| !row.dry_run);
    let wanted = ctx.config.desk.cancel_on_stop && sends;
    Ok(wanted && !desks::alive(&ctx.db, since_ms).await?.now)
}

async fn withdraw(ctx: &Ctx) -> anyhow::Result<Vec<String>> {
    let mut tx = ctx.db.begin().await?;
    let visits = take_back(&mut tx, ctx).await?;
    tx.commit().await?;
    Ok(visits)
}
