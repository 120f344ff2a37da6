//! The typed way to put a job into the queue, inside the transaction that makes its data.

use super::Job;
use super::registry::Settings;
use crate::ctx::Ctx;
use crate::db::Tx;
use crate::db::jobs::{self, Enqueued, NewJob};

/// How one job differs from its kind's defaults.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Higher runs first; the kind's own when empty.
    pub priority: Option<i64>,
    /// Not before this wall time, milliseconds; at once when empty.
    pub run_at_ms: Option<i64>,
    /// Discarded as stale when not started by this wall time, milliseconds.
    pub expires_at_ms: Option<i64>,
    /// One row per (desk, kind, key): a second enqueue returns the first one's id.
    pub unique_key: Option<String>,
    /// The job that asked for this one.
    pub parent: Option<String>,
    /// Counted, paused and, for serial kinds, run one at a time under this name.
    pub queue: Option<String>,
    /// Desk time this job speaks of, milliseconds.
    pub slot_ms: Option<i64>,
    pub max_attempts: Option<u32>,
}

/// Enqueues `job` for the desk of `ctx`; it becomes visible to workers when `tx` commits.
pub async fn enqueue<J: Job>(
    tx: &mut Tx,
    ctx: &Ctx,
    job: &J,
    options: Options,
) -> Result<Enqueued, anyhow::Error> {
    let args = serde_json::to_value(job)?;
    let settings = Settings::of(J::KIND, &J::DEFAULTS, &ctx.config);
    let row = new_job(ctx, J::KIND, args, &settings, options);
    Ok(jobs::enqueue(tx, &ctx.clock, &row).await?)
}

/// [`enqueue`] of a job that comes with no other row, in a transaction of its own.
pub async fn enqueue_alone<J: Job>(
    ctx: &Ctx,
    job: &J,
    options: Options,
) -> Result<Enqueued, anyhow::Error> {
    let args = serde_json::to_value(job)?;
    let settings = Settings::of(J::KIND, &J::DEFAULTS, &ctx.config);
    let row = new_job(ctx, J::KIND, args, &settings, options);
    Ok(jobs::enqueue_alone(&ctx.db, &ctx.clock, &row).await?)
}

/// The row of a job of a kind known by name only (command line, schedules).
pub(crate) fn new_job(
    ctx: &Ctx,
    kind: &'static str,
    args: serde_json::Value,
    settings: &Settings,
    options: Options,
) -> NewJob {
    NewJob {
        desk: ctx.desk.clone(),
        kind,
        queue: options.queue.unwrap_or_else(|| settings.queue.clone()),
        args,
        priority: options.priority.unwrap_or(settings.priority),
        run_at_ms: options.run_at_ms.unwrap_or_else(|| ctx.clock.wall_ms()),
        expires_at_ms: options.expires_at_ms,
        unique_key: options.unique_key,
        parent: options.parent,
        slot_ms: options.slot_ms,
        max_attempts: options
            .max_attempts
            .map_or(settings.max_attempts, i64::from),
    }
}
