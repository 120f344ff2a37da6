//! Which kinds of work exist, and how each is run. [`all`] is the table of contents of the spine.

use super::enqueue::new_job;
use super::{Done, Job, JobError, Options, Running};
use crate::config::{Config, Missed};
use crate::ctx::Ctx;
use crate::db::Tx;
use crate::db::jobs::{self, Enqueued, NewJob};
use futures::future::BoxFuture;
use serde_json::Value;
use std::collections::BTreeMap;

/// Every kind of the product, in the order of the flow.
pub fn all() -> Registry {
    Registry::new()
        .register::<super::import::Import>()
        .register::<super::fetch_history::FetchHistory>()
        .register::<super::sync_instruments::SyncInstruments>()
        .register::<super::record_market::RecordMarket>()
        .register::<super::tick::Tick>()
        .register::<super::trade::Trade>()
        .register::<super::reconcile::Reconcile>()
        .register::<super::settle::Settle>()
        .register::<super::council::Council>()
        .register::<super::score_council::ScoreCouncil>()
        .register::<super::close::Close>()
        .register::<super::replay_decision::ReplayDecision>()
        .register::<super::backtest::Backtest>()
        .register::<super::lookahead::Lookahead>()
        .register::<super::what_if::WhatIf>()
        .register::<super::sweep::Sweep>()
        .register::<super::sweep::SweepPart>()
        .register::<super::drift::Drift>()
        .register::<super::train::Train>()
        .register::<super::collect::Collect>()
        .register::<super::evaluate::Evaluate>()
        .register::<super::export::Export>()
        .register::<super::chat::Chat>()
        .register::<super::insight::Insight>()
        .register::<super::prune::Prune>()
}

/// Kinds by name. Passed as a value, so that tests and benchmarks run kinds of their own.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    kinds: BTreeMap<&'static str, Kind>,
}

/// One kind with its type erased: a name, defaults, and how to decode and run a payload.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub name: &'static str,
    pub defaults: Defaults,
    run: Run,
    check: fn(&Value) -> Result<(), serde_json::Error>,
}

type Run = for<'a> fn(Ctx, &'a str, &'a mut Running) -> BoxFuture<'a, Result<Done, JobError>>;

/// How a kind is run; `[jobs.KIND]` of workers.toml overrides single keys.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    /// Name it is counted and paused under; the kind's own when empty.
    pub queue: Option<&'static str>,
    /// Higher runs first, within the kind.
    pub priority: i64,
    /// Jobs of this kind at once in one process; [`Defaults::PER_CORE`] is one for each core.
    pub concurrency: usize,
    /// Jobs claimed ahead of a free slot: 100 to 500 for tiny jobs, 0 for long ones.
    pub prefetch: usize,
    /// One attempt may take so long, milliseconds.
    pub timeout_ms: i64,
    pub max_attempts: u32,
    /// First wait before a retry, milliseconds; it doubles with jitter, up to an hour.
    pub backoff_ms: i64,
    /// At most one job per queue name runs at once, over all processes.
    pub serial: bool,
    /// An attempt goes on from what earlier ones stored, so that a person may pause a running job.
    pub goes_on: bool,
    pub schedule: Schedule,
    /// What becomes of slots that passed while no process was alive.
    pub missed: Missed,
    /// A scheduled job that has not started so long after its slot is discarded, wall milliseconds.
    pub stale_after_ms: Option<i64>,
    /// What one slot enqueues: (suffix of the schedule's name, args), for example one per underlying.
    pub targets: fn(&Config) -> Vec<(String, Value)>,
}

/// When a kind runs by itself.
#[derive(Clone, Copy, Debug)]
pub enum Schedule {
    Off,
    /// Cron with seconds, UTC, in desk time.
    Cron(&'static str),
    /// A cron expression that depends on the configuration, for example on the desk's speed.
    Auto(fn(&Config) -> String),
}

impl Defaults {
    /// One job at a time on each core of the machine.
    pub const PER_CORE: usize = 0;

    /// One at a time, a minute, three attempts, no schedule.
    pub const STANDARD: Self = Self {
        queue: None,
        priority: 0,
        concurrency: 1,
        prefetch: 0,
        timeout_ms: 60_000,
        max_attempts: 3,
        backoff_ms: 1_000,
        serial: false,
        goes_on: false,
        schedule: Schedule::Off,
        missed: Missed::RunOnce,
        stale_after_ms: None,
        targets: |_| vec![(String::new(), Value::Object(serde_json::Map::new()))],
    };
}

/// Defaults of a kind with workers.toml laid over them.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub queue: String,
    pub priority: i64,
    pub concurrency: usize,
    pub prefetch: usize,
    pub timeout_ms: i64,
    pub max_attempts: i64,
    pub backoff_ms: i64,
    pub serial: bool,
    /// Cron expression; `None` never runs by itself.
    pub schedule: Option<String>,
    pub missed: Missed,
    pub stale_after_ms: Option<i64>,
}

impl Settings {
    pub fn of(kind: &str, defaults: &Defaults, config: &Config) -> Self {
        let none = crate::config::JobConfig::default();
        let set = config.jobs.get(kind).unwrap_or(&none);
        Self {
            queue: set
                .queue
                .clone()
                .unwrap_or_else(|| defaults.queue.unwrap_or(kind).to_owned()),
            priority: defaults.priority,
            concurrency: concurrency(set.concurrency.unwrap_or(defaults.concurrency)),
            prefetch: defaults.prefetch,
            timeout_ms: set.timeout_ms.unwrap_or(defaults.timeout_ms),
            max_attempts: i64::from(set.max_attempts.unwrap_or(defaults.max_attempts)),
            backoff_ms: set.backoff_ms.unwrap_or(defaults.backoff_ms),
            serial: defaults.serial,
            schedule: schedule(set.schedule.as_deref(), defaults, config),
            missed: set.missed.unwrap_or(defaults.missed),
            stale_after_ms: defaults.stale_after_ms,
        }
    }
}

