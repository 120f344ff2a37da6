//! `thetaq quotes`: one stored chain as rows.

use super::Usage;
use super::output::table;
use super::session::Session;
use crate::clock::{from_iso, iso};
use crate::db::chains;
use crate::domain::coin::Coin;
use clap::Args;
use serde_json::Value;

/// Show the quotes of a stored chain
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq quotes --underlying BTC --at 2026-01-15T09:00:00Z\n  thetaq quotes --underlying ETH --at 2026-03-01 --json"
)]
pub(super) struct Quotes {
    /// BTC or ETH
    #[arg(long)]
    underlying: Coin,
    /// The newest chain at or before this time, ISO 8601 UTC
    #[arg(long)]
    at: String,
    /// recorded, deribit, or synthetic:SEED
    #[arg(long, default_value = chains::RECORDED)]
    source: String,
}

impl Quotes {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let at_ms = time_ms("--at", &self.at)?;
        let db = session.db().await?;
        let found = chains::quotes(&db, &self.source, self.underlying, at_ms).await?;
        let Some(found) = found else {
            anyhow::bail!(
                "no {} chain of source `{}` at or before {}; `thetaq coverage` shows what is stored",
                self.underlying,
                self.source,
                self.at
            );
        };
        let document = serde_json::to_value(&found)?;
        session.output.result(&document, || text(&document))
    }
}

/// What fits a screen; `--json` has every column.
const COLUMNS: [&str; 9] = [
    "instrument",
    "bid",
    "ask",
    "mark",
    "mark_iv",
    "delta",
    "underlying_price",
    "open_interest",
    "volume",
];

fn text(document: &Value) -> String {
    let quotes = document["quotes"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let rows: Vec<Vec<Value>> = quotes
        .iter()
        .map(|quote| COLUMNS.iter().map(|name| quote[*name].clone()).collect())
        .collect();
    format!(
        "{}\n{} quotes, index {} USD, at {}",
        table(&COLUMNS, &rows),
        rows.len(),
        document["index_price"],
        document["at_ms"].as_i64().map_or_else(String::new, iso)
    )
}

/// A date or an ISO 8601 time in UTC, milliseconds.
pub(super) fn time_ms(option: &str, text: &str) -> Result<i64, Usage> {
    from_iso(text).ok_or_else(|| {
        Usage(format!(
            "{option}: `{text}` is neither a date (2026-01-02) nor a time (2026-01-02T09:00:00Z)"
        ))
    })
}
