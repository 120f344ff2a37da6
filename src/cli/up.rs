//! `thetaq up` and `thetaq web`: the dashboard, with workers in the same process or without.

use super::follow::live;
use super::session::Session;
use super::work::{self, stop_on_signal};
use crate::ctx::{Ctx, Purpose};
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
    after_help = "Examples:\n  thetaq web\n  thetaq web --bind 127.0.0.1:9000\n  thetaq web --new-token laptop    make a token for programs and stop"
)]
pub(super) struct Web {
    #[command(flatten)]
    place: Place,
    /// Make a token for `Authorization: Bearer`, print it once, and stop
    #[arg(long, value_name = "NAME")]
    new_token: Option<String>,
}

#[derive(Clone, Debug, Default, Args)]
struct Place {
    /// Address of the dashboard; wins over [web] bind in workers.toml
    #[arg(long, value_name = "HOST:PORT")]
    bind: Option<String>,
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
        let worked = work::run(ctx, registry::all(), stop);
        tokio::try_join!(served, worked)?;
        Ok(())
    }
}

impl Web {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        if let Some(name) = &self.new_token {
            let ctx = live(session, Purpose::Watch).await?;
            let token = web::create_token(&ctx, name).await?;
            let document = serde_json::json!({"name": name, "token": token});
            return session.output.result(&document, || token.clone());
        }
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
    let address = web::login_url(&ctx, listener.local_addr()?).await?;
    let document = serde_json::json!({"login": address});
    session.output.result(&document, || {
        format!("thetaq is open. Log in with this address; it works once, within an hour:\n\n  {address}\n")
    })?;
    Ok((ctx, listener))
}

async fn serve(ctx: Ctx, listener: TcpListener, stop: CancellationToken) -> anyhow::Result<()> {
    // The other half of the process must not outlive this one.
    let guard = stop.clone().drop_guard();
    web::serve(ctx, listener, stop).await?;
    drop(guard);
    Ok(())
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
