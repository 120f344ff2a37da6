//! `thetaq drift`: the desk's own days made again by the backtester, as a `drift` job.

use super::Usage;
use super::follow::{enqueue, live, result, wait};
use super::output::table;
use super::quotes::time_ms;
use super::session::Session;
use crate::clock::iso;
use crate::ctx::{Ctx, Purpose};
use crate::db::drifts;
use crate::domain::coin::Coin;
use crate::domain::instrument::DAY_MS;
use crate::jobs::Options;
use crate::jobs::drift::Drift as Payload;
use clap::Args;
use serde_json::{Value, json};

/// Make the desk's own days again with the backtester and explain every difference; exits 1 when one has no reason
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq drift                                  yesterday, every underlying\n  thetaq drift --from 2026-01-02 --to 2026-01-09 --underlying BTC --json\n  thetaq drift --from 2026-01-02 --desk january\n\nThe same runs every night by itself. `thetaq sql drift_by_kind` counts what was found."
)]
pub(super) struct Drift {
    /// BTC or ETH; all of the desk when absent
    #[arg(long)]
    underlying: Option<Coin>,
    /// First day, or ISO 8601 time, UTC; the day of --to when absent
    #[arg(long)]
    from: Option<String>,
    /// Last day (all of it), or ISO 8601 time, UTC; yesterday when both are absent, else now
    #[arg(long)]
    to: Option<String>,
    /// The book: live, or the name of a replay
    #[arg(long)]
    desk: Option<String>,
}

impl Drift {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let payload = serde_json::to_value(self.job()?)?;
        let ctx = live(session, Purpose::Watch).await?;
        let id = enqueue(&ctx, "drift", payload, Options::default()).await?;
        let done = result(&wait(&ctx, &id).await?)?;
        let document = document(&ctx, &id, &done).await?;
        session.output.result(&document, || text(&document))?;
        let unexplained = done["unexplained"].as_i64().unwrap_or_default();
        anyhow::ensure!(
            unexplained == 0,
            "{unexplained} differences have no recorded reason; --json shows each"
        );
        Ok(())
    }

    fn job(&self) -> Result<Payload, Usage> {
        let from_ms = self.from.as_deref().map(|from| time_ms("--from", from));
        let to_ms = self.to.as_deref().map(|to| {
            let whole_day = if to.len() == "2026-01-02".len() {
                DAY_MS - 1
            } else {
                0
            };
            time_ms("--to", to).map(|to_ms| to_ms + whole_day)
        });
        let (from_ms, to_ms) = (from_ms.transpose()?, to_ms.transpose()?);
        if from_ms.zip(to_ms).is_some_and(|(from, to)| from > to) {
            return Err(Usage("--to: must not be earlier than --from".to_owned()));
        }
        Ok(Payload {
            underlying: self.underlying,
            from_ms,
            to_ms,
            desk: self.desk.clone(),
        })
    }
}

/// The rows of the job, each underlying with its differences.
async fn document(ctx: &Ctx, job: &str, done: &Value) -> anyhow::Result<Value> {
    let mut found = Vec::new();
    for row in drifts::of_job(&ctx.db, job).await? {
        let rows = drifts::differences(&ctx.db, &row.id).await?;
        let mut drift = serde_json::to_value(&row)?;
        drift["rows"] = serde_json::to_value(rows)?;
        found.push(drift);
    }
    Ok(json!({
        "job": job, "differences": done["differences"], "unexplained": done["unexplained"], "drifts": found,
    }))
}

const COLUMNS: [&str; 7] = [
    "n",
    "at",
    "about",
    "kind",
    "desk",
    "backtest",
    "explanation",
];

fn text(document: &Value) -> String {
    let drifts = document["drifts"].as_array().map_or(&[][..], Vec::as_slice);
    let parts: Vec<String> = drifts.iter().map(part).collect();
    parts.join("\n\n")
}

fn part(drift: &Value) -> String {
    let time = |name: &str| iso(drift[name].as_i64().unwrap_or_default());
    let head = format!(
        "{} of {} from {} to {}: {} instants decided by both, {} the same in everything; {} differences, {} unexplained",
        drift["underlying"].as_str().unwrap_or_default(),
        drift["desk"].as_str().unwrap_or_default(),
        time("from_ms"),
        time("to_ms"),
        drift["compared"],
        drift["same"],
        drift["differences"],
        drift["unexplained"],
    );
    let rows = drift["rows"].as_array().map_or(&[][..], Vec::as_slice);
    if rows.is_empty() {
        return head;
    }
    let rows: Vec<Vec<Value>> = rows.iter().map(row).collect();
    format!("{head}\n{}", table(&COLUMNS, &rows))
}

fn row(row: &Value) -> Vec<Value> {
    let at = iso(row["at_ms"].as_i64().unwrap_or_default());
    vec![
        row["n"].clone(),
        at.into(),
        row["about"].clone(),
        row["kind"].clone(),
        row["desk_says"].clone(),
        row["backtest_says"].clone(),
        row["explanation"].clone(),
    ]
}
