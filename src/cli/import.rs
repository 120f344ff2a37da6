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

/// Load market history: option chains (Parquet), delivery prices, candles, volatility index (CSV)
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq import ../shared/data\n  thetaq import chains/deribit_chain_6h_btc_2026-01.parquet --json"
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
        session.output.result(&report, || text(&report))
    }
}

fn text(report: &Value) -> String {
    let columns = ["path", "kind", "rows", "inserted", "existing", "rejected"];
    let files = report["files"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let rows: Vec<Vec<Value>> = files
        .iter()
        .map(|file| {
            columns
                .iter()
                .map(|name| match (*name, &file[*name]) {
                    ("path", Value::String(path)) => path.rsplit('/').next().unwrap_or(path).into(),
                    ("rejected", Value::Object(classes)) if classes.is_empty() => Value::Null,
                    (_, value) => value.clone(),
                })
                .collect()
        })
        .collect();
    format!(
        "{}\n{} inserted, {} were there, {} rejected, in {:.1} s",
        table(&columns, &rows),
        report["inserted"],
        report["existing"],
        report["rejected"],
        report["seconds"].as_f64().unwrap_or_default()
    )
}
