//! `collect`: what the ticks of a desk have left becomes training rows, a book per profile, until a person
//! stops it.
//!
//! `train` with the source `live` begins a dataset; from then on every tick enqueues this job beside its
//! decision. It goes by the decisions that are stored, not by who enqueued it: one that fails, or dies,
//! leaves its ticks to the next.

mod begin;
mod open;
mod ticks;

pub(super) use begin::{begin, prepare};

use super::{Defaults, Done, Job, JobError, Options, Running, enqueue};
use crate::ctx::Ctx;
use crate::db::Tx;
use crate::db::training;
use anyhow::anyhow;
use open::Open;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Takes up every tick since the last one, and ends the dataset when asked to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collect {
    pub dataset: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stop: bool,
}

/// Wall time until a delivery price that a stop waits for is asked for again.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the ticks that were taken up leave the dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reached {
    /// The newest tick.
    Present,
    /// An expiry whose delivery price is not published yet; the ticks after it wait.
    Expiry,
    /// The end of the range that was asked for.
    End,
    /// What must not be collected, and why.
    Refused(String),
}

impl Job for Collect {
    const KIND: &'static str = "collect";
    const DEFAULTS: Defaults = Defaults {
        timeout_ms: 600_000,
        max_attempts: 20,
        serial: true,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let row = training::get(&ctx.db, &self.dataset).await?;
        let row = row.filter(|row| row.desk.as_deref() == Some(&ctx.desk));
        let row = row.ok_or_else(|| {
            let (desk, dataset) = (&ctx.desk, &self.dataset);
            JobError::Abort(anyhow!("desk `{desk}` collects no dataset {dataset}"))
        })?;
        let mut open = Open::of(&ctx, row).await?;
        if !open.is_running() {
            return Ok(open.done(job));
        }
        match open.take(&ctx, job).await {
            Ok(Reached::Present | Reached::Expiry) if !self.stop => Ok(open.done(job)),
            Ok(Reached::Expiry) => Err(JobError::RetryIn(
                PATIENCE,
                anyhow!("a call has expired whose delivery price is not published yet"),
            )),
            Ok(Reached::Present | Reached::End) => open.end(&ctx, job, "done", None).await,
            Ok(Reached::Refused(why)) => open.end(&ctx, job, "stopped", Some(&why)).await,
            Err(JobError::Abort(error)) => {
                let why = format!("{error:#}");
                open.fail(&ctx, &why).await?;
                Err(JobError::Abort(error))
            }
            Err(error) => Err(error),
        }
    }
}

/// In the transaction of a tick: has its decision taken up when a collection is on.
pub(super) async fn follow(tx: &mut Tx, ctx: &Ctx, tick: &Running) -> anyhow::Result<()> {
    if let Some(row) = training::collecting(&ctx.db, &ctx.desk).await? {
        let job = Collect {
            dataset: row.id,
            stop: false,
        };
        let options = Options {
            parent: Some(tick.id.clone()),
            ..Options::default()
        };
        enqueue(tx, ctx, &job, options).await?;
    }
    Ok(())
}
