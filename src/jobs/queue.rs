//! Our rows as an apalis backend: the only files that name apalis are this one and `queue_layer`.
//!
//! A [`Lane`] carries one kind from the pump (which claims) through an apalis worker (which runs) back
//! to the pump (which acknowledges). apalis's own storages and its retry, timeout and panic layers are not
//! used: their outcome would miss the row.

use super::queue_layer::AcknowledgeLayer;
use super::registry::{Kind, Settings};
use super::running::{Control, Running};
use super::{Done, JobError};
use crate::ctx::Ctx;
use crate::db::jobs_turn::{Ack, Claimed};
use apalis::layers::WorkerBuilderExt;
use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::task::Task;
use apalis_core::worker::builder::WorkerBuilder;
use apalis_core::worker::context::WorkerContext;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::sync::{Notify, mpsc};
use tower::Service;

/// One kind's way through this process.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) ctx: Ctx,
    pub(crate) kind: Kind,
    pub(crate) settings: Settings,
    pub(crate) flights: Arc<Flights>,
    /// Set by the scout when jobs of the kind wait.
    pub(crate) wake: Notify,
    /// Attempts that ended, on their way to the pump.
    pub(crate) ended: mpsc::UnboundedSender<Ended>,
    inbox: Mutex<Inbox>,
}

/// An attempt that ended; `None` when there is nothing to acknowledge.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) id: String,
    pub(crate) ack: Option<Ack>,
}

/// A claimed job on its way to a worker.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) claimed: Claimed,
    pub(crate) control: Arc<Control>,
}

impl Work {
    pub(crate) fn new(claimed: Claimed) -> Self {
        Self {
            claimed,
            control: Arc::default(),
        }
    }
}

#[derive(Debug, Default)]
struct Inbox {
    waiting: VecDeque<Work>,
    waker: Option<Waker>,
    closed: bool,
}

impl Lane {
    pub(crate) fn new(
        ctx: Ctx,
        kind: Kind,
        flights: Arc<Flights>,
        ended: mpsc::UnboundedSender<Ended>,
    ) -> Self {
        let settings = kind.settings(&ctx.config);
        Self {
            ctx,
            kind,
            settings,
            flights,
            wake: Notify::new(),
            ended,
            inbox: Mutex::default(),
        }
    }

    pub(crate) fn running(&self, work: &Work) -> Running {
        Running::new(
            &work.claimed,
            &self.ctx.desk,
            self.kind.name,
            self.flights.owner.clone(),
            self.ctx.clock.clone(),
            work.control.clone(),
        )
    }

    /// Hands claimed jobs to the apalis worker.
    pub(crate) fn deliver(&self, work: Vec<Work>) {
        let mut inbox = self.inbox();
        inbox.waiting.extend(work);
        wake(inbox);
    }

    /// Takes back what no worker has started; nothing is handed out afterwards.
    pub(crate) fn recall(&self) -> Vec<Work> {
        self.inbox().waiting.drain(..).collect()
    }

    /// Lets the apalis worker end once it has nothing left to run.
    pub(crate) fn close(&self) {
        let mut inbox = self.inbox();
        inbox.closed = true;
        wake(inbox);
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(mut inbox: MutexGuard<'_, Inbox>) {
    let waker = inbox.waker.take();
    drop(inbox);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Everything this process has claimed and not yet acknowledged.
#[derive(Debug)]
pub(crate) struct Flights {
    /// Fresh per process start, so that a restarted worker never takes a lost job for its own.
    pub(crate) owner: Arc<str>,
    pub(crate) done: AtomicI64,
    held: Mutex<BTreeMap<String, Work>>,
}

impl Flights {
    pub(crate) fn new(owner: Arc<str>) -> Self {
        Self {
            owner,
            done: AtomicI64::new(0),
            held: Mutex::default(),
        }
    }

    pub(crate) fn hold(&self, work: &[Work]) {
        let mut held = self.held();
        for one in work {
            held.insert(one.claimed.id.clone(), one.clone());
        }
    }

    /// Forgets jobs whose acknowledgement is written or void.
    pub(crate) fn release<'a>(&self, ids: impl Iterator<Item = &'a str>) {
        let mut held = self.held();
        for id in ids {
            held.remove(id);
            self.done.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn held(&self) -> MutexGuard<'_, BTreeMap<String, Work>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs an apalis worker over the lane until the lane is closed and empty.
pub(crate) fn run(lane: Arc<Lane>) -> BoxFuture<'static, anyhow::Result<()>> {
    let name = lane.kind.name;
    let concurrency = lane.settings.concurrency;
    let handler = Handler { lane: lane.clone() };
    let worker = WorkerBuilder::new(name)
        .backend(LaneBackend { lane })
        .concurrency(concurrency)
        .build(handler);
    async move { worker.run().await.map_err(Into::into) }.boxed()
}

struct LaneBackend {
    lane: Arc<Lane>,
}

impl Backend for LaneBackend {
    type Task = Task<Work>;
    type Error = Infallible;

    fn poll_ready(
        &mut self,
        _: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Infallible>>> {
        let mut inbox = self.lane.inbox();
        match inbox.waiting.pop_front() {
            Some(work) => Poll::Ready(Some(Ok(Task::new(work)))),
            None if inbox.closed => Poll::Ready(None),
            None => {
                inbox.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn poll_close(
        &mut self,
        _: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        // A worker whose backend has run dry waits for this call before it ends.
        if !worker.is_stopped() && worker.stop().is_err() {
            tracing::debug!("the worker had stopped by itself");
        }
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for LaneBackend {
    type Args = Work;
    type Id = String;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = AcknowledgeLayer;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> AcknowledgeLayer {
        AcknowledgeLayer {
            lane: self.lane.clone(),
        }
    }
}

/// The innermost service: decodes the payload and calls the kind's handler.
#[derive(Clone)]
struct Handler {
    lane: Arc<Lane>,
}

/// A handler's answer travels as a value: an error of the service itself would be apalis's to interpret.
pub(crate) type Answer = (Running, Result<Done, JobError>);

impl Service<Task<Work>> for Handler {
    type Response = Answer;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Answer, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, task: Task<Work>) -> Self::Future {
        let lane = self.lane.clone();
        Box::pin(async move {
            let mut running = lane.running(&task.args);
            let args = &task.args.claimed.args;
            let result = lane.kind.run(lane.ctx.clone(), args, &mut running).await;
            Ok((running, result))
        })
    }
}
