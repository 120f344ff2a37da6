//! The scout of a process: looks for work without writing and wakes the pumps of the kinds that have some.

use super::queue::Lane;
use crate::db::probe;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Pause after a database error.
const PAUSE: Duration = Duration::from_millis(200);

/// Looks whenever this process commits a job, Postgres notifies, or the probe interval has passed.
pub(crate) async fn scout(lanes: Vec<Arc<Lane>>, stop: CancellationToken) {
    let Some(ctx) = lanes.first().map(|lane| lane.ctx.clone()) else {
        return;
    };
    let kinds: Vec<_> = lanes
        .iter()
        .map(|lane| (lane.kind.name, lane.settings.serial))
        .collect();
    let every = Duration::from_millis(ctx.config.queue.probe_ms.unsigned_abs());
    while !stop.is_cancelled() {
        let mut woken = std::pin::pin!(ctx.db.wake().notified());
        // Registered before looking: a commit between the look and the wait is not missed.
        woken.as_mut().enable();
        let now_ms = ctx.clock.wall_ms();
        let pause = match probe::look(&ctx.db, &ctx.desk, &kinds, now_ms).await {
            Ok(waiting) => {
                for lane in &lanes {
                    if waiting.kinds.iter().any(|kind| kind == lane.kind.name) {
                        lane.wake.notify_one();
                    }
                }
                if waiting.due
                    && let Err(error) = probe::promote(&ctx.db, &ctx.desk, now_ms).await
                {
                    tracing::warn!(%error, "cannot make due jobs available; trying again");
                }
                every
            }
            Err(error) => {
                tracing::warn!(%error, "cannot look for jobs; trying again");
                every.max(PAUSE)
            }
        };
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Passes Postgres's notifications on, reconnecting when the connection is lost.
pub(crate) async fn listen(lane: Arc<Lane>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        tokio::select! {
            ended = probe::listen(&lane.ctx.db) => {
                if let Err(error) = ended {
                    tracing::warn!(%error, "lost the notifications of Postgres; looking meanwhile");
                }
                tokio::time::sleep(PAUSE).await;
            }
            () = stop.cancelled() => {}
        }
    }
}
