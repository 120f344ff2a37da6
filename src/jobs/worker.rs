//! The workers of one process.

use super::drain::{Advance, run_until_idle};
use super::registry::Registry;
use crate::ctx::Ctx;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Runs jobs of the desk until `stop`, then lets running ones finish.
pub async fn work(
    ctx: Ctx,
    registry: Arc<Registry>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    while !stop.is_cancelled() {
        run_until_idle(&ctx, &registry, Advance::Stay).await?;
        let pause = Duration::from_millis(ctx.config.queue.probe_ms.unsigned_abs());
        tokio::select! {
            () = stop.cancelled() => {}
            () = ctx.db.wake().notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    Ok(())
}
