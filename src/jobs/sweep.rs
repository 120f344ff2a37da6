//! `sweep`: many settings over one market. This job lays out the plan, hands its parts to the workers of
//! every process as `sweep_part` jobs, waits for them, and judges what they found.
//!
//! Cancelled, it stops its parts, keeps what is there and judges it if that is quick; retried, it goes on with
//! what is missing.

mod model;
mod part;

pub use part::SweepPart;

use super::backtest::{load, name_fallback};
use super::enqueue::{Options, enqueue};
use super::running::Stop;
use super::{Defaults, Done, Job, JobError, Running};
use crate::backtest::sweep::{Currency, Judgement, Plan, Trials, WalkForwardDays, judge};
use crate::backtest::{Answers, Data, Setup};
use crate::clock::derived_id;
use crate::ctx::{CODE_VERSION, Ctx};
use crate::db::sweeps::{self, End, NewSweep, SweepRow};
use crate::db::{Tx, jobs, jobs_control};
use crate::domain::instrument::DAY_MS;
use anyhow::{Context, anyhow};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// A plan over the settings of a `backtest` job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// The chain store: `recorded`, `deribit`, or `synthetic`, which is made from `market_seed`.
    pub source: String,
    /// Settings that do not vary.
    #[serde(default)]
    pub settings: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_seed: Option<String>,
    pub plan: Plan,
    /// What the ranking and the statistics count in.
    #[serde(default)]
    pub currency: Currency,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walk_forward: Option<WalkForwardDays>,
}

/// Settings in one part at most, and parts a sweep is cut into at most.
const PART_MAX: usize = 50;
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Job for Sweep {
    const KIND: &'static str = "sweep";
    const DEFAULTS: Defaults = Defaults {
        // It only waits for its parts.
        concurrency: 4,
        timeout_ms: 24 * 3_600_000,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let trials = self
            .plan
            .trials(&self.settings)
            .map_err(|error| JobError::Abort(error.into()))?;
        let row = match sweeps::of_job(&ctx.db, &job.id).await? {
            Some(row) => self.go_on(&ctx, job, row, &trials).await?,
            None => self.begin(&ctx, job, &trials).await?,
        };
        let end = match wait(&ctx, job, &row.id).await {
            Ok(()) => End::Done,
            Err(JobError::Cancelled) if job.control().stopped() == Some(Stop::Cancelled) => {
                // First what must not be lost: a worker waits only so long for a cancelled job to judge.
                let mut tx = ctx.db.begin().await?;
                sweeps::set_stopped(&mut tx, &row.id, true, ctx.clock.wall_ms()).await?;
                tx.commit().await?;
                stop_parts(&ctx, &job.id).await?;
                End::Stopped
            }
            Err(JobError::Abort(error)) => {
                stop_parts(&ctx, &job.id).await?;
                let mut tx = ctx.db.begin().await?;
                sweeps::fail(&mut tx, &row.id, &format!("{error:#}"), ctx.clock.wall_ms()).await?;
                tx.commit().await?;
                return Err(JobError::Abort(error));
            }
            Err(error) => return Err(error),
        };
        self.end(&ctx, job, &row, end).await
    }
}

