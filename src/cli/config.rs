//! `thetaq config`: the settings in force, as a file that can be saved and edited.

use super::session::Session;
use clap::Args;

/// Print the settings in force as a workers.toml with every key explained
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq config                      what applies here\n  thetaq config > workers.toml       a file to edit\n  thetaq config --json"
)]
pub(super) struct PrintConfig {}

impl PrintConfig {
    pub(super) fn run(self, session: &Session) -> anyhow::Result<()> {
        let text = session.config.text(&[]);
        session.output.result(&session.config, || text)
    }
}
