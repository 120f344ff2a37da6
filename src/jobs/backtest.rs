//! `backtest`: one run over stored or synthetic chains, resumed where its last checkpoint is.
//!
//! A job that is paused or cancelled keeps what it has done as a stopped run; resuming or retrying the job
//! goes on from there.
//! A killed worker's job does the same, and ends with the rows it would have had.

mod data;
mod settings;

use super::answered::{self, Model};
use super::{Defaults, Done, Job, JobError, Running};
use crate::backtest::{
    Baselines, Data, Outcome, Policy, Run, RunError, Setup, State, Strategy, baselines,
};
use crate::clock::{Stopwatch, derived_id};
use crate::ctx::{CODE_VERSION, Ctx};
use crate::db::backtests::{self, End, NewBacktest};
pub use data::READING;
pub(super) use data::{load, load_silently};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
pub(super) use settings::{by_model, name_fallback, setup};
use std::sync::Arc;
use std::time::Duration;

/// One run. Keys of `settings` that are left out have their defaults; [`crate::backtest::keys`] lists them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backtest {
    /// The chain store: `recorded`, `deribit`, or `synthetic`, which is made from `market_seed`.
    pub source: String,
    #[serde(default)]
    #[schemars(with = "serde_json::Map<String, Value>")]
    pub settings: Value,
    /// Seed of the synthetic market; the configuration's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_seed: Option<String>,
    /// A checkpoint after so many steps; about once a second when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_steps: Option<usize>,
}

/// Steps taken before the job looks up.
const SLICE: usize = 500;
/// Wall time between two checkpoints.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);

impl Job for Backtest {
    const KIND: &'static str = "backtest";
    const DEFAULTS: Defaults = Defaults {
        timeout_ms: 3_600_000,
        goes_on: true,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let setup = settings::of_run(&ctx, job, &self.settings).await?;
        let seed = self.market_seed.as_deref();
        let data = load(&ctx, job, &self.source, seed, &setup).await?;
        let mut open = Open::begin(&ctx, job, data, setup).await?;
        let end = open.walk(&ctx, job, self.checkpoint_steps).await;
        open.end(&ctx, job, end).await
    }
}

/// A run under way.
struct Open {
    id: String,
    data: Arc<Data>,
    setup: Arc<Setup>,
    state: State,
    steps: usize,
}

impl Open {
    /// Writes the row of a new run, or takes up the one this job has begun.
    async fn begin(
        ctx: &Ctx,
        job: &Running,
        data: Arc<Data>,
        setup: Setup,
    ) -> Result<Self, JobError> {
        let steps = Run::new(&data, &setup, Strategy::Policy)
            .map_err(|error| JobError::Abort(error.into()))?
            .steps();
        let known = backtests::of_job(&ctx.db, &job.id).await?;
        let same = known.filter(|row| row.fingerprint == data.stamp.fingerprint);
        let mut open = Self {
            id: String::new(),
            data,
            setup: Arc::new(setup),
            state: State::default(),
            steps,
        };
        if let Some(row) = same {
            let kept = backtests::checkpoint_of(&ctx.db, &row.id).await?;
            open.id = row.id;
            open.state = kept.unwrap_or_default();
            let done = open.state.done;
            job.log(format!("goes on after step {done} of {steps}"))
                .await;
            return Ok(open);
        }
        // The desk's time may stand; runs are listed in the order in which they were begun.
        open.id = derived_id(ctx.clock.wall_ms(), &["backtest", &job.id]);
        open.insert(ctx, job).await?;
        Ok(open)
    }

    /// The data of an earlier attempt are gone with its rows: a run is of one market.
    async fn insert(&self, ctx: &Ctx, job: &Running) -> Result<(), JobError> {
        let range = self.data.between(self.setup.from_ms, self.setup.to_ms);
        let at = |snapshot: Option<&crate::backtest::Snapshot>| {
            snapshot.map_or(0, |snapshot| snapshot.chain.at_ms)
        };
        let (llm, by_model) = (&ctx.config.llm, self.setup.policy == Policy::Llm);
        let mut tx = ctx.db.begin().await?;
        backtests::delete_of_job(&mut tx, &job.id).await?;
        let new = NewBacktest {
            id: &self.id,
            job: &job.id,
            parent: job.parent.as_deref(),
            setup: &self.setup,
            data: &self.data.stamp,
            model: by_model.then_some((llm.model.as_str(), llm.training_cutoff.as_str())),
            range: (at(range.first()), at(range.last())),
            steps: self.steps as u64,
            code_version: CODE_VERSION,
            at_ms: ctx.clock.wall_ms(),
        };
        backtests::begin(&mut tx, &new).await?;
        Ok(tx.commit().await?)
    }

    /// Steps until the end; an error of the run itself, a cancellation, or a lost database end it early.
    async fn walk(
        &mut self,
        ctx: &Ctx,
        job: &Running,
        every: Option<usize>,
    ) -> Result<(), JobError> {
        let mut stored = Stopwatch::start();
        loop {
            job.check()?;
            let done = match self.setup.policy {
                Policy::Llm => self.answered(ctx, job).await?,
                _ => self.slice(every.unwrap_or(SLICE)).await?,
            };
            if done {
                return Ok(());
            }
            if every.is_some() || stored.elapsed() >= CHECKPOINT_EVERY {
                self.checkpoint(ctx).await?;
                stored = Stopwatch::start();
            }
            job.progress(
                self.state.done as f64 / self.steps.max(1) as f64,
                self.note(),
            )
            .await;
        }
    }

