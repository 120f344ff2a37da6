//! `thetaq config`: the settings in force, as a file that can be saved and edited.

use super::session::{Session, without_password};
use crate::config::{Config, JobConfig};
use crate::jobs::Defaults;
use crate::jobs::registry::{self, Kind};
use clap::Args;

/// Print the settings in force as a workers.toml with every key explained
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq config                      what applies here\n  thetaq config > workers.toml       a fresh file to edit, in place of the old one\n  thetaq config --json"
)]
pub(super) struct PrintConfig {}

impl PrintConfig {
    pub(super) fn run(session: &Session) -> anyhow::Result<()> {
        let mut config = session.config.clone();
        config.database.url = without_password(&config.database.url);
        let registry = registry::all();
        let kinds: Vec<_> = registry
            .kinds()
            .map(|kind| (kind.name, own(kind, &config)))
            .collect();
        let standard = standard();
        session
            .output
            .result(&config, || config.text(&standard, &kinds))
    }
}

/// What a kind has unless it or the file says otherwise.
fn standard() -> JobConfig {
    let standard = Defaults::STANDARD;
    JobConfig {
        queue: None,
        concurrency: Some(standard.concurrency),
        timeout_ms: Some(standard.timeout_ms),
        max_attempts: Some(standard.max_attempts),
        backoff_ms: Some(standard.backoff_ms),
        schedule: Some("off".to_owned()),
        missed: Some(standard.missed),
    }
}

/// A kind's defaults; its queue only where that is another kind's.
fn own(kind: &Kind, config: &Config) -> JobConfig {
    JobConfig {
        queue: kind.defaults.queue.map(str::to_owned),
        ..kind.defaults(config)
    }
}
