//! `thetaq config`: the settings in force, as a file that can be saved and edited.

use super::session::{Session, without_password};
use crate::jobs::registry;
use clap::Args;

/// Print the settings in force as a workers.toml with every key explained
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq config                      what applies here\n  thetaq config > workers.toml       a file to edit\n  thetaq config --json"
)]
pub(super) struct PrintConfig {}

impl PrintConfig {
    pub(super) fn run(session: &Session) -> anyhow::Result<()> {
        let mut config = session.config.clone();
        config.database.url = without_password(&config.database.url);
        let registry = registry::all();
        let kinds: Vec<_> = registry
            .kinds()
            .map(|kind| (kind.name, kind.defaults(&config)))
            .collect();
        session.output.result(&config, || config.text(&kinds))
    }
}
