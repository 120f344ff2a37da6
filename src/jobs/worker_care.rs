//! The care of a process for what it runs: leases, requests to stop, progress, log lines, heartbeat.

use super::queue::{Flights, Work};
use super::running::Stop;
use crate::ctx::Ctx;
use crate::db::workers::{self, WorkerRow};
use crate::db::{jobs_turn, leases};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Requests to stop are seen and progress is written so often.
const BEAT: Duration = Duration::from_millis(250);

/// Cares until `stop`; errors are logged and the next beat tries again. A process without a `row` runs a
/// single job and is no worker that others may count on.
pub(crate) async fn care(
    ctx: Ctx,
    flights: Arc<Flights>,
    mut row: Option<WorkerRow>,
    stop: CancellationToken,
) {
    let mut renewed_ms = 0;
    while !stop.is_cancelled() {
        let now_ms = ctx.clock.wall_ms();
        if let Err(error) = beat(&ctx, &flights).await {
            tracing::warn!(%error, "cannot see requests to stop or write progress; trying again");
        }
        if now_ms - renewed_ms >= ctx.config.queue.lease_ms / 3 {
            match renew(&ctx, &flights, row.as_mut()).await {
                Ok(()) => renewed_ms = now_ms,
                Err(error) => tracing::warn!(%error, "cannot renew leases; trying again"),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(BEAT) => {}
            () = stop.cancelled() => {}
        }
    }
}

async fn beat(ctx: &Ctx, flights: &Flights) -> anyhow::Result<()> {
    if flights.held().is_empty() {
        return Ok(());
    }
    for asked in leases::stop_requests(&ctx.db, &flights.owner).await? {
        let why = if asked.cancel {
            Stop::Cancelled
        } else {
            Stop::Paused
        };
        if let Some(work) = flights.held().get(&asked.id) {
            work.control.stop(why);
        }
    }
    report(ctx, flights).await
}

/// Writes what handlers reported since the last beat.
async fn report(ctx: &Ctx, flights: &Flights) -> anyhow::Result<()> {
    let reports: Vec<Work> = flights
        .held()
        .values()
        .filter(|work| !work.control.notes().is_empty())
        .cloned()
        .collect();
    if reports.is_empty() {
        return Ok(());
    }
    let mut tx = ctx.db.begin().await?;
    for work in &reports {
        let fence = jobs_turn::Fence {
            id: work.claimed.id.clone(),
            attempt: work.claimed.attempt,
            owner: flights.owner.to_string(),
        };
        let (progress, lines) = work.control.notes().take();
        jobs_turn::report(&mut tx, &fence, progress.as_ref(), &lines).await?;
    }
    Ok(tx.commit().await?)
}

/// Renews what is held, gives back what silent workers hold, and says that this process is alive.
async fn renew(ctx: &Ctx, flights: &Flights, row: Option<&mut WorkerRow>) -> anyhow::Result<()> {
    let held: Vec<(String, Work)> = flights
        .held()
        .iter()
        .map(|(id, work)| (id.clone(), work.clone()))
        .collect();
    let ids: Vec<String> = held.iter().map(|(id, _)| id.clone()).collect();
    let now_ms = ctx.clock.wall_ms();
    let mut tx = ctx.db.begin().await?;
    let lease_until_ms = ctx.clock.wall_ms() + ctx.config.queue.lease_ms;
    let kept = leases::renew(&mut tx, &flights.owner, &ids, lease_until_ms).await?;
    if let Some(row) = row {
        row.running = ids.len() as i64;
        row.done = flights.done.load(Ordering::Relaxed);
        row.heartbeat_ms = now_ms;
        workers::heartbeat(&mut tx, row).await?;
    }
    tx.commit().await?;
    let kept: BTreeSet<String> = kept.into_iter().collect();
    for (id, work) in held.iter().filter(|(id, _)| !kept.contains(id)) {
        // Acknowledged meanwhile is not lost: then nobody holds it any more.
        if flights
            .held()
            .get(id)
            .is_some_and(|now| Arc::ptr_eq(&now.control, &work.control))
        {
            work.control.stop(Stop::Lost);
        }
    }
    let recovered = leases::recover(&ctx.db, &ctx.desk, ctx.clock.wall_ms()).await?;
    if recovered > 0 {
        tracing::warn!(jobs = recovered, "took back jobs of silent workers");
    }
    Ok(())
}
