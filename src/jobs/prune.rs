//! `prune`: rejected candidates of old decisions and finished jobs past their days are deleted in batches;
//! decisions themselves stay.

use super::{Defaults, Done, Job, JobError, Running, Schedule};
use crate::config::Missed;
use crate::ctx::Ctx;
use crate::db::{candidates, jobs_control};
use crate::domain::instrument::DAY_MS;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prune {}

/// Decisions whose candidates go in one transaction; a write lock held longer would stall the desk.
const BATCH: i64 = 50;
/// Finished jobs that go in one transaction.
const JOBS_BATCH: i64 = 500;
/// Batches of one run; the next slot goes on.
const BATCHES_MAX: u32 = 200;

impl Job for Prune {
    const KIND: &'static str = "prune";
    const DEFAULTS: Defaults = Defaults {
        schedule: Schedule::Cron("0 30 3 * * *"),
        missed: Missed::Skip,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let candidates = candidates(&ctx, job).await?;
        let jobs = finished_jobs(&ctx, job).await?;
        ctx.db.optimize().await?;
        Ok(json!({ "candidates": candidates, "jobs": jobs }))
    }
}

async fn candidates(ctx: &Ctx, job: &Running) -> Result<u64, JobError> {
    let keep = ctx.config.queue.keep_candidates;
    let mut deleted = 0;
    for _ in 0..BATCHES_MAX {
        job.check()?;
        let mut tx = ctx.db.begin().await?;
        let rows = candidates::prune(&mut tx, &ctx.desk, keep, BATCH).await?;
        tx.commit().await?;
        deleted += rows;
        if rows == 0 {
            break;
        }
    }
    Ok(deleted)
}

async fn finished_jobs(ctx: &Ctx, job: &Running) -> Result<u64, JobError> {
    let before_ms = ctx.clock.wall_ms() - ctx.config.queue.keep_days * DAY_MS;
    let mut deleted = 0;
    for _ in 0..BATCHES_MAX {
        job.check()?;
        let mut tx = ctx.db.begin().await?;
        let rows = jobs_control::prune(&mut tx, before_ms, JOBS_BATCH).await?;
        tx.commit().await?;
        deleted += rows;
        if rows < JOBS_BATCH.unsigned_abs() {
            break;
        }
    }
    Ok(deleted)
}
