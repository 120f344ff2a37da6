//! `thetaq completions`: a script that teaches the shell our commands.

use super::Cli;
use super::output::Output;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Print shell completions
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq completions bash > ~/.local/share/bash-completion/completions/thetaq\n  thetaq completions zsh > ~/.zfunc/_thetaq"
)]
pub(super) struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, output: Output) -> anyhow::Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "thetaq", &mut script);
        let script = String::from_utf8(script)?;
        let document = serde_json::json!({"shell": self.shell.to_string(), "script": script});
        output.result(&document, || script.clone())
    }
}
