//! `thetaq work`: workers without the dashboard.

use super::follow::live;
use super::session::Session;
use crate::ctx::{Ctx, Purpose};
use crate::jobs::registry::{self, Registry};
use crate::jobs::worker;
use clap::Args;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Run jobs; as many processes as you like may share one database
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq work\n  thetaq work --kinds import\n  thetaq work --database-url postgres://me@db/desk"
)]
pub(super) struct Work {
    /// Kinds to run, separated by commas; all when absent
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    kinds: Vec<String>,
}

impl Work {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let registry = registry(&self.kinds)?;
        let ctx = live(session, Purpose::Work).await?;
        let stop = stop_on_signal()?;
        tracing::info!("workers run; stop them with Ctrl-C");
        let db = ctx.db.clone();
        run(ctx, registry, stop).await?;
        db.close().await;
        Ok(())
    }
}

/// Leaves the database open: a dashboard in the same process may have something to write yet.
pub(super) async fn run(
    ctx: Ctx,
    registry: Registry,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    tokio::select! {
        ended = worker::work(ctx, Arc::new(registry), stop.clone()) => Ok(ended?),
        second = second_signal(stop) => {
            second?;
            anyhow::bail!("a second signal stopped it at once; what ran will run again")
        }
    }
}

/// Resolves at the first signal after `stop`.
async fn second_signal(stop: CancellationToken) -> anyhow::Result<()> {
    stop.cancelled().await;
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

fn registry(kinds: &[String]) -> anyhow::Result<Registry> {
    let all = registry::all();
    if kinds.is_empty() {
        return Ok(all);
    }
    all.only(kinds)
        .map_err(|error| super::Usage(format!("--kinds: {error}")).into())
}

/// A token that SIGTERM and SIGINT cancel; [`run`] ends the process at once at the second one.
pub(super) fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: running jobs may finish");
        token.cancel();
    });
    Ok(stop)
}
