//! The command line: one file per command. People get tables and bars, programs get `--json`.
//!
//! Results go to standard output; progress, logs and errors go to standard error.

mod backtest;
mod backtest_text;
mod chat;
mod compare;
mod completions;
mod config;
mod coverage;
mod doctor;
mod drift;
mod enqueue;
mod exchange;
mod export;
mod fetch_history;
mod follow;
mod import;
mod jobs;
mod login;
mod migrate;
mod output;
mod progress;
mod quotes;
mod replay;
mod rows;
mod session;
mod simulate;
mod source;
mod sql;
mod sweep;
mod takeover;
mod tick;
mod token;
mod train;
mod up;
mod work;

use crate::config::ConfigError;
use clap::{Args, Parser, Subcommand};
use output::Output;
use session::Session;
use std::path::PathBuf;

/// A desk that writes covered calls on BTC and ETH, and everything to ask why it did.
#[derive(Debug, Parser)]
#[command(
    name = "thetaq",
    version,
    max_term_width = 100,
    after_help = "Examples:\n  thetaq                          open the desk: workers and dashboard in one process\n  thetaq import ../shared/data    load recorded chains, delivery prices, candles\n  thetaq decisions --limit 5      the latest decisions\n  thetaq sql                      the questions that come with the program\n\nEnvironment: THETAQ_DATABASE_URL, THETAQ_EXCHANGE_URL, THETAQ_DERIBIT_CLIENT_ID and\nTHETAQ_DERIBIT_CLIENT_SECRET, THETAQ_LLM_API_KEY, THETAQ_LOG (for example info or thetaq=debug)"
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
struct Global {
    /// Where rows live: sqlite://PATH or postgres://USER@HOST/NAME; wins over workers.toml
    #[arg(
        long,
        global = true,
        env = "THETAQ_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    database_url: Option<String>,
    /// Trade on Deribit's API at test, main, history or a base URL; wins over workers.toml
    #[arg(
        long,
        global = true,
        env = "THETAQ_EXCHANGE_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    exchange_url: Option<String>,
    /// Settings file; defaults apply when workers.toml is absent
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    /// Print one JSON document on standard output
    #[arg(long, global = true)]
    json: bool,
    /// Write log lines as JSON
    #[arg(long, global = true)]
    log_json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Up),
    Web(up::Web),
    Work(work::Work),
    Login(login::Login),
    Token(token::Token),
    Migrate(migrate::Migrate),
    Doctor(doctor::Doctor),
    Config(config::PrintConfig),
    Import(import::Import),
    FetchHistory(fetch_history::FetchHistory),
    Coverage(coverage::Coverage),
    Quotes(quotes::Quotes),
    Tick(tick::Tick),
    Decisions(rows::Decisions),
    Positions(rows::Positions),
    Jobs(jobs::Jobs),
    Enqueue(enqueue::Enqueue),
    Schedules(rows::Schedules),
    Exchange(exchange::Exchange),
    Replay(replay::Replay),
    ReplayMarket(replay::Market),
    Simulate(simulate::Simulate),
    Backtest(backtest::Backtest),
    Whatif(backtest::Whatif),
    Lookahead(backtest::Lookahead),
    Sweep(sweep::Sweep),
    Compare(compare::Compare),
    Drift(drift::Drift),
    Chat(chat::Chat),
    Train(train::Train),
    Evaluate(train::Evaluate),
    Sql(sql::Sql),
    Export(export::Export),
    Completions(completions::Completions),
}

/// Wrong usage that clap cannot see: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

impl Cli {
    /// Runs the command; without one, opens the desk.
    pub async fn run(self) -> anyhow::Result<()> {
        let output = Output::new(self.global.json);
        let command = match self.command {
            Some(Command::Completions(command)) => return command.run(output),
            Some(command) => command,
            None => Command::Up(up::Up::plain()),
        };
        command.run(&Session::new(&self.global, output)?).await
    }

    /// Commands that stay say what they do; the others speak up when something is wrong.
    fn default_log(&self) -> &'static str {
        match self.command {
            None
            | Some(Command::Up(_) | Command::Web(_) | Command::Work(_) | Command::Exchange(_)) => {
                "info,sqlx=warn"
            }
            _ => "warn",
        }
    }
}

impl Command {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        match self {
            Self::Up(command) => command.run(session).await,
            Self::Web(command) => command.run(session).await,
            Self::Work(command) => command.run(session).await,
            Self::Login(command) => command.run(session).await,
            Self::Token(command) => command.run(session).await,
            Self::Migrate(command) => command.run(session).await,
            Self::Doctor(command) => command.run(session).await,
            Self::Config(_) => config::PrintConfig::run(session),
            Self::Import(command) => command.run(session).await,
            Self::FetchHistory(command) => command.run(session).await,
            Self::Coverage(command) => command.run(session).await,
            Self::Quotes(command) => command.run(session).await,
            Self::Tick(command) => command.run(session).await,
            Self::Decisions(command) => command.run(session).await,
            Self::Positions(command) => command.run(session).await,
            Self::Jobs(command) => command.run(session).await,
            Self::Enqueue(command) => command.run(session).await,
            Self::Schedules(command) => command.run(session).await,
            Self::Exchange(command) => command.run(session).await,
            Self::Replay(command) => command.run(session).await,
            Self::ReplayMarket(command) => command.run(session).await,
            Self::Simulate(command) => command.run(session).await,
            Self::Backtest(command) => command.run(session).await,
            Self::Whatif(command) => command.run(session).await,
            Self::Lookahead(command) => command.run(session).await,
            Self::Sweep(command) => command.run(session).await,
            Self::Compare(command) => command.run(session).await,
            Self::Drift(command) => command.run(session).await,
            Self::Chat(command) => command.run(session).await,
            Self::Train(command) => command.run(session).await,
            Self::Evaluate(command) => command.run(session).await,
            Self::Sql(command) => command.run(session).await,
            Self::Export(command) => command.run(session).await,
            Self::Completions(command) => command.run(session.output),
        }
    }
}

/// Log lines go to standard error; `THETAQ_LOG` filters them.
pub fn start_logging(cli: &Cli) {
    use tracing_subscriber::EnvFilter;
    let filter =
        EnvFilter::try_from_env("THETAQ_LOG").unwrap_or_else(|_| EnvFilter::new(cli.default_log()));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false);
    if cli.global.log_json {
        lines.json().init();
    } else {
        lines.init();
    }
}

/// 2 for what a person wrote wrongly in options or settings, 1 for everything else.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() || error.is::<ConfigError>() {
        2
    } else {
        1
    }
}

/// The chain of causes in one line; a cause that its effect has already said is not said again.
pub fn message(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.ends_with(&cause) {
            text += ": ";
            text += &cause;
        }
    }
    text
}

/// True when standard output was closed early (`thetaq decisions | head`): no failure of ours.
pub fn reader_went_away(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
