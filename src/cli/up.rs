//! `thetaq up` and `thetaq web`: the dashboard, with workers in the same process or without.
//!
//! The address it listens on is a row while it runs, so that `thetaq login` can lead there.

use super::follow::live;
use super::session::Session;
use super::work::{self, stop_on_signal};
use crate::config::is_address;
use crate::ctx::{Ctx, Purpose};
use crate::db::access;
use crate::jobs::registry;
use crate::web;
use clap::Args;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Open the desk: workers and dashboard in one process (what `thetaq` alone does)
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq up\n  thetaq up --bind 127.0.0.1:9000\n  thetaq up --database-url postgres://me@db/desk"
)]
pub(super) struct Up {
    #[command(flatten)]
    place: Place,
}

/// Serve the dashboard alone; workers run elsewhere on the same database
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq web\n  thetaq web --bind 127.0.0.1:9000\n\nA browser logs in with the address printed at start, or with a fresh one from `thetaq login`;\nprograms with a token from `thetaq token NAME`."
)]
pub(super) struct Web {
    #[command(flatten)]
    place: Place,
}

/// What a person has to know about a login address.
pub(super) const ONCE: &str = "It works once, within an hour; `thetaq login` prints another.";

#[derive(Clone, Debug, Default, Args)]
struct Place {
    /// Address of the dashboard; wins over [web] bind in workers.toml
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    bind: Option<String>,
}

fn address(text: &str) -> Result<String, &'static str> {
    let written = is_address(text).then(|| text.to_owned());
    written.ok_or("write HOST:PORT, for example 127.0.0.1:9000")
}

impl Up {
    /// What `thetaq` without a command does.
    pub(super) fn plain() -> Self {
        Self {
            place: Place::default(),
        }
    }

    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let (ctx, listener) = open(session, &self.place, Purpose::Work).await?;
        let stop = stop_on_signal()?;
        let served = serve(ctx.clone(), listener, stop.clone());
        let worked = work::run(ctx.clone(), registry::all(), stop);
        tokio::try_join!(served, worked)?;
        // Whichever ends last may still have a row to write.
        ctx.db.close().await;
        Ok(())
    }
}

impl Web {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let (ctx, listener) = open(session, &self.place, Purpose::Watch).await?;
        let stop = stop_on_signal()?;
        let follow = follow(ctx.clone(), stop.clone());
        let served = serve(ctx, listener, stop);
        tokio::try_join!(served, follow)?;
        Ok(())
    }
}

/// Binds before anything runs, so that a taken port is the first thing a person reads.
async fn open(
    session: &Session,
    place: &Place,
    purpose: Purpose,
) -> anyhow::Result<(Ctx, TcpListener)> {
    let mut session = session.clone();
    if let Some(bind) = &place.bind {
        session.config.web.bind.clone_from(bind);
    }
    let ctx = live(&session, purpose).await?;
    let listener = web::bind(&ctx).await?;
    let address = listener.local_addr()?;
    let mut tx = ctx.db.begin().await?;
    access::dashboard_started(&mut tx, &address.to_string(), ctx.clock.wall_ms()).await?;
    tx.commit().await?;
    let login = web::login_url(&ctx, address).await?;
    session
        .output
        .result(&serde_json::json!({"login": login}), || {
            format!("thetaq is open. Log in with this address:\n\n  {login}\n\n{ONCE}")
        })?;
    Ok((ctx, listener))
}

async fn serve(ctx: Ctx, listener: TcpListener, stop: CancellationToken) -> anyhow::Result<()> {
    // The other half of the process must not outlive this one.
    let guard = stop.clone().drop_guard();
    let address = listener.local_addr()?.to_string();
    let served = web::serve(ctx.clone(), listener, stop).await;
    drop(guard);
    let mut tx = ctx.db.begin().await?;
    access::dashboard_stopped(&mut tx, &address, ctx.clock.wall_ms()).await?;
    tx.commit().await?;
    served
}

/// Keeps desk time what the workers' processes say it is.
async fn follow(ctx: Ctx, stop: CancellationToken) -> anyhow::Result<()> {
    while !stop.is_cancelled() {
        ctx.refresh(Purpose::Watch).await?;
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
    Ok(())
}
