//! A desk whose only kind of work is a probe that does what its payload says.

use super::{TestDb, postgres, sqlite};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use thetaq::clock::{Clock, Stopwatch, Time};
use thetaq::config::{Config, JobConfig, Missed};
use thetaq::ctx::Ctx;
use thetaq::db::jobs::{self, Filter, JobRow, NewJob};
use thetaq::db::workers::{self, WorkerRow};
use thetaq::db::{Db, jobs_control};
use thetaq::jobs::{Defaults, Done, Job, JobError, Options, Registry, Running, enqueue, work};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Does what `what` says; any other word leaves an effect in the transaction that acknowledges.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Probe {
    what: String,
}

impl Probe {
    pub(crate) fn new(what: &str) -> Self {
        Self {
            what: what.to_owned(),
        }
    }
}

/// The trace a probe leaves: a row that no worker runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Effect {
    what: String,
    n: u64,
}

impl Job for Effect {
    const KIND: &'static str = "effect";

    async fn run(self, _: Ctx, _: &mut Running) -> Result<Done, JobError> {
        Ok(Value::Null)
    }
}

impl Job for Probe {
    const KIND: &'static str = "probe";
    const DEFAULTS: Defaults = Defaults {
        concurrency: 4,
        timeout_ms: 20_000,
        backoff_ms: 50,
        targets: |_| vec![(String::new(), json!({"what": "slot"}))],
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let nap = |ms| tokio::time::sleep(Duration::from_millis(ms));
        match self.what.as_str() {
            "echo" => return Ok(json!({"echo": self.what})),
            "fail" => return Err(JobError::Retry(anyhow::anyhow!("broken on purpose"))),
            "fail_once" if job.attempt == 1 => Err(anyhow::anyhow!("once"))?,
            "retry_in" => {
                let wait = Duration::from_millis(300);
                return Err(JobError::RetryIn(wait, anyhow::anyhow!("a little later")));
            }
            "abort" => return Err(JobError::Abort(anyhow::anyhow!("never again"))),
            "panic" => panic!("boom"),
            "hang" => job.token().cancelled().await,
            "ignore" => nap(60_000).await,
            "wait" => loop {
                job.check()?;
                nap(20).await;
            },
            "nap" => {
                nap(300).await;
                return Ok(Value::Null);
            }
            // Stops when asked to, but with an error of its own.
            "sulk" => {
                job.token().cancelled().await;
                return Err(JobError::Retry(anyhow::anyhow!("stopped badly")));
            }
            // Is cancelled and fails before its worker can have seen the request.
            "cancel_and_fail" => {
                let mut tx = ctx.db.begin().await?;
                jobs_control::cancel(&mut tx, &ctx.clock, &job.id).await?;
                tx.commit().await?;
                return Err(JobError::Retry(anyhow::anyhow!("broken on purpose")));
            }
            "lose_commit" if job.attempt == 1 => {
                let mut tx = ctx.db.begin().await?;
                job.finish(&mut tx, &Value::Null).await?;
                drop(tx);
                return Err(JobError::Retry(anyhow::anyhow!("lost at the commit")));
            }
            "short" => nap(300).await,
            "slow" => nap(3_000).await,
            "report" => {
                job.log("line").await;
                job.progress(0.5, "half").await;
                nap(800).await;
            }
            _ => {}
        }
        leave_effect(&ctx, job, self.what).await
    }
}

async fn leave_effect(ctx: &Ctx, job: &Running, what: String) -> Result<Done, JobError> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut tx = ctx.db.begin().await?;
    let parent = Options {
        parent: Some(job.id.clone()),
        ..Options::default()
    };
    enqueue(&mut tx, ctx, &Effect { what, n }, parent).await?;
    job.finish(&mut tx, &Value::Null).await?;
    tx.commit().await?;
    Ok(Value::Null)
}

/// A database, a context over it and the registry of the probe.
pub(crate) struct Desk {
    pub(crate) ctx: Ctx,
    pub(crate) registry: Arc<Registry>,
    pub(crate) url: String,
    _test: Option<TestDb>,
}

/// A worker of this process.
pub(crate) struct Worker {
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Worker {
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }
}

/// Work of no effort, claimed in batches.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Tiny {}

impl Job for Tiny {
    const KIND: &'static str = "tiny";
    const DEFAULTS: Defaults = Defaults {
        concurrency: 16,
        prefetch: 184,
        ..Defaults::STANDARD
    };

    async fn run(self, _: Ctx, _: &mut Running) -> Result<Done, JobError> {
        Ok(Value::Null)
    }
}

/// Runs `check` on both engines at the same time: most of it is waiting.
pub(crate) async fn on_each_engine(check: impl AsyncFn(Desk)) {
    let sqlite = async { check(Desk::of(sqlite().await)).await };
    let postgres = async { check(Desk::of(postgres().await)).await };
    futures::future::join(sqlite, postgres).await;
}

impl Desk {
    pub(crate) fn of(test: TestDb) -> Self {
        let (db, url) = (test.db.clone(), test.url.clone());
        let mut config = Config::default();
        config.queue.lease_ms = 1_500;
        config.queue.shutdown_ms = 700;
        Self {
            _test: Some(test),
            ..Self::over(db, &url, config)
        }
    }

