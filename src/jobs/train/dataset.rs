//! A dataset under way.

use crate::backtest::{Data, RunError};
use crate::clock::{Stopwatch, derived_id};
use crate::ctx::{CODE_VERSION, Ctx};
use crate::db::training::{self, NewDataset, Progress};
use crate::db::{configs, json};
use crate::jobs::train::tally::Tally;
use crate::jobs::{Done, JobError, Running};
use crate::policy::profiles;
use crate::training::{Plan, Row, Splits, Walk, WalkState};
use anyhow::anyhow;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Snapshots taken before the job looks up.
const SLICE: usize = 250;
/// Wall time between two checkpoints, and rows that wait for one at most.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);
const WAITING_MAX: usize = 50_000;

/// Everything needed to go on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Checkpoint {
    /// Underlyings that are done.
    market: usize,
    walk: WalkState,
    /// Snapshots done, all underlyings together.
    steps: i64,
    tally: Tally,
}

pub(super) struct Open {
    id: String,
    plan: Arc<Plan>,
    markets: Vec<Arc<Data>>,
    splits: Splits,
    steps: i64,
    at: Checkpoint,
    /// Rows stored, and those that wait for the next checkpoint.
    stored: i64,
    waiting: Vec<Row>,
}

impl Open {
    /// Writes the row of a new dataset, or takes up the one this job has begun.
    pub(super) async fn begin(
        ctx: &Ctx,
        job: &Running,
        plan: Plan,
        markets: Vec<Arc<Data>>,
    ) -> Result<Self, JobError> {
        let range = range(&plan, &markets);
        let splits = plan.splits(range.0, range.1);
        let walks = markets.iter().map(|data| Walk::new(data, &plan, splits));
        let mut open = Self {
            // The desk's time may stand; datasets are listed in the order in which they were begun.
            id: derived_id(ctx.clock.wall_ms(), &["dataset", &job.id]),
            steps: walks.map(|walk| walk.steps() as i64).sum(),
            plan: Arc::new(plan),
            markets,
            splits,
            at: Checkpoint::default(),
            stored: 0,
            waiting: Vec::new(),
        };
        let hash = configs::digest(&json::canonical(&*open.plan)?);
        let fingerprints = open.fingerprints();
        let known = training::of_job(&ctx.db, &job.id).await?;
        if let Some(row) = &known {
            let same = training::fingerprints(&ctx.db, &row.id).await?;
            if row.config_hash == hash && same.as_ref() == Some(&fingerprints) {
                row.id.clone_into(&mut open.id);
                let kept = training::checkpoint(&ctx.db, &row.id).await?;
                open.at = kept.unwrap_or_default();
                open.stored = open.at.tally.rows;
                let (done, steps) = (open.at.steps, open.steps);
                job.log(format!("goes on after snapshot {done} of {steps}"))
                    .await;
                return Ok(open);
            }
        }
        let mut tx = ctx.db.begin().await?;
        // The settings or the data of an earlier attempt are gone with its rows.
        if let Some(row) = known {
            training::delete(&mut tx, &row.id).await?;
        }
        let new = NewDataset {
            id: &open.id,
            job: &job.id,
            desk: None,
            source: &open.markets[0].stamp.source,
            range,
            plan: &open.plan,
            splits: &open.splits,
            config_hash: &hash,
            fingerprints: &fingerprints,
            steps: open.steps,
            policy: (profiles::POLICY, profiles::VERSION),
            code_version: CODE_VERSION,
            checkpoint: None,
            at_ms: ctx.clock.wall_ms(),
        };
        training::begin(&mut tx, &new).await?;
        tx.commit().await?;
        Ok(open)
    }

    fn fingerprints(&self) -> BTreeMap<String, String> {
        let stamps = self.markets.iter();
        stamps
            .map(|data| (data.coin.to_string(), data.stamp.fingerprint.clone()))
            .collect()
    }

