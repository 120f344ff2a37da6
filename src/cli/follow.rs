//! Waiting for a job: workers run it when some are alive, otherwise this process does.

use super::progress::Bar;
use super::session::Session;
use super::takeover::Held;
use crate::ctx::{Ctx, Purpose};
use crate::db::desks;
use crate::db::jobs::{self, JobRow};
use crate::jobs::drain::run_inline;
use crate::jobs::sweep::SweepPart;
use crate::jobs::{Job, Options, registry};
use anyhow::Context;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The live desk as this command sees it.
pub(super) async fn live(session: &Session, purpose: Purpose) -> anyhow::Result<Ctx> {
    let db = session.db().await?;
    Ctx::live(db, Arc::new(session.config.clone()), purpose).await
}

/// Whether some process runs jobs on this database.
pub(super) async fn workers_alive(ctx: &Ctx) -> anyhow::Result<bool> {
    let since_ms = ctx.clock.wall_ms() - ctx.config.queue.lease_ms;
    Ok(desks::alive(&ctx.db, since_ms).await?.now)
}

/// Enqueues one job of a kind known by name; returns its id.
pub(super) async fn enqueue(
    ctx: &Ctx,
    kind: &str,
    args: Value,
    options: Options,
) -> anyhow::Result<String> {
    let registry = registry::all();
    let enqueued = registry.enqueue_alone(ctx, kind, args, options);
    Ok(enqueued.await?.id)
}

/// Waits until the job is finished, or paused by somebody, and returns its row, whatever it ended as.
///
/// Without a worker it runs here; when a process that is dead holds it, as soon as its lease is over.
pub(super) async fn wait(ctx: &Ctx, id: &str) -> anyhow::Result<JobRow> {
    let bar = Bar::start();
    let mut held = Held::default();
    let done = loop {
        let row = jobs::get(&ctx.db, id).await?.with_context(|| missing(id))?;
        if settled(&row) {
            break row;
        }
        if workers_alive(ctx).await? {
            show(&row, &bar);
        } else if row.state == "running" {
            held.look(ctx, &row, &bar).await?;
        } else {
            let row = here(ctx, id, &bar).await?;
            if settled(&row) {
                break row;
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    bar.end();
    Ok(done)
}

/// Runs the job in this process; its row once it has ended here, or belongs to another process.
async fn here(ctx: &Ctx, id: &str, bar: &Bar) -> anyhow::Result<JobRow> {
    let registry = registry::all();
    // The job runs here, where nobody listened so far; what it needs of the exchange it asks itself.
    ctx.exchange.hear().await.ok();
    let parts = Parts::start(ctx, id);
    let row = tokio::select! {
        ran = run_inline(ctx, &registry, id) => ran.map(|row| row.with_context(|| missing(id)))?,
        row = watch(ctx, id, bar) => row,
    };
    parts.end().await?;
    row
}

/// The parts of a job that waits for them, run beside it, one for each core.
struct Parts {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Parts {
    fn start(ctx: &Ctx, id: &str) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(carry_parts(ctx.clone(), id.to_owned(), stop.clone()));
        Self { stop, task }
    }

    /// Waits for those that have begun.
    async fn end(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(self.task.await?)
    }
}

async fn carry_parts(ctx: Ctx, id: String, stop: CancellationToken) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut running, mut begun) = (JoinSet::new(), BTreeSet::new());
    while !stop.is_cancelled() {
        while running.try_join_next().is_some() {}
        let parts = jobs::children(&ctx.db, &id).await.unwrap_or_default();
        let waiting = parts
            .into_iter()
            .filter(|part| part.kind == SweepPart::KIND && part.state == "available");
        for part in waiting.take(cores.saturating_sub(running.len())) {
            let ctx = ctx.clone();
            if begun.insert(part.id.clone()) {
                running.spawn(async move { run_inline(&ctx, &registry::all(), &part.id).await });
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY / 4) => {}
            () = stop.cancelled() => {}
            _ = running.join_next(), if !running.is_empty() => {}
        }
    }
    while running.join_next().await.is_some() {}
}

async fn watch(ctx: &Ctx, id: &str, bar: &Bar) -> anyhow::Result<JobRow> {
    loop {
        let row = jobs::get(&ctx.db, id).await?.with_context(|| missing(id))?;
        if settled(&row) {
            return Ok(row);
        }
        show(&row, bar);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn show(row: &JobRow, bar: &Bar) {
    let note = row.progress_note.as_deref().unwrap_or_default();
    bar.show(row.progress, note);
}

/// Finished, or paused by somebody: nothing to wait for.
fn settled(row: &JobRow) -> bool {
    finished(row) || row.state == "paused"
}

pub(super) fn missing(id: &str) -> String {
    format!("there is no job {id}; `thetaq jobs list` shows them")
}

pub(super) fn finished(row: &JobRow) -> bool {
    ["succeeded", "discarded", "cancelled"].contains(&row.state.as_str())
}

/// The result of a job that succeeded; otherwise an error that says how it ended and what to look at.
pub(super) fn result(row: &JobRow) -> anyhow::Result<Value> {
    anyhow::ensure!(
        row.state != "paused",
        "the {} job {} is paused; `thetaq jobs resume {}` lets it go on",
        row.kind,
        row.id,
        row.id
    );
    anyhow::ensure!(
        row.state == "succeeded",
        "the {} job {} was {}: {}; see `thetaq jobs show {}`",
        row.kind,
        row.id,
        row.state,
        row.error.as_deref().unwrap_or("no reason was stored"),
        row.id
    );
    Ok(row.result.clone().unwrap_or(Value::Null))
}

/// What `jobs show`, `jobs wait` and `enqueue` print for programs.
pub(super) fn document(row: &JobRow) -> Value {
    json!({
        "id": row.id, "kind": row.kind, "state": row.state, "progress": row.progress,
        "progress_note": row.progress_note, "attempts": row.attempt, "max_attempts": row.max_attempts,
        "args": row.args, "result": row.result, "error": row.error, "worker": row.worker, "parent": row.parent,
    })
}
