//! `thetaq fetch-history`: market history from the exchange's public past, as a `fetch_history` job.

use super::Usage;
use super::follow::{enqueue, live, result, wait};
use super::output::table;
use super::quotes::time_ms;
use super::session::Session;
use crate::clock::iso;
use crate::ctx::Purpose;
use crate::domain::coin::Coin;
use crate::domain::instrument::DAY_MS;
use crate::fetch::{STEP_MS, What};
use crate::jobs::Options;
use crate::jobs::fetch_history::FetchHistory as Payload;
use clap::Args;
use serde_json::Value;

/// Fetch market history from Deribit's public API: option trades, delivery prices, volatility index, candles
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq fetch-history --underlying BTC --from 2026-01-01 --to 2026-01-31\n  thetaq fetch-history --underlying ETH --from 2021-03-24 --to 2026-05-31 --what deliveries,dvol\n  thetaq fetch-history --underlying BTC --from 2026-01-01 --to 2026-01-31 --rebuild 1h --json\n\nIt takes no account and costs nothing. What was fetched before is not asked for again: a command\nthat was cut off is repeated and goes on where it stopped."
)]
pub(super) struct FetchHistory {
    /// BTC or ETH
    #[arg(long)]
    underlying: Coin,
    /// First day, or ISO 8601 time, UTC
    #[arg(long)]
    from: String,
    /// Last day (all of it), or ISO 8601 time, UTC
    #[arg(long)]
    to: String,
    /// Only these kinds: trades, deliveries, dvol, candles
    #[arg(long, value_delimiter = ',', value_parser = ["trades", "deliveries", "dvol", "candles"])]
    what: Vec<String>,
    /// Where to ask: history, main, test or a base URL; [exchange] url when that is a URL, else the real exchange
    #[arg(long)]
    url: Option<String>,
    /// Make chains of the trades, so far apart: 5m, 15m, 1h, 6h, 1d; their source is `rebuilt`, and `rebuilt:HOST/PATH` of another address than the exchange's own
    #[arg(long, value_name = "STEP")]
    rebuild: Option<String>,
}

impl FetchHistory {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let job = serde_json::to_value(self.job()?)?;
        let ctx = live(session, Purpose::Watch).await?;
        let id = enqueue(&ctx, "fetch_history", job, Options::default()).await?;
        let report = result(&wait(&ctx, &id).await?)?;
        session.output.result(&report, || text(&report))
    }

    fn job(&self) -> anyhow::Result<Payload> {
        let whole_day = if self.to.len() == "2026-01-31".len() {
            DAY_MS
        } else {
            0
        };
        let from_ms = time_ms("--from", &self.from)?;
        let to_ms = time_ms("--to", &self.to)? + whole_day;
        if to_ms <= from_ms {
            return Err(Usage("--to: must be later than --from".to_owned()).into());
        }
        if let Some(url) = &self.url {
            crate::exchange::deribit::Host::parse(url)
                .map_err(|error| Usage(format!("--url: {error}")))?;
        }
        Ok(Payload {
            underlying: self.underlying,
            from_ms,
            to_ms,
            what: self.what(),
            url: self.url.clone(),
            rebuild_ms: self.rebuild.as_deref().map(step_ms).transpose()?,
        })
    }

    fn what(&self) -> Vec<What> {
        let asked = |what: &What| {
            self.what.is_empty() || self.what.iter().any(|word| word == what.as_str())
        };
        What::ALL.into_iter().filter(asked).collect()
    }
}

/// `90m`, `1h`, `1d` in milliseconds.
fn step_ms(text: &str) -> anyhow::Result<i64> {
    let units = [("m", 60_000), ("h", 3_600_000), ("d", DAY_MS)];
    let found = units.into_iter().find_map(|(unit, ms)| {
        let number: i64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(ms).filter(|ms| STEP_MS.contains(ms))
    });
    let found = found.ok_or_else(|| {
        Usage(format!(
            "--rebuild: `{text}` is not a step from 5m to 1d, such as 15m or 1h"
        ))
    });
    Ok(found?)
}

const COLUMNS: [&str; 9] = [
    "what",
    "from",
    "to",
    "pages",
    "rows",
    "inserted",
    "existing",
    "differing",
    "rejected",
];

fn text(report: &Value) -> String {
    let parts = report["parts"].as_array().map_or(&[][..], Vec::as_slice);
    let rows: Vec<Vec<Value>> = parts.iter().map(row).collect();
    let (source, seconds) = (&report["source"], report["seconds"].as_f64());
    let asked = parts.iter().any(|part| part["pages"] != 0);
    let known = if asked {
        ""
    } else {
        "\nNothing was asked for: all of it is stored, or not complete yet."
    };
    format!(
        "{}\nfrom {} in {:.1} s{known}{}",
        table(&COLUMNS, &rows),
        source.as_str().unwrap_or_default(),
        seconds.unwrap_or_default(),
        rebuilt(&report["rebuilt"])
    )
}

fn rebuilt(made: &Value) -> String {
    if made.is_null() {
        return String::new();
    }
    let source = made["source"].as_str().unwrap_or_default();
    format!(
        "\n{} chains made under the source {}, {} were there, {} instants without trades; {} quotes, {} of them with \
         a trade of their strike within the hour\n\
         `thetaq backtest --source {source} --set open_interest_min=0` runs over them: trades tell no open interest",
        made["chains"],
        source,
        made["existing"],
        made["without"],
        made["quotes"],
        made["from_prints"]
    )
}

fn row(part: &Value) -> Vec<Value> {
    let cell = |name| match name {
        "from" | "to" => {
            let at_ms = part[format!("{name}_ms")].as_i64();
            at_ms.map_or(Value::Null, |at_ms| iso(at_ms).into())
        }
        name => part[name].clone(),
    };
    COLUMNS.into_iter().map(cell).collect()
}
