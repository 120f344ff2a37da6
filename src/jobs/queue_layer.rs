//! The outermost tower layer: runs a handler in a tokio task of its own and turns whatever becomes of it
//! (a result, a panic, a timeout, a cancellation) into the acknowledgement of its row.

use super::outcome::{End, panic_message, settle};
use super::queue::{Answer, Ended, Lane, Work};
use super::running::{Control, Running};
use apalis_core::error::BoxDynError;
use apalis_core::task::Task;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{sleep, timeout};
use tower::{Layer, Service};

/// How long a job may take to stop by itself before it is aborted.
const GRACE: Duration = Duration::from_millis(500);

#[derive(Clone, Debug)]
pub(crate) struct AcknowledgeLayer {
    pub(crate) lane: Arc<Lane>,
}

#[derive(Debug)]
pub(crate) struct Acknowledge<S> {
    inner: S,
    lane: Arc<Lane>,
}

impl<S> Layer<S> for AcknowledgeLayer {
    type Service = Acknowledge<S>;

    fn layer(&self, inner: S) -> Acknowledge<S> {
        Acknowledge {
            inner,
            lane: self.lane.clone(),
        }
    }
}

impl<S> Service<Task<Work>> for Acknowledge<S>
where
    S: Service<Task<Work>, Response = Answer> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxDynError> + Send + 'static,
{
    type Response = ();
    type Error = BoxDynError;
    type Future = BoxFuture<'static, Result<(), BoxDynError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxDynError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, task: Task<Work>) -> Self::Future {
        let lane = self.lane.clone();
        let running = lane.running(&task.args);
        let handler = self.inner.call(task);
        Box::pin(async move {
            let end = if running.cancelled() {
                End::Stopped
            } else {
                let handler = tokio::spawn(async move { handler.await.map_err(Into::into) });
                supervise(handler, running.control(), &lane).await
            };
            acknowledge(&lane, &running, end);
            Ok(())
        })
    }
}

type Handle = JoinHandle<Result<Answer, BoxDynError>>;

async fn supervise(mut handler: Handle, control: &Control, lane: &Lane) -> End {
    let limit = Duration::from_millis(lane.settings.timeout_ms.unsigned_abs());
    tokio::select! {
        biased;
        joined = &mut handler => ended(joined),
        () = control.token.cancelled() => match timeout(GRACE, &mut handler).await {
            Ok(joined) => ended(joined),
            Err(_) => abort(handler, control).await,
        },
        () = sleep(limit) => {
            // Threads of spawn_blocking cannot be aborted; they see the token.
            control.token.cancel();
            match abort(handler, control).await {
                End::Returned(Ok(done)) => End::Returned(Ok(done)),
                _ => End::TimedOut,
            }
        }
    }
}

/// Aborts the task and waits until it is gone, so that its transaction is rolled back.
async fn abort(mut handler: Handle, control: &Control) -> End {
    handler.abort();
    let stopped = control.stopped().map_or(End::TimedOut, |_| End::Stopped);
    match timeout(GRACE, &mut handler).await {
        Ok(Err(error)) if error.is_cancelled() => stopped,
        Ok(joined) => ended(joined),
        Err(_) => stopped,
    }
}

fn ended(joined: Result<Result<Answer, BoxDynError>, JoinError>) -> End {
    match joined {
        Ok(Ok((_, result))) => End::Returned(result),
        Ok(Err(error)) => End::Panicked(error.to_string()),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => End::Panicked(panic_message(&*panic)),
            Err(error) => End::Panicked(error.to_string()),
        },
    }
}

fn acknowledge(lane: &Lane, running: &Running, end: End) {
    let ack = settle(running, end, &lane.settings, lane.ctx.clock.wall_ms());
    if let Some(error) = ack.as_ref().and_then(|ack| ack.error()) {
        tracing::warn!(
            job.kind = running.kind,
            job.id = running.id,
            job.attempt = running.attempt,
            error,
            "job failed"
        );
    }
    let sent = lane.ended.send(Ended {
        id: running.id.clone(),
        ack,
    });
    if sent.is_err() {
        tracing::warn!(
            job.id = running.id,
            "the pump has ended; the job's lease will run out"
        );
    }
}