impl Sweep {
    /// The row of a new sweep and its parts, in one transaction.
    async fn begin(&self, ctx: &Ctx, job: &Running, trials: &Trials) -> Result<SweepRow, JobError> {
        let setup = self.setup()?;
        let data = load(ctx, job, &self.source, self.market_seed.as_deref(), &setup).await?;
        self.check(&data)?;
        model::check(ctx, &trials.points)?;
        let settings = self.named(ctx, trials);
        let id = derived_id(ctx.clock.wall_ms(), &["sweep", &job.id]);
        let at = |snapshot: Option<&crate::backtest::Snapshot>| {
            snapshot.map_or(0, |one| one.chain.at_ms)
        };
        let snapshots = data.snapshots();
        let new = NewSweep {
            id: &id,
            job: &job.id,
            source: &self.source,
            market_seed: self.market_seed.as_deref(),
            underlying: setup.underlying.as_str(),
            plan: &self.plan,
            settings: &settings,
            currency: self.currency,
            walk_forward: self.walk_forward.as_ref(),
            data: &data.stamp,
            range: (at(snapshots.first()), at(snapshots.last())),
            runs: trials.points.len(),
            refused: trials.refused,
            code_version: CODE_VERSION,
            at_ms: ctx.clock.wall_ms(),
        };
        let mut tx = ctx.db.begin().await?;
        sweeps::begin(&mut tx, &new).await?;
        enqueue_parts(&mut tx, ctx, &job.id, &id, trials, 0).await?;
        tx.commit().await?;
        row(ctx, &id).await
    }

    /// Takes up a sweep that was interrupted; parts that were stopped are enqueued again.
    async fn go_on(
        &self,
        ctx: &Ctx,
        job: &Running,
        row: SweepRow,
        trials: &Trials,
    ) -> Result<SweepRow, JobError> {
        let parts = jobs::children(&ctx.db, &job.id).await?;
        let given_up = parts
            .iter()
            .any(|part| ["cancelled", "discarded"].contains(&part.state.as_str()));
        let mut tx = ctx.db.begin().await?;
        sweeps::set_stopped(&mut tx, &row.id, false, ctx.clock.wall_ms()).await?;
        if given_up {
            enqueue_parts(&mut tx, ctx, &job.id, &row.id, trials, job.attempt).await?;
        }
        tx.commit().await?;
        job.log(format!(
            "goes on after {} of {} settings",
            row.runs_done, row.runs
        ))
        .await;
        Ok(row)
    }

    /// The settings that do not vary, with the fallback of [llm] where a model decides and none is named.
    fn named(&self, ctx: &Ctx, trials: &Trials) -> Map<String, Value> {
        let mut settings = self.settings.clone();
        if model::of_plan(&trials.points).is_some() {
            name_fallback(ctx, &mut settings);
        }
        settings
    }

    /// The settings that do not vary, as one run would have them.
    fn setup(&self) -> Result<Setup, JobError> {
        let settings = Value::Object(self.settings.clone());
        Setup::parse(&settings).map_err(|error| JobError::Abort(error.into()))
    }

    /// What would only fail after hours of work.
    fn check(&self, data: &Data) -> Result<(), JobError> {
        let Some(plan) = &self.walk_forward else {
            return Ok(());
        };
        let days = days(data).len();
        let needed = (plan.train_days + plan.gap_days + plan.test_days) as usize;
        if plan.train_days == 0 || plan.test_days == 0 || needed > days {
            return Err(JobError::Abort(anyhow!(
                "walk_forward: train_days, gap_days and test_days need {needed} days, each but the gap at least one, and \
                 the data have {days}"
            )));
        }
        Ok(())
    }

    /// Judges what is there and stores it; a stopped sweep keeps it too.
    async fn end(
        &self,
        ctx: &Ctx,
        job: &Running,
        row: &SweepRow,
        end: End,
    ) -> Result<Done, JobError> {
        job.progress(1.0, "judging the runs").await;
        let found = self.judge(ctx, job, row).await?;
        let now = self::row(ctx, &row.id).await?;
        let done = json!({
            "sweep": row.id, "runs": now.runs_done, "failed": now.runs_failed,
            "deflated_sharpe": found.deflated_sharpe, "overfit_probability": found.overfit_probability,
        });
        let mut tx = ctx.db.begin().await?;
        sweeps::judged(&mut tx, &row.id, &found, end, ctx.clock.wall_ms()).await?;
        if end == End::Done {
            job.finish(&mut tx, &done).await?;
        }
        tx.commit().await?;
        match end {
            End::Done => Ok(done),
            End::Stopped => Err(JobError::Cancelled),
        }
    }

