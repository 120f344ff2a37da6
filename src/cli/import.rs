//! `thetaq import`: market history from files, as an `import` job.

use super::Usage;
use super::follow::{enqueue, live, result, wait};
use super::output::table;
use super::session::Session;
use crate::ctx::Purpose;
use crate::jobs::Options;
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Load market history: option chains (Parquet, Tardis, OptionsDX), delivery prices, candles, volatility index (CSV)
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq import ../shared/data\n  thetaq import chains/deribit_chain_6h_btc_2026-01.parquet --json\n  thetaq import options_chain/2026-01-01_OPTIONS.csv.gz btc_eod_202106.txt\n\nA file is known by its columns, whatever its name; other files are skipped. Importing it again\nchanges nothing."
)]
pub(super) struct Import {
    /// Files or folders
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

impl Import {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let paths: Result<Vec<PathBuf>, Usage> = self
            .paths
            .iter()
            .map(|path| {
                std::fs::canonicalize(path)
                    .map_err(|error| Usage(format!("cannot read {}: {error}", path.display())))
            })
            .collect();
        let ctx = live(session, Purpose::Watch).await?;
        let id = enqueue(&ctx, "import", json!({"paths": paths?}), Options::default()).await?;
        let report = result(&wait(&ctx, &id).await?)?;
        session.output.result(&report, || text(&report))?;
        let files = report["files"].as_array().map_or(&[][..], Vec::as_slice);
        let broken: Vec<_> = files.iter().filter_map(broken).collect();
        anyhow::ensure!(
            broken.is_empty(),
            "not read to the end: {}",
            broken.join("; ")
        );
        Ok(())
    }
}

/// Name and error of a file that could not be read; what was read before the error is stored.
fn broken(file: &Value) -> Option<String> {
    let error = file["error"].as_str()?;
    Some(format!("{} ({error})", file["path"].as_str()?))
}

fn text(report: &Value) -> String {
    let files = report["files"].as_array().map_or(&[][..], Vec::as_slice);
    let (skipped, read): (Vec<&Value>, Vec<&Value>) =
        files.iter().partition(|file| file["skipped"].is_string());
    let rows: Vec<Vec<Value>> = read.into_iter().map(row).collect();
    format!(
        "{}{}\n{} inserted, {} were there, {} rejected, in {:.1} s",
        table(&COLUMNS, &rows),
        left_out(&skipped),
        report["inserted"],
        report["existing"],
        report["rejected"],
        report["seconds"].as_f64().unwrap_or_default()
    )
}

const COLUMNS: [&str; 6] = ["path", "kind", "rows", "inserted", "existing", "rejected"];

fn row(file: &Value) -> Vec<Value> {
    let cell = |name| match (name, &file[name]) {
        ("path", path) => name_of(path).into(),
        ("rejected", Value::Object(classes)) => rejected(classes),
        (_, value) => value.clone(),
    };
    COLUMNS.into_iter().map(cell).collect()
}

fn name_of(path: &Value) -> &str {
    let path = path.as_str().unwrap_or_default();
    path.rsplit('/').next().unwrap_or(path)
}

/// So many skipped files are named.
const NAMED: usize = 5;

/// Files that were skipped: why, or how many when a folder held a lot of them.
fn left_out(skipped: &[&Value]) -> String {
    if skipped.len() > NAMED {
        let count = skipped.len();
        return format!("\n{count} other files hold no market data; --json says why of each\n");
    }
    let lines = skipped.iter().map(|file| {
        let reason = file["skipped"].as_str().unwrap_or_default();
        format!("\n{} was skipped: {reason}", name_of(&file["path"]))
    });
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return String::new();
    }
    lines.concat() + "\n"
}

/// `bad_number: 1, bad_line: 2`, or nothing.
fn rejected(classes: &serde_json::Map<String, Value>) -> Value {
    let named = classes
        .iter()
        .map(|(class, rows)| format!("{class}: {rows}"));
    let named: Vec<String> = named.collect();
    if named.is_empty() {
        return Value::Null;
    }
    named.join(", ").into()
}
