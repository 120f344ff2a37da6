//! Pausing a job and letting it go on. A running one stores where it is first, if its kind can.

use super::registry::Registry;
use crate::clock::Clock;
use crate::db::jobs::{self, JobRow};
use crate::db::{Tx, jobs_control};

/// Why a job cannot be paused or resumed.
#[derive(Debug, thiserror::Error)]
pub enum PauseError {
    #[error("there is no job {0}; `thetaq jobs list` shows them")]
    Unknown(String),
    #[error(
        "a {0} job cannot be paused while it runs: it stores nothing to go on from; cancel it, or let it finish"
    )]
    CannotPause(String),
    #[error("the job is {0}; only a job that waits or runs is paused")]
    NotUnderWay(String),
    #[error("the job is {0}; only a paused job is resumed")]
    NotPaused(String),
}

/// Holds a waiting job back at once. A running one is asked to pause: within a second it has stored where
/// it is and its row is `paused`, with its progress and without the attempt counted.
pub async fn pause(
    tx: &mut Tx,
    clock: &Clock,
    registry: &Registry,
    id: &str,
) -> anyhow::Result<JobRow> {
    let row = found(tx, id).await?;
    let goes_on = registry
        .get(&row.kind)
        .is_some_and(|kind| kind.defaults.goes_on);
    if jobs_control::pause_job(tx, clock, id, goes_on).await? {
        return found(tx, id).await;
    }
    // What it became meanwhile.
    let row = found(tx, id).await?;
    Err(match row.state.as_str() {
        "running" => PauseError::CannotPause(row.kind).into(),
        _ => PauseError::NotUnderWay(row.state).into(),
    })
}

/// Makes a paused job available again; it goes on from where it stopped.
pub async fn resume(tx: &mut Tx, clock: &Clock, id: &str) -> anyhow::Result<JobRow> {
    let resumed = jobs_control::resume_job(tx, clock, id).await?;
    let row = found(tx, id).await?;
    if resumed {
        return Ok(row);
    }
    Err(PauseError::NotPaused(row.state).into())
}

async fn found(tx: &mut Tx, id: &str) -> anyhow::Result<JobRow> {
    let row = jobs::get_in(tx, id).await?;
    row.ok_or_else(|| PauseError::Unknown(id.to_owned()).into())
}
