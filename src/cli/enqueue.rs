//! `thetaq enqueue`: put any job into the queue.

use super::Usage;
use super::follow::{document, enqueue, finished, live, missing, result, wait};
use super::session::Session;
use super::source;
use crate::ctx::Purpose;
use crate::db::jobs;
use crate::jobs::{Options, registry};
use anyhow::Context;
use clap::Args;
use serde_json::Value;

/// Put a job into the queue
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq enqueue tick --args '{\"underlying\": \"BTC\"}'\n  thetaq enqueue settle --args '{}' --wait --json"
)]
pub(super) struct Enqueue {
    /// Kind of job
    kind: String,
    /// Its payload, a JSON object
    #[arg(long, default_value = "{}", value_name = "JSON")]
    args: String,
    /// Higher runs first
    #[arg(long, allow_negative_numbers = true)]
    priority: Option<i64>,
    /// Enqueue only if no job of this kind has had this key
    #[arg(long)]
    unique_key: Option<String>,
    /// Wait until it is finished; run it here when no worker is alive
    #[arg(long)]
    wait: bool,
}

impl Enqueue {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let args: Value = serde_json::from_str(&self.args)
            .map_err(|error| Usage(format!("--args is not JSON: {error}")))?;
        let kinds = registry::all();
        let Some(kind) = kinds.get(&self.kind) else {
            let names: Vec<_> = kinds.kinds().map(|kind| kind.name).collect();
            let names = names.join(", ");
            return Err(Usage(format!(
                "no kind of job is named `{}`; there are {names}",
                self.kind
            ))
            .into());
        };
        kind.check(&args)
            .map_err(|error| Usage(format!("--args: {error}")))?;
        let ctx = live(session, Purpose::Watch).await?;
        source::stored(&ctx, "--args: ", &self.kind, &args).await?;
        let options = Options {
            priority: self.priority,
            unique_key: self.unique_key,
            ..Options::default()
        };
        let id = enqueue(&ctx, &self.kind, args, options).await?;
        let row = if self.wait {
            wait(&ctx, &id).await?
        } else {
            let found = jobs::get(&ctx.db, &id).await?;
            found.with_context(|| missing(&id))?
        };
        let text = || format!("{} {} is {}", row.kind, row.id, row.state);
        session.output.result(&document(&row), text)?;
        if self.wait && finished(&row) {
            result(&row)?;
        }
        Ok(())
    }
}
