//! `sweep_part`: some settings of a sweep, over a market that all parts in this process share.

use super::{model, row};
use crate::backtest::sweep::{Plan, Trial, Tried, try_one};
use crate::backtest::{Data, Policy, Setup};
use crate::ctx::Ctx;
use crate::db::json;
use crate::db::sweeps::{self, NewRun, SweepRow};
use crate::jobs::backtest::load_silently;
use crate::jobs::{Defaults, Done, Job, JobError, Running};
use anyhow::anyhow;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use tokio::sync::Mutex;

/// `count` settings of a sweep from number `first` on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepPart {
    pub sweep: String,
    pub first: usize,
    pub count: usize,
}

/// Settings tried between two looks up, and stored together.
const SLICE: usize = 10;

impl Job for SweepPart {
    const KIND: &'static str = "sweep_part";
    const DEFAULTS: Defaults = Defaults {
        concurrency: Defaults::PER_CORE,
        prefetch: 0,
        timeout_ms: 3_600_000,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let row = row(&ctx, &self.sweep).await?;
        let todo = self.todo(&ctx, &row).await?;
        if todo.is_empty() {
            return Ok(json!({ "sweep": self.sweep, "runs": 0 }));
        }
        let data = shared(&ctx, job, &row, &todo[0].1.setup).await?;
        let mut done = 0;
        // What a model decided is stored at once.
        let size = if todo.iter().any(by_model) { 1 } else { SLICE };
        for slice in todo.chunks(size) {
            job.check()?;
            let found = tried(&ctx, job, &row, &data, slice).await?;
            store(&ctx, &self.sweep, slice, &found).await?;
            done += slice.len();
            job.progress(
                done as f64 / todo.len() as f64,
                format!("{done} of {} settings", todo.len()),
            )
            .await;
        }
        Ok(json!({ "sweep": self.sweep, "runs": done }))
    }
}

impl SweepPart {
    /// Its points, without those an earlier attempt has stored.
    async fn todo(&self, ctx: &Ctx, row: &SweepRow) -> Result<Vec<(usize, Trial)>, JobError> {
        let plan: Plan = json::decode(&row.plan)?;
        let settings: Value = json::decode(&row.settings)?;
        let base = settings.as_object().cloned().unwrap_or_default();
        let trials = plan
            .trials(&base)
            .map_err(|error| JobError::Abort(error.into()))?;
        let end = self.first + self.count;
        let there = sweeps::numbers(&ctx.db, &self.sweep, self.first, end).await?;
        let there: BTreeSet<i64> = there.into_iter().collect();
        let numbered = trials
            .points
            .into_iter()
            .enumerate()
            .skip(self.first)
            .take(self.count);
        Ok(numbered
            .filter(|(n, _)| !there.contains(&(*n as i64)))
            .collect())
    }
}

/// Runs settings one after the other. One that cannot be run is a row with its error.
async fn tried(
    ctx: &Ctx,
    job: &Running,
    row: &SweepRow,
    data: &Arc<Data>,
    slice: &[(usize, Trial)],
) -> Result<Vec<Result<Tried, String>>, JobError> {
    if let [(_, trial)] = slice
        && trial.setup.policy == Policy::Llm
    {
        let found = model::tried(ctx, job, row, data.clone(), trial).await?;
        return Ok(vec![found]);
    }
    let (data, slice) = (data.clone(), slice.to_vec());
    let one = move |(_, trial): &(usize, Trial)| {
        try_one(&data, &trial.setup).map_err(|error| error.to_string())
    };
    let work = move || slice.iter().map(one).collect();
    Ok(tokio::task::spawn_blocking(work).await?)
}

fn by_model((_, trial): &(usize, Trial)) -> bool {
    trial.setup.policy == Policy::Llm
}

async fn store<'a>(
    ctx: &Ctx,
    sweep: &str,
    slice: &'a [(usize, Trial)],
    found: &'a [Result<Tried, String>],
) -> Result<(), JobError> {
    let run = |((n, trial), tried): (&'a (usize, Trial), &'a Result<Tried, String>)| NewRun {
        n: *n,
        values: &trial.values,
        setup: &trial.setup,
        tried: tried.as_ref().map_err(Clone::clone),
    };
    let runs: Vec<NewRun<'a>> = slice.iter().zip(found).map(run).collect();
    let mut tx = ctx.db.begin().await?;
    sweeps::insert_runs(&mut tx, sweep, &runs, ctx.clock.wall_ms()).await?;
    Ok(tx.commit().await?)
}

/// The market last read for a sweep: its parts in this process look at one copy.
static SHARED: Mutex<Weak<Data>> = Mutex::const_new(Weak::new());

/// The data a sweep began with. Others are an error: runs of one sweep are of one market.
pub(super) async fn shared(
    ctx: &Ctx,
    job: &Running,
    row: &SweepRow,
    setup: &Setup,
) -> Result<Arc<Data>, JobError> {
    let mut shared = SHARED.lock().await;
    if let Some(data) = shared
        .upgrade()
        .filter(|data| data.stamp.fingerprint == row.fingerprint)
    {
        return Ok(data);
    }
    let seed = row.market_seed.as_deref();
    let data = load_silently(ctx, job, &row.source, seed, setup).await?;
    if data.stamp.fingerprint != row.fingerprint {
        return Err(JobError::Abort(anyhow!(
            "the chains of {} changed since sweep {} began; start it again",
            row.source,
            row.id
        )));
    }
    *shared = Arc::downgrade(&data);
    Ok(data)
}