    /// Walks until the end; an error, a cancellation or a lost database end it early.
    pub(super) async fn walk(
        &mut self,
        ctx: &Ctx,
        job: &Running,
        every: Option<usize>,
    ) -> Result<(), JobError> {
        let mut since = Stopwatch::start();
        while self.at.market < self.markets.len() {
            job.check()?;
            self.slice(every.unwrap_or(SLICE)).await?;
            let full = self.waiting.len() >= WAITING_MAX;
            if every.is_some() || full || since.elapsed() >= CHECKPOINT_EVERY {
                self.store(ctx).await?;
                since = Stopwatch::start();
            }
            let share = self.at.steps as f64 / self.steps.max(1) as f64;
            job.progress(share, self.note()).await;
        }
        self.store(ctx).await
    }

    /// Takes some snapshots of one underlying on a thread of their own.
    async fn slice(&mut self, count: usize) -> Result<(), JobError> {
        let data = self.markets[self.at.market].clone();
        let (plan, splits) = (self.plan.clone(), self.splits);
        let mut state = std::mem::take(&mut self.at.walk);
        let before = state.done;
        let work = move || {
            let mut rows = Vec::new();
            let done = Walk::new(&data, &plan, splits).advance(&mut state, count, &mut rows)?;
            Ok::<_, RunError>((state, rows, done))
        };
        let (state, rows, done) = tokio::task::spawn_blocking(work)
            .await?
            .map_err(|error| JobError::Abort(error.into()))?;
        self.at.steps += (state.done - before) as i64;
        for row in &rows {
            self.at.tally.count(row);
        }
        self.waiting.extend(rows);
        if done {
            self.at.market += 1;
        } else {
            self.at.walk = state;
        }
        Ok(())
    }

    async fn store(&mut self, ctx: &Ctx) -> Result<(), JobError> {
        let rows = std::mem::take(&mut self.waiting);
        let progress = Progress {
            steps_done: self.at.steps,
            checkpoint: serde_json::to_string(&self.at)?,
            at_ms: ctx.clock.wall_ms(),
            ..self.at.tally.progress()
        };
        if !training::append(&ctx.db, &self.id, self.stored, rows, progress).await? {
            return Err(JobError::Retry(anyhow!(
                "dataset {} has other rows than this attempt wrote: another attempt went on with it",
                self.id
            )));
        }
        self.stored = self.at.tally.rows;
        Ok(())
    }

    fn note(&self) -> String {
        let rows = self.at.tally.rows;
        let coin = self.markets.get(self.at.market).map(|data| data.coin);
        let coin = coin.map_or_else(String::new, |coin| format!("{coin}, "));
        format!(
            "{coin}snapshot {} of {}, {rows} rows",
            self.at.steps, self.steps
        )
    }

    /// Ends the dataset. A stopped one keeps its rows and where it was; a broken one its error.
    pub(super) async fn end(
        mut self,
        ctx: &Ctx,
        job: &Running,
        end: Result<(), JobError>,
    ) -> Result<Done, JobError> {
        let done = self.done(job);
        let (state, text) = match &end {
            Ok(()) => ("done", None),
            Err(JobError::Cancelled) => {
                self.store(ctx).await?;
                ("stopped", None)
            }
            Err(JobError::Abort(error)) => ("failed", Some(format!("{error:#}"))),
            Err(_) => return end.map(|()| done),
        };
        let mut tx = ctx.db.begin().await?;
        let at_ms = ctx.clock.wall_ms();
        training::end(&mut tx, &self.id, state, text.as_deref(), at_ms).await?;
        if end.is_ok() {
            job.finish(&mut tx, &done).await?;
        }
        tx.commit().await?;
        end.map(|()| done)
    }

    /// What the job's page shows and `thetaq train` prints.
    fn done(&self, job: &Running) -> Done {
        self.at.tally.done(&self.id, &job.id)
    }
}

/// First and last snapshot of all underlyings.
fn range(plan: &Plan, markets: &[Arc<Data>]) -> (i64, i64) {
    let times = markets.iter().flat_map(|data| {
        let range = data.between(plan.setup.from_ms, plan.setup.to_ms);
        let ends = [range.first(), range.last()].into_iter().flatten();
        ends.map(|snapshot| snapshot.chain.at_ms)
            .collect::<Vec<_>>()
    });
    times.fold((i64::MAX, i64::MIN), |(first, last), at_ms| {
        (first.min(at_ms), last.max(at_ms))
    })
}
