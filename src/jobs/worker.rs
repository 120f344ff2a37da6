//! The workers of one process: a lane per kind, a scout, a scheduler and the care for what runs.

use super::queue::{Flights, Lane};
use super::registry::Registry;
use super::running::Stop;
use super::{queue, schedule, worker_care, worker_follow, worker_pump, worker_rest, worker_scout};
use crate::ctx::Ctx;
use crate::db::workers::{self, WorkerRow};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// After the running jobs' time is up, so long is waited for their rows to be given back.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Runs jobs of the desk until `stop`. Then nothing is claimed any more, running jobs may finish within
/// `[queue] shutdown_ms`, and what is left goes back to the queue without counting the attempt.
pub async fn work(
    ctx: Ctx,
    registry: Arc<Registry>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    schedule::declare(&ctx, &registry).await?;
    worker_rest::begin(&ctx).await?;
    let row = identity(&ctx, &registry);
    let mut tx = ctx.db.begin().await?;
    workers::heartbeat(&mut tx, &row).await?;
    tx.commit().await?;
    let flights = Arc::new(Flights::new(row.id.as_str().into()));
    // Stopped last: leases are renewed and cancel requests seen until every job has ended.
    let end = CancellationToken::new();
    let mut lanes = Lanes::start(&ctx, &registry, &flights, &stop);
    let mut helpers = JoinSet::new();
    helpers.spawn(worker_care::care(
        ctx.clone(),
        flights.clone(),
        Some(row.clone()),
        end.clone(),
    ));
    helpers.spawn(worker_follow::follow(ctx.clone(), stop.clone()));
    helpers.spawn(worker_scout::scout(lanes.all.clone(), stop.clone()));
    helpers.spawn(schedule::run(ctx.clone(), registry.clone(), stop.clone()));
    if let Some(lane) = lanes.all.first().filter(|_| ctx.db.is_postgres()) {
        helpers.spawn(worker_scout::listen(lane.clone(), stop.clone()));
    }
    let result = lanes.run(&ctx, &flights, &mut helpers, &stop).await;
    stop.cancel();
    end.cancel();
    while helpers.join_next().await.is_some() {}
    say_goodbye(&ctx, &flights, row).await?;
    worker_rest::end(&ctx, &registry).await?;
    result
}

struct Lanes {
    all: Vec<Arc<Lane>>,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Lanes {
    fn start(
        ctx: &Ctx,
        registry: &Registry,
        flights: &Arc<Flights>,
        stop: &CancellationToken,
    ) -> Self {
        let (mut all, mut tasks) = (Vec::new(), JoinSet::new());
        for kind in registry.kinds() {
            let (ended, receiver) = mpsc::unbounded_channel();
            let lane = Arc::new(Lane::new(ctx.clone(), *kind, flights.clone(), ended));
            tasks.spawn(queue::run(lane.clone()));
            let pump = worker_pump::pump(lane.clone(), receiver, stop.clone());
            tasks.spawn(async move {
                pump.await;
                Ok(())
            });
            all.push(lane);
        }
        Self { all, tasks }
    }

    /// Until every lane has ended after `stop`; a lane or a helper that ends before is an error, since a
    /// process that is up and does nothing is worse than one that is gone.
    async fn run(
        &mut self,
        ctx: &Ctx,
        flights: &Flights,
        helpers: &mut JoinSet<()>,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            Some(ended) = self.tasks.join_next() => {
                ended??;
                anyhow::bail!("a worker ended by itself");
            }
            Some(ended) = helpers.join_next() => {
                ended?;
                anyhow::bail!("the care of the workers ended by itself");
            }
        }
        let patience = Duration::from_millis(ctx.config.queue.shutdown_ms.unsigned_abs());
        if tokio::time::timeout(patience, self.join()).await.is_ok() {
            return Ok(());
        }
        for work in flights.held().values() {
            work.control.stop(Stop::Shutdown);
        }
        if tokio::time::timeout(LAST_WORDS, self.join()).await.is_err() {
            tracing::warn!("jobs did not stop in time; their leases will run out");
            self.tasks.abort_all();
        }
        Ok(())
    }

    async fn join(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

fn identity(ctx: &Ctx, registry: &Registry) -> WorkerRow {
    let names: Vec<_> = registry.kinds().map(|kind| kind.name).collect();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let now_ms = ctx.clock.wall_ms();
    WorkerRow {
        id: ctx.clock.id(),
        host: host.trim().to_owned(),
        pid: i64::from(std::process::id()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        kinds: names.join(","),
        running: 0,
        done: 0,
        started_ms: now_ms,
        heartbeat_ms: now_ms,
        stopped_ms: None,
    }
}

async fn say_goodbye(ctx: &Ctx, flights: &Flights, mut row: WorkerRow) -> anyhow::Result<()> {
    row.heartbeat_ms = ctx.clock.wall_ms();
    row.stopped_ms = Some(row.heartbeat_ms);
    row.done = flights.done.load(Ordering::Relaxed);
    let mut tx = ctx.db.begin().await?;
    workers::heartbeat(&mut tx, &row).await?;
    Ok(tx.commit().await?)
}
