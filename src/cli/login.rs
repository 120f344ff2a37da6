//! `thetaq login`: a fresh login address for the dashboard that runs on this database.

use super::follow::live;
use super::session::Session;
use super::up::ONCE;
use crate::ctx::{Ctx, Purpose};
use crate::db::access;
use crate::web;
use anyhow::{Context, bail};
use clap::Args;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;

/// Print a fresh login address for the dashboard that runs on this database
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq login\n  thetaq login --database-url postgres://me@db/desk\n  thetaq login --json"
)]
pub(super) struct Login {}

const ANSWER_WITHIN: Duration = Duration::from_secs(2);

impl Login {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let ctx = live(session, Purpose::Watch).await?;
        let address = running(&ctx).await?;
        let login = web::login_url(&ctx, address).await?;
        session
            .output
            .result(&serde_json::json!({"login": login}), || {
                format!("{login}\n\n{ONCE}")
            })
    }
}

/// The latest dashboard of this database that answers; rows of crashed ones are passed over.
async fn running(ctx: &Ctx) -> anyhow::Result<SocketAddr> {
    let known = access::dashboards(&ctx.db).await?;
    for text in &known {
        let address: SocketAddr = text
            .parse()
            .with_context(|| format!("table dashboards: `{text}` is no address"))?;
        if answers(address).await {
            return Ok(address);
        }
    }
    if known.is_empty() {
        bail!(
            "no dashboard runs on this database; `thetaq` opens one and prints its login address"
        );
    }
    bail!(
        "no dashboard answers on {}; run this on the machine it runs on, or open one with `thetaq`",
        known.join(", ")
    )
}

async fn answers(address: SocketAddr) -> bool {
    let connected = tokio::time::timeout(ANSWER_WITHIN, TcpStream::connect(near(address))).await;
    matches!(connected, Ok(Ok(_)))
}

/// A listener on every address of the machine is reached through the loopback one.
fn near(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            Ipv6Addr::LOCALHOST.into()
        });
    }
    address
}
