//! `import`: market history out of files and folders on the machine of the worker.

use super::{Defaults, Done, Job, JobError, Running};
use crate::ctx::Ctx;
use crate::import::{self, ImportError, Progress, Stopped};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Files and folders to import; its result is the report of `thetaq import --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    pub paths: Vec<PathBuf>,
}

impl Job for Import {
    const KIND: &'static str = "import";
    const DEFAULTS: Defaults = Defaults {
        timeout_ms: 3_600_000,
        ..Defaults::STANDARD
    };

    /// Each batch is its own transaction keyed by what it stores, so a second attempt goes on where
    /// the first was cut off.
    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let mut progress = JobProgress(job);
        match import::import(&ctx.db, &self.paths, &mut progress).await {
            Ok(report) => Ok(serde_json::to_value(report)?),
            Err(ImportError::Stopped(_)) => Err(JobError::Cancelled),
            Err(error) => Err(error.into()),
        }
    }
}

/// Shows the progress of an import or a fetch on its job and stops when the job is cancelled.
pub(super) struct JobProgress<'a>(pub(super) &'a Running);

impl Progress for JobProgress<'_> {
    fn report<'a>(
        &'a mut self,
        fraction: f64,
        note: &'a str,
    ) -> BoxFuture<'a, Result<(), Stopped>> {
        Box::pin(async move {
            self.0.progress(fraction, note).await;
            if self.0.cancelled() {
                Err(Stopped)
            } else {
                Ok(())
            }
        })
    }
}