    async fn judge(&self, ctx: &Ctx, job: &Running, row: &SweepRow) -> Result<Judgement, JobError> {
        let setup = self.setup()?;
        let data = part::shared(ctx, job, row, &setup).await?;
        let tried = sweeps::tried(&ctx.db, &row.id).await?;
        let (currency, plan, seed) = (self.currency, self.walk_forward, self.plan.seed.clone());
        let work = move || judge(&tried, &days(&data), currency, plan.as_ref(), &seed);
        Ok(tokio::task::spawn_blocking(work).await??)
    }
}

/// The days of UTC with a snapshot, by their first instant.
fn days(data: &Data) -> Vec<i64> {
    let mut days: Vec<i64> = data
        .snapshots()
        .iter()
        .map(|one| one.chain.at_ms.div_euclid(DAY_MS) * DAY_MS)
        .collect();
    days.dedup();
    days
}

/// Enough parts that many workers find some, and so few that each is worth its reading of the market. What asks
/// a model is a part of its own: a budget for a run is for one setting.
async fn enqueue_parts(
    tx: &mut Tx,
    ctx: &Ctx,
    job: &str,
    sweep: &str,
    trials: &Trials,
    round: i64,
) -> Result<(), JobError> {
    let runs = trials.points.len();
    let size = match model::of_plan(&trials.points) {
        Some(Answers::Ask) => 1,
        _ => runs
            .div_ceil(64)
            .clamp(runs.min(10), PART_MAX.max(runs.div_ceil(200))),
    };
    for first in (0..runs).step_by(size.max(1)) {
        let part = SweepPart {
            sweep: sweep.to_owned(),
            first,
            count: size.min(runs - first),
        };
        let options = Options {
            parent: Some(job.to_owned()),
            unique_key: Some(format!("{sweep}:{first}:{round}")),
            ..Options::default()
        };
        enqueue(tx, ctx, &part, options).await?;
    }
    Ok(())
}

/// Until every setting has been tried; fails when a part was given up.
async fn wait(ctx: &Ctx, job: &Running, sweep: &str) -> Result<(), JobError> {
    loop {
        job.check()?;
        let row = row(ctx, sweep).await?;
        if row.runs_done >= row.runs {
            return Ok(());
        }
        let note = format!("{} of {} settings", row.runs_done, row.runs);
        job.progress(row.runs_done as f64 / row.runs.max(1) as f64, note)
            .await;
        given_up(ctx, &job.id).await?;
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = job.token().cancelled_owned() => {}
        }
    }
}

/// A part that will not run any more, unless its work was enqueued again since.
async fn given_up(ctx: &Ctx, job: &str) -> Result<(), JobError> {
    let parts = jobs::children(&ctx.db, job).await?;
    let open = |part: &&jobs::JobRow| {
        !["succeeded", "cancelled", "discarded"].contains(&part.state.as_str())
    };
    if parts.iter().any(|part| open(&part)) {
        return Ok(());
    }
    let lost = parts.iter().rev().find(|part| part.state != "succeeded");
    match lost {
        Some(part) => Err(JobError::Abort(anyhow!(
            "its part {} was {}: {}; retry the sweep to try what is missing",
            part.id,
            part.state,
            part.error.as_deref().unwrap_or("no reason was stored")
        ))),
        // All have succeeded: the last rows are counted by the next look.
        None => Ok(()),
    }
}

async fn stop_parts(ctx: &Ctx, job: &str) -> Result<(), JobError> {
    for part in jobs::children(&ctx.db, job).await? {
        let mut tx = ctx.db.begin().await?;
        jobs_control::cancel(&mut tx, &ctx.clock, &part.id).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn row(ctx: &Ctx, id: &str) -> Result<SweepRow, JobError> {
    let row = sweeps::get(&ctx.db, id).await?;
    Ok(row.with_context(|| format!("sweep {id} is gone"))?)
}