fn concurrency(set: usize) -> usize {
    match set {
        Defaults::PER_CORE => std::thread::available_parallelism().map_or(1, usize::from),
        jobs => jobs,
    }
}

fn schedule(set: Option<&str>, defaults: &Defaults, config: &Config) -> Option<String> {
    match (set, defaults.schedule) {
        (Some("off"), _) | (None | Some("auto"), Schedule::Off) => None,
        (None | Some("auto"), Schedule::Auto(cron)) => Some(cron(config)),
        (None | Some("auto"), Schedule::Cron(cron)) | (Some(cron), _) => Some(cron.to_owned()),
    }
}

impl Registry {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a kind; panics when its name is taken, since a name is never reused.
    #[must_use]
    pub fn register<J: Job>(mut self) -> Self {
        let kind = Kind {
            name: J::KIND,
            defaults: J::DEFAULTS,
            run: run_as::<J>,
            check: check_as::<J>,
        };
        let taken = self.kinds.insert(J::KIND, kind).is_some();
        assert!(!taken, "two kinds of job are named {}", J::KIND);
        self
    }

    /// The same registry with the named kinds only; `Err` names one that does not exist.
    pub fn only(&self, names: &[String]) -> anyhow::Result<Self> {
        let kinds = names.iter().map(|name| self.known(name));
        Ok(Self {
            kinds: kinds
                .map(|kind| kind.map(|kind| (kind.name, *kind)))
                .collect::<anyhow::Result<_>>()?,
        })
    }

    /// Kinds by name, in the order of the alphabet.
    pub fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.values()
    }

    pub fn get(&self, name: &str) -> Option<&Kind> {
        self.kinds.get(name)
    }

    /// Enqueues a job of a kind known by name only, after checking that the payload decodes.
    pub async fn enqueue(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        name: &str,
        args: Value,
        options: Options,
    ) -> anyhow::Result<Enqueued> {
        let row = self.row(ctx, name, args, options)?;
        Ok(jobs::enqueue(tx, &ctx.clock, &row).await?)
    }

    /// [`Self::enqueue`] of a job that comes with no other row, in a transaction of its own.
    pub async fn enqueue_alone(
        &self,
        ctx: &Ctx,
        name: &str,
        args: Value,
        options: Options,
    ) -> anyhow::Result<Enqueued> {
        let row = self.row(ctx, name, args, options)?;
        Ok(jobs::enqueue_alone(&ctx.db, &ctx.clock, &row).await?)
    }

    fn row(&self, ctx: &Ctx, name: &str, args: Value, options: Options) -> anyhow::Result<NewJob> {
        let kind = self.known(name)?;
        kind.check(&args)?;
        Ok(new_job(
            ctx,
            kind.name,
            args,
            &kind.settings(&ctx.config),
            options,
        ))
    }

    /// The kind of that name; the error names those there are.
    pub fn known(&self, name: &str) -> anyhow::Result<&Kind> {
        self.get(name).ok_or_else(|| {
            let names: Vec<_> = self.kinds.keys().copied().collect();
            anyhow::anyhow!(
                "no kind of job is named `{name}`; there are {}",
                names.join(", ")
            )
        })
    }
}

impl Kind {
    pub fn settings(&self, config: &Config) -> Settings {
        Settings::of(self.name, &self.defaults, config)
    }

    /// The kind's own values for every key of `[jobs.KIND]`.
    pub fn defaults(&self, config: &Config) -> crate::config::JobConfig {
        let own = Config {
            jobs: BTreeMap::new(),
            ..config.clone()
        };
        let settings = self.settings(&own);
        crate::config::JobConfig {
            queue: Some(settings.queue),
            // Not the cores of this machine: the text of the file is the same everywhere.
            concurrency: Some(self.defaults.concurrency),
            timeout_ms: Some(settings.timeout_ms),
            max_attempts: u32::try_from(settings.max_attempts).ok(),
            backoff_ms: Some(settings.backoff_ms),
            schedule: settings.schedule.or_else(|| Some("off".to_owned())),
            missed: Some(settings.missed),
        }
    }

    /// Whether a payload decodes.
    pub fn check(&self, args: &Value) -> anyhow::Result<()> {
        (self.check)(args).map_err(|error| {
            anyhow::anyhow!("the args of a `{}` job do not decode: {error}", self.name)
        })
    }

    /// Decodes the payload and runs it; a payload that does not decode aborts the job.
    pub(crate) fn run<'a>(
        &self,
        ctx: Ctx,
        args: &'a str,
        running: &'a mut Running,
    ) -> BoxFuture<'a, Result<Done, JobError>> {
        (self.run)(ctx, args, running)
    }
}

fn check_as<J: Job>(args: &Value) -> Result<(), serde_json::Error> {
    J::deserialize(args).map(drop)
}

fn run_as<'a, J: Job>(
    ctx: Ctx,
    args: &'a str,
    running: &'a mut Running,
) -> BoxFuture<'a, Result<Done, JobError>> {
    Box::pin(async move {
        let job: J = serde_json::from_str(args).map_err(|error| {
            JobError::Abort(anyhow::anyhow!("the payload does not decode: {error}"))
        })?;
        job.run(ctx, running).await
    })
}
