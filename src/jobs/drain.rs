//! Running jobs without workers: a whole desk on one thread, or a single job for a command that waits.
//!
//! A drain on a manual clock is deterministic: jobs run one after the other in the order
//! (run at, priority, id), and time moves only between them.

use super::outcome::{End, settle};
use super::queue::{Flights, Work};
use super::registry::{Kind, Registry};
use super::running::Running;
use super::worker_care::care;
use crate::clock::Time;
use crate::ctx::Ctx;
use crate::db::jobs::{self, JobRow};
use crate::db::jobs_turn::{self, Claimed};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What a drain does when nothing is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advance {
    /// It ends.
    Stay,
    /// The manual clock moves to the next waiting job, up to this instant, milliseconds.
    Until(i64),
}

/// Runs every due job of the desk, those that they enqueue included; returns how many attempts ran.
pub async fn run_until_idle(
    ctx: &Ctx,
    registry: &Registry,
    advance: Advance,
) -> anyhow::Result<usize> {
    let owner = owner(ctx);
    let kinds: Vec<_> = registry.kinds().map(|kind| kind.name).collect();
    let mut ran = 0;
    loop {
        while let Some(claimed) = next(ctx, &kinds, &owner).await? {
            attempt(ctx, registry, &Work::new(claimed), &owner).await?;
            ran += 1;
        }
        let Advance::Until(until_ms) = advance else {
            return Ok(ran);
        };
        if !self::advance(ctx, until_ms).await? {
            return Ok(ran);
        }
    }
}

/// Runs the next due job of the desk, if there is one; false when nothing is due.
pub async fn run_next(ctx: &Ctx, registry: &Registry) -> anyhow::Result<bool> {
    let owner = owner(ctx);
    let kinds: Vec<_> = registry.kinds().map(|kind| kind.name).collect();
    let Some(claimed) = next(ctx, &kinds, &owner).await? else {
        return Ok(false);
    };
    attempt(ctx, registry, &Work::new(claimed), &owner).await?;
    Ok(true)
}

fn owner(ctx: &Ctx) -> Arc<str> {
    format!("drain-{}", ctx.clock.id()).into()
}

async fn next(ctx: &Ctx, kinds: &[&'static str], owner: &str) -> anyhow::Result<Option<Claimed>> {
    let now_ms = ctx.clock.wall_ms();
    let lease_until_ms = now_ms + ctx.config.queue.lease_ms;
    let mut tx = ctx.db.begin().await?;
    let claimed =
        jobs_turn::claim_next(&mut tx, &ctx.desk, kinds, owner, now_ms, lease_until_ms).await?;
    tx.commit().await?;
    Ok(claimed)
}

/// Moves a manual clock to the next waiting job; false when there is none up to `until_ms`.
pub async fn advance(ctx: &Ctx, until_ms: i64) -> anyhow::Result<bool> {
    let Time::Manual { now_ms } = ctx.clock.time() else {
        return Ok(false);
    };
    match jobs_turn::next_due_ms(&ctx.db, &ctx.desk).await? {
        Some(due_ms) if due_ms > now_ms && due_ms <= until_ms => {
            ctx.clock.set(Time::Manual { now_ms: due_ms });
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Runs one job in this process until it is finished, retries included: what a command does when no
/// worker is alive. `None` when the job does not exist; a job that another worker runs is left to it.
pub async fn run_inline(
    ctx: &Ctx,
    registry: &Registry,
    id: &str,
) -> anyhow::Result<Option<JobRow>> {
    let owner: Arc<str> = format!("inline-{}", ctx.clock.id()).into();
    let flights = Arc::new(Flights::new(owner.clone()));
    let end = CancellationToken::new();
    let _ended = end.clone().drop_guard();
    // Progress is written, the lease renewed and a cancel request seen as in a worker.
    tokio::spawn(care(ctx.clone(), flights.clone(), None, end));
    loop {
        let now_ms = ctx.clock.wall_ms();
        let lease_until_ms = now_ms + ctx.config.queue.lease_ms;
        let mut tx = ctx.db.begin().await?;
        let claimed = jobs_turn::claim_one(&mut tx, id, &owner, now_ms, lease_until_ms).await?;
        tx.commit().await?;
        let again = match claimed {
            Some(claimed) => {
                let work = [Work::new(claimed)];
                flights.hold(&work);
                let again = attempt(ctx, registry, &work[0], &owner).await;
                flights.release(work.iter().map(|work| work.claimed.id.as_str()));
                again?
            }
            None => false,
        };
        if !again {
            return Ok(jobs::get(&ctx.db, id).await?);
        }
    }
}

/// Runs one claimed attempt and acknowledges it; true when the job will run again.
async fn attempt(
    ctx: &Ctx,
    registry: &Registry,
    work: &Work,
    owner: &Arc<str>,
) -> anyhow::Result<bool> {
    let claimed = &work.claimed;
    let kind = registry
        .get(&claimed.kind)
        .ok_or_else(|| anyhow::anyhow!("no kind of job is named `{}`", claimed.kind))?;
    let mut running = Running::new(
        claimed,
        &ctx.desk,
        kind.name,
        owner.clone(),
        ctx.clock.clone(),
        work.control.clone(),
    );
    let stale = claimed
        .expires_at_ms
        .is_some_and(|at_ms| at_ms < ctx.clock.wall_ms());
    let end = if stale {
        End::Stale
    } else {
        run(ctx, kind, claimed, &mut running).await
    };
    let settings = kind.settings(&ctx.config);
    let Some(ack) = settle(&running, end, &settings, ctx.clock.wall_ms()) else {
        return Ok(false);
    };
    let mut tx = ctx.db.begin().await?;
    jobs_turn::ack(&mut tx, &ack).await?;
    tx.commit().await?;
    Ok(ack.runs_again())
}

async fn run(ctx: &Ctx, kind: &Kind, claimed: &Claimed, running: &mut Running) -> End {
    let handler = kind.run(ctx.clone(), &claimed.args, running);
    match AssertUnwindSafe(handler).catch_unwind().await {
        Ok(result) => End::Returned(result),
        Err(panic) => End::Panicked(super::outcome::panic_message(&*panic)),
    }
}