    /// The desk of a database that another process made.
    pub(crate) fn over(db: Db, url: &str, config: Config) -> Self {
        Self {
            ctx: Ctx::with_clock(db, "live", Clock::real(), Arc::new(config)),
            registry: Arc::new(Registry::new().register::<Probe>().register::<Tiny>()),
            url: url.to_owned(),
            _test: None,
        }
    }

    /// Changes what workers.toml would say about the probe.
    pub(crate) fn configure(&mut self, change: impl FnOnce(&mut JobConfig)) {
        self.set_config(|config| change(config.jobs.entry("probe".to_owned()).or_default()));
    }

    pub(crate) fn set_config(&mut self, change: impl FnOnce(&mut Config)) {
        let mut config = (*self.ctx.config).clone();
        change(&mut config);
        self.ctx.config = Arc::new(config);
    }

    pub(crate) fn schedule(&mut self, cron: &str, missed: Missed) {
        self.configure(|probe| {
            probe.schedule = Some(cron.to_owned());
            probe.missed = Some(missed);
        });
    }

    /// Replaces the clock by one that stands at `now_ms`.
    pub(crate) fn manual(&mut self, now_ms: i64) {
        self.ctx.clock = Clock::manual(now_ms, &["queue", &now_ms.to_string()]);
    }

    pub(crate) fn set(&self, now_ms: i64) {
        self.ctx.clock.set(Time::Manual { now_ms });
    }

    pub(crate) fn start(&self) -> Worker {
        let stop = CancellationToken::new();
        let task = tokio::spawn(work(self.ctx.clone(), self.registry.clone(), stop.clone()));
        Worker { stop, task }
    }

    pub(crate) async fn enqueue(&self, probe: Probe, options: Options) -> String {
        let mut tx = self.ctx.db.begin().await.unwrap();
        let done = enqueue(&mut tx, &self.ctx, &probe, options).await.unwrap();
        tx.commit().await.unwrap();
        done.id
    }

    pub(crate) async fn enqueue_raw(&self, args: Value) -> String {
        let mut tx = self.ctx.db.begin().await.unwrap();
        let job = self.raw(args);
        let done = jobs::enqueue(&mut tx, &self.ctx.clock, &job).await.unwrap();
        tx.commit().await.unwrap();
        done.id
    }

    /// Asks a job to stop, as a person does.
    pub(crate) async fn cancel(&self, id: &str) {
        let mut tx = self.ctx.db.begin().await.unwrap();
        jobs_control::cancel(&mut tx, &self.ctx.clock, id)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    pub(crate) async fn pause(&self, queue: &str, paused: bool) {
        let mut tx = self.ctx.db.begin().await.unwrap();
        jobs_control::set_paused(&mut tx, &self.ctx.clock, queue, paused)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// A probe with a payload that its type does not know.
    pub(crate) fn raw(&self, args: Value) -> NewJob {
        NewJob {
            desk: self.ctx.desk.clone(),
            kind: "probe",
            queue: "probe".to_owned(),
            args,
            priority: 0,
            run_at_ms: self.ctx.clock.wall_ms(),
            expires_at_ms: None,
            unique_key: None,
            parent: None,
            slot_ms: None,
            max_attempts: 3,
        }
    }

    pub(crate) async fn finished(&self, id: &str) -> JobRow {
        self.row_when(id, JobRow::is_finished).await
    }

    pub(crate) async fn in_state(&self, id: &str, state: &str) -> JobRow {
        self.row_when(id, |row| row.state == state).await
    }

    /// The row once it is as wanted, within 30 s.
    pub(crate) async fn row_when(&self, id: &str, wanted: impl Fn(&JobRow) -> bool) -> JobRow {
        let watch = Stopwatch::start();
        loop {
            let row = jobs::get(&self.ctx.db, id).await.unwrap().unwrap();
            if wanted(&row) {
                return row;
            }
            assert!(watch.elapsed() < Duration::from_secs(30), "{row:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Every job of a kind, the oldest first.
    pub(crate) async fn jobs_of(&self, kind: &str) -> Vec<JobRow> {
        let filter = Filter {
            kind: Some(kind.to_owned()),
            limit: 100_000,
            ..Filter::default()
        };
        let mut rows = jobs::list(&self.ctx.db, &filter).await.unwrap();
        rows.reverse();
        rows
    }

    /// Every worker process known to the database, once they are as wanted, within 30 s.
    pub(crate) async fn workers_when(
        &self,
        wanted: impl Fn(&[WorkerRow]) -> bool,
    ) -> Vec<WorkerRow> {
        let watch = Stopwatch::start();
        loop {
            let rows = workers::list(&self.ctx.db).await.unwrap();
            if wanted(&rows) {
                return rows;
            }
            assert!(watch.elapsed() < Duration::from_secs(30), "{rows:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What probes left behind, in the order in which they did.
    pub(crate) async fn effects(&self) -> Vec<String> {
        let mut rows = self.jobs_of("effect").await;
        rows.sort_by_key(|row| row.args["n"].as_u64());
        let word = |row: JobRow| row.args["what"].as_str().unwrap().to_owned();
        rows.into_iter().map(word).collect()
    }
}