    /// Takes one step that a model decides; true when it was the last.
    async fn answered(&mut self, ctx: &Ctx, job: &Running) -> Result<bool, JobError> {
        let model = Model::new(ctx, job, self.setup.clone(), Some(&self.id));
        let stepped = answered::step(model, self.data.clone(), self.state.clone());
        let (state, done) = stepped.await?;
        self.state = state;
        Ok(done)
    }

    /// Takes some steps on a thread of their own; true when the last one is done.
    async fn slice(&mut self, count: usize) -> Result<bool, JobError> {
        let (data, setup) = (self.data.clone(), self.setup.clone());
        let state = std::mem::take(&mut self.state);
        let work = move || {
            let mut run = Run::resume(&data, &setup, Strategy::Policy, state)?;
            let done = run.advance(count)?;
            Ok::<_, RunError>((run.into_state(), done))
        };
        let (state, done) = tokio::task::spawn_blocking(work)
            .await?
            .map_err(|error| JobError::Abort(error.into()))?;
        self.state = state;
        Ok(done)
    }

    async fn checkpoint(&self, ctx: &Ctx) -> Result<(), JobError> {
        let text = serde_json::to_string(&self.state)?;
        let mut tx = ctx.db.begin().await?;
        let (done, at_ms) = (self.state.done as u64, ctx.clock.wall_ms());
        backtests::checkpoint(&mut tx, &self.id, done, &text, at_ms).await?;
        Ok(tx.commit().await?)
    }

    /// Where the run is in its own time.
    fn note(&self) -> String {
        let range = self.data.between(self.setup.from_ms, self.setup.to_ms);
        let at = self.state.done.checked_sub(1).and_then(|at| range.get(at));
        let at_ms = at.map_or(0, |snapshot| snapshot.chain.at_ms);
        let date = chrono::DateTime::from_timestamp_millis(at_ms).unwrap_or_default();
        let date = date.format("%Y-%m-%d");
        format!("{date}, step {} of {}", self.state.done, self.steps)
    }

    /// Stores what came of it. A stopped run keeps its rows and where it was; a broken one its error.
    async fn end(
        self,
        ctx: &Ctx,
        job: &Running,
        end: Result<(), JobError>,
    ) -> Result<Done, JobError> {
        match end {
            Ok(()) => {
                let (run, baselines, weekly) = self.outcome(self.state.clone()).await?;
                let done = done(&self.id, &run);
                let mut tx = ctx.db.begin().await?;
                let (at_ms, end) = (ctx.clock.wall_ms(), End::Done);
                backtests::end(&mut tx, &self.id, &run, &baselines, &weekly, end, at_ms).await?;
                job.finish(&mut tx, &done).await?;
                tx.commit().await?;
                Ok(done)
            }
            Err(JobError::Cancelled) if self.state.done > 0 => {
                let checkpoint = serde_json::to_string(&self.state)?;
                let (run, baselines, weekly) = self.outcome(self.state.clone()).await?;
                let end = End::Stopped {
                    checkpoint: &checkpoint,
                };
                let mut tx = ctx.db.begin().await?;
                let at_ms = ctx.clock.wall_ms();
                backtests::end(&mut tx, &self.id, &run, &baselines, &weekly, end, at_ms).await?;
                tx.commit().await?;
                Err(JobError::Cancelled)
            }
            Err(JobError::Cancelled) => {
                // Nothing was done: a row would say for ever that it runs.
                let mut tx = ctx.db.begin().await?;
                backtests::delete_of_job(&mut tx, &job.id).await?;
                tx.commit().await?;
                Err(JobError::Cancelled)
            }
            Err(JobError::Abort(error)) => {
                let mut tx = ctx.db.begin().await?;
                let text = format!("{error:#}");
                backtests::fail(&mut tx, &self.id, &text, ctx.clock.wall_ms()).await?;
                tx.commit().await?;
                Err(JobError::Abort(error))
            }
            Err(error) => Err(error),
        }
    }

    async fn outcome(&self, state: State) -> Result<(Outcome, Baselines, Vec<f64>), JobError> {
        let (data, setup) = (self.data.clone(), self.setup.clone());
        let work = move || {
            let outcome = Run::resume(&data, &setup, Strategy::Policy, state)?.finish();
            let outcome = outcome.with_intervals().with_obstacles(&data);
            let (baselines, weekly) = baselines(&data, &outcome)?;
            Ok::<_, RunError>((outcome, baselines, weekly))
        };
        tokio::task::spawn_blocking(work)
            .await?
            .map_err(|error| JobError::Abort(error.into()))
    }
}

/// What the job's page shows.
fn done(id: &str, run: &Outcome) -> Done {
    json!({
        "backtest": id,
        "chains": run.metrics.chains,
        "return_coin": run.metrics.coin.total_return,
        "return_usd": run.metrics.usd.total_return,
    })
}
