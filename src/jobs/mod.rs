//! The spine: one kind of work per file, each moving rows one step in one transaction.
//!
//! A process runs jobs in one of three ways: [`work`] (workers, leases and schedules until stopped),
//! [`drain`] (one thread on a manual clock) and [`run_inline`] (one job, when no worker is alive).

mod answered;
mod decide;
mod enqueue;
mod outcome;
mod pace;
mod queue;
mod queue_layer;
mod worker_care;
mod worker_follow;
mod worker_pump;
mod worker_rest;
mod worker_scout;

pub mod backtest;
pub mod chat;
pub mod close;
pub mod collect;
pub mod controls;
pub mod council;
pub mod drain;
pub mod drift;
pub mod evaluate;
pub mod export;
pub mod fetch_history;
pub mod import;
pub mod insight;
pub mod llm_call;
pub mod lookahead;
pub mod pause;
pub mod propose;
pub mod prune;
pub mod reconcile;
pub mod record_market;
pub mod registry;
pub mod replay_decision;
pub mod running;
pub mod schedule;
pub mod score_council;
pub mod settle;
pub mod source;
pub mod sweep;
pub mod sync_instruments;
pub mod tick;
pub mod trade;
pub mod train;
pub mod what_if;
pub mod worker;

pub use decide::{Rebuilt, rebuild};
pub use drain::run_inline;
pub use enqueue::{Options, enqueue, enqueue_alone};
pub use registry::{Defaults, Registry, Schedule};
pub use running::Running;
pub use worker::work;

use crate::ctx::Ctx;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// One kind of work. The struct is the payload; its JSON is what waits in the queue.
pub trait Job: Serialize + DeserializeOwned + Clone + Send + Sync + Unpin + 'static {
    /// Queue name, workers.toml section, log field, dashboard label. Never reused.
    const KIND: &'static str;

    /// How the kind is run unless `[jobs.KIND]` of workers.toml says otherwise.
    const DEFAULTS: Defaults = Defaults::STANDARD;

    /// Does the work. Effects go into one transaction, or are keyed by the job's id.
    fn run(
        self,
        ctx: Ctx,
        job: &mut Running,
    ) -> impl Future<Output = Result<Done, JobError>> + Send;
}

/// What a finished job produced: shown on its page, printed by `thetaq jobs show`.
pub type Done = serde_json::Value;

/// A failure that carries the decision what to do next. Like `anyhow::Error` it is no `std` error
/// itself, so that `?` turns any error into a retry.
#[derive(Debug)]
pub enum JobError {
    /// Try again after the kind's back-off, up to its attempts.
    Retry(anyhow::Error),
    /// Try again after exactly this long.
    RetryIn(Duration, anyhow::Error),
    /// Never again: the job is discarded with this error.
    Abort(anyhow::Error),
    /// The job saw that it was cancelled and stopped.
    Cancelled,
}

impl JobError {
    /// The whole chain of causes in one line.
    pub fn message(&self) -> String {
        match self {
            Self::Retry(error) | Self::RetryIn(_, error) | Self::Abort(error) => {
                format!("{error:#}")
            }
            Self::Cancelled => "cancelled".to_owned(),
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for JobError {
    fn from(error: E) -> Self {
        Self::Retry(error.into())
    }
}
