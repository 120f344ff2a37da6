//! The program: parse, run one command, print at most one error chain, exit 0, 1 or 2.
#![expect(
    clippy::print_stderr,
    reason = "the one place that reports a failed command"
)]

use clap::Parser;
use std::process::ExitCode;
use thetaq::cli::{self, Cli};

fn main() -> ExitCode {
    let cli = Cli::parse();
    cli::start_logging(&cli);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("thetaq: cannot start threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(cli.run());
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if cli::reader_went_away(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("thetaq: {}", cli::message(&error));
            ExitCode::from(cli::exit_code(&error))
        }
    }
}
