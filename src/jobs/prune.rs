//! `prune`: finished jobs and rejected candidates of old decisions are deleted in batches; decisions
//! themselves stay.

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
/// Jobs that go in one transaction.
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
        let queue = &ctx.config.queue;
        let before_ms = ctx.clock.wall_ms() - queue.keep_days * DAY_MS;
        let (mut candidates, mut jobs) = (0, 0);
        for _ in 0..BATCHES_MAX {
            job.check()?;
            let mut tx = ctx.db.begin().await?;
            let old = candidates::prune(&mut tx, &ctx.desk, queue.keep_candidates, BATCH).await?;
            let finished = jobs_control::prune(&mut tx, before_ms, JOBS_BATCH).await?;
            tx.commit().await?;
            candidates += old;
            jobs += finished;
            if old + finished == 0 {
                break;
            }
        }
        Ok(json!({ "candidates": candidates, "jobs": jobs }))
    }
}
