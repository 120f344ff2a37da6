//! `thetaq backtest`, `whatif` and `lookahead`: runs over stored chains, as jobs.

use super::Usage;
use super::compare::{comparison, headline};
use super::follow::{enqueue, live, result, wait};
use super::output::{cell, table};
use super::quotes::time_ms;
use super::session::Session;
use crate::backtest::{Setup, keys};
use crate::clock::iso;
use crate::ctx::{Ctx, Purpose};
use crate::db::{backtests, chains};
use crate::domain::coin::Coin;
use crate::domain::instrument::Instrument;
use crate::jobs::Options;
use anyhow::Context;
use clap::Args;
use serde_json::{Map, Value, json};

/// Run the desk over recorded or synthetic chains, and say what it came to beside holding
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq backtest --underlying BTC --from 2026-01-02 --to 2026-05-29 --exit tp_and_roll\n  thetaq backtest --underlying ETH --exit both --set delta_target=0.2 --set fee_model=none\n  thetaq backtest --source synthetic --market-seed 7 --from 2026-01-01 --to 2026-12-31 --set interval_ms=86400000 --json\n  thetaq backtest --keys          every key of --set with its unit, range and default\n\nThe run is a job: it can be watched, cancelled and retried under its id (`thetaq jobs`)."
)]
pub(super) struct Backtest {
    #[command(flatten)]
    run: RunArgs,
    /// When a call is bought back: tp_and_roll, hold_to_expiry, rules, or both of the first two
    #[arg(long, default_value = "tp_and_roll", value_parser = ["tp_and_roll", "hold_to_expiry", "rules", "both"])]
    exit: String,
    /// List the settings and run nothing
    #[arg(long)]
    keys: bool,
}

/// What would selling one call at one instant have come to?
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq whatif --at 2026-01-15T09:00:00Z --instrument BTC-30JAN26-100000-C\n  thetaq whatif --underlying ETH --at 2026-02-01 --set dte_target=7 --set delta_target=0.25 --json"
)]
pub(super) struct Whatif {
    #[command(flatten)]
    run: MarketArgs,
    /// Sold at the first snapshot from this time on, ISO 8601 UTC
    #[arg(long)]
    at: String,
    /// The contract; without it the call nearest to dte_target and delta_target
    #[arg(long)]
    instrument: Option<Instrument>,
    /// When it is bought back: hold_to_expiry, tp_and_roll or rules
    #[arg(long, default_value = "hold_to_expiry", value_parser = ["tp_and_roll", "hold_to_expiry", "rules"])]
    exit: String,
}

/// Check that decisions on data cut at an instant equal those on all data; exits 1 when they do not
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq lookahead --underlying BTC --from 2026-01-02 --to 2026-05-29\n  thetaq lookahead --underlying ETH --cuts 20 --set policy=rules_v2 --json"
)]
pub(super) struct Lookahead {
    #[command(flatten)]
    run: RunArgs,
    /// Instants at which the data are cut
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=100))]
    cuts: u64,
}

/// Which market, and which settings.
#[derive(Debug, Args)]
struct MarketArgs {
    /// BTC or ETH
    #[arg(long, default_value = "BTC")]
    underlying: Coin,
    /// recorded, deribit, or synthetic
    #[arg(long, default_value = chains::RECORDED)]
    source: String,
    /// Seed of the synthetic market; that of workers.toml when absent
    #[arg(long, value_name = "SEED")]
    market_seed: Option<String>,
    /// One setting; `thetaq backtest --keys` lists them
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, Args)]
struct RunArgs {
    #[command(flatten)]
    market: MarketArgs,
    /// First day, or ISO 8601 time, UTC; the first stored chain when absent
    #[arg(long)]
    from: Option<String>,
    /// Last day (all of it), or ISO 8601 time, UTC; the last stored chain when absent
    #[arg(long)]
    to: Option<String>,
    /// Seed of exploration
    #[arg(long)]
    seed: Option<String>,
}

impl Backtest {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        if self.keys {
            let keys = serde_json::to_value(keys())?;
            return session.output.result(&keys, || key_table(&keys));
        }
        let exits: &[&str] = match self.exit.as_str() {
            "both" => &["tp_and_roll", "hold_to_expiry"],
            one => &[one],
        };
        let mut payloads = Vec::new();
        for exit in exits {
            let mut settings = self.run.settings()?;
            settings.entry("exit").or_insert_with(|| (*exit).into());
            payloads.push(self.run.market.payload(settings)?);
        }
        let ctx = live(session, Purpose::Watch).await?;
        let mut runs = Vec::new();
        for payload in payloads {
            runs.push(carry_out(&ctx, payload).await?);
        }
        if let [run] = &runs[..] {
            return session.output.result(run, || report(run));
        }
        let compared = comparison(&runs);
        let document = json!({ "runs": runs, "comparison": compared });
        session.output.result(&document, || headline(&compared))
    }
}

impl Whatif {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let mut market = self.run;
        if let Some(call) = self.instrument {
            market.underlying = call.coin;
        }
        let mut settings = market.settings()?;
        settings.entry("exit").or_insert_with(|| self.exit.into());
        let mut payload = market.payload(settings)?;
        payload["at_ms"] = time_ms("--at", &self.at)?.into();
        payload["instrument"] = json!(self.instrument);
        let ctx = live(session, Purpose::Watch).await?;
        let id = enqueue(&ctx, "what_if", payload, Options::default()).await?;
        let mut found = result(&wait(&ctx, &id).await?)?;
        found["job"] = id.into();
        session.output.result(&found, || call_text(&found))
    }
}

impl Lookahead {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let mut payload = self.run.market.payload(self.run.settings()?)?;
        payload["cuts"] = self.cuts.into();
        let ctx = live(session, Purpose::Watch).await?;
        let id = enqueue(&ctx, "lookahead", payload, Options::default()).await?;
        let mut found = result(&wait(&ctx, &id).await?)?;
        found["job"] = id.into();
        session.output.result(&found, || cut_text(&found))?;
        let clean = found["clean"].as_bool().unwrap_or_default();
        anyhow::ensure!(
            clean,
            "decisions depend on what came later; --json shows each"
        );
        Ok(())
    }
}

const LAST_MS_OF_DAY: i64 = 86_399_999;

impl RunArgs {
    fn settings(&self) -> Result<Map<String, Value>, Usage> {
        let mut settings = self.market.settings()?;
        if let Some(from) = &self.from {
            settings.insert("from_ms".to_owned(), time_ms("--from", from)?.into());
        }
        if let Some(to) = &self.to {
            let whole_day = if to.len() == 10 { LAST_MS_OF_DAY } else { 0 };
            let to_ms = time_ms("--to", to)? + whole_day;
            settings.insert("to_ms".to_owned(), to_ms.into());
        }
        if let Some(seed) = &self.seed {
            settings.insert("seed".to_owned(), seed.as_str().into());
        }
        Ok(settings)
    }
}

impl MarketArgs {
    fn settings(&self) -> Result<Map<String, Value>, Usage> {
        let mut settings = Map::new();
        settings.insert("underlying".to_owned(), self.underlying.as_str().into());
        for given in &self.set {
            let (key, value) = given.split_once('=').ok_or_else(|| {
                Usage(format!(
                    "--set {given}: write KEY=VALUE, for example --set delta_target=0.2"
                ))
            })?;
            let text = || Value::String(value.to_owned());
            // A seed of digits stays a text.
            let value = match key.trim() {
                "seed" => text(),
                _ => serde_json::from_str(value).unwrap_or_else(|_| text()),
            };
            settings.insert(key.trim().to_owned(), value);
        }
        Ok(settings)
    }

    /// The payload of the job, checked here so that what is wrong names its option.
    fn payload(&self, settings: Map<String, Value>) -> Result<Value, Usage> {
        let settings = Value::Object(settings);
        Setup::parse(&settings).map_err(|error| match error.key.as_str() {
            "from_ms" | "to_ms" => Usage(format!("--from, --to: {}", error.problem)),
            key => Usage(format!("--set {key}: {}", error.problem)),
        })?;
        let mut payload = json!({ "source": self.source, "settings": settings });
        if let Some(seed) = &self.market_seed {
            payload["market_seed"] = seed.as_str().into();
        }
        Ok(payload)
    }
}

/// Enqueues a run, waits for it, and reads what it came to.
async fn carry_out(ctx: &Ctx, payload: Value) -> anyhow::Result<Value> {
    let job = enqueue(ctx, "backtest", payload, Options::default()).await?;
    let done = result(&wait(ctx, &job).await?)?;
    let id = done["backtest"].as_str().context("the job names its run")?;
    let document = backtests::document(&ctx.db, id).await?;
    document.with_context(|| format!("backtest {id} is gone"))
}

fn key_table(keys: &Value) -> String {
    let rows = keys.as_array().map_or(&[][..], Vec::as_slice).iter();
    let rows: Vec<Vec<Value>> = rows
        .map(|key| {
            let names = ["key", "default", "unit", "range", "help"];
            names
                .into_iter()
                .map(|name| shown(name, &key[name]))
                .collect()
        })
        .collect();
    table(&["key", "default", "unit", "range", "meaning"], &rows)
}

/// `0 to 1`, or the names there are.
fn shown(name: &str, value: &Value) -> Value {
    if name != "range" {
        return cell(value).into();
    }
    if let [low, high] = value["between"].as_array().map_or(&[][..], Vec::as_slice) {
        return format!("{} to {}", cell(low), cell(high)).into();
    }
    let names = value["one_of"].as_array().map_or(&[][..], Vec::as_slice);
    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    names.join(", ").into()
}

/// Headline figures beside the baselines, then where they came from, then the chains.
fn report(run: &Value) -> String {
    let data = &run["data"];
    let time = |name: &str| data[name].as_i64().map_or_else(String::new, iso);
    let head = format!(
        "Backtest {} ({}), {} to {}: {} snapshots, {} quotes of {}",
        cell(&run["id"]),
        cell(&run["state"]),
        time("from_ms"),
        time("to_ms"),
        data["snapshots"],
        data["quotes"],
        cell(&data["source"]),
    );
    format!(
        "{head}\n\n{}\n{}\n{}\n{}",
        against(run),
        counts(&run["metrics"]),
        causes(&run["attribution"]),
        chain_table(&run["chains"])
    )
}

/// The run and its baselines, in coin and in USD.
fn against(run: &Value) -> String {
    let series = [
        ("this run", &run["metrics"]),
        ("hold the coin", &run["baselines"]["hold_coin"]),
        ("hold USD", &run["baselines"]["hold_usd"]),
        ("weekly 25 delta", &run["baselines"]["weekly_25_delta"]),
    ];
    let rows: Vec<Vec<Value>> = series
        .into_iter()
        .map(|(name, of)| {
            let mut row = vec![name.into()];
            for currency in ["coin", "usd"] {
                row.push(percent(&of[currency]["total_return"]));
                row.push(rounded(&of[currency]["sharpe"]));
                row.push(percent(&of[currency]["max_drawdown"]));
            }
            row
        })
        .collect();
    table(
        &[
            "",
            "return coin %",
            "sharpe",
            "drawdown %",
            "return USD %",
            "sharpe",
            "drawdown %",
        ],
        &rows,
    )
}

fn counts(metrics: &Value) -> String {
    let share = |name: &str| cell(&percent(&metrics[name]));
    format!(
        "{} chains, {} legs, {} rolls; {} % of chains won, {} % of expiries assigned, {} % of the time in the market\n\
         premium {} coin, {} % of it kept; fees {} coin, rolls cost {} coin\n",
        metrics["chains"],
        metrics["legs"],
        metrics["rolls"],
        share("win_rate"),
        share("assignment_rate"),
        share("time_in_market"),
        cell(&metrics["premium_collected"]),
        share("premium_kept"),
        cell(&metrics["fees"]),
        cell(&metrics["roll_cost"]),
    )
}

fn causes(attribution: &Value) -> String {
    let names = [
        "underlying",
        "premium",
        "delta",
        "vega",
        "spread",
        "roll_cost",
        "fees",
        "residual",
    ];
    let row = |name: &str| {
        let of = |currency: &str, digits| round_to(&attribution[currency][name], digits);
        vec![name.into(), of("coin", 8), of("usd", 2)]
    };
    let rows: Vec<Vec<Value>> = names.into_iter().map(row).collect();
    table(&["came from", "coin", "USD"], &rows)
}

/// Chains shown to a person; `--json` and v_backtest_legs have them all.
const CHAINS_SHOWN: usize = 30;

fn chain_table(chains: &Value) -> String {
    let chains = chains.as_array().map_or(&[][..], Vec::as_slice);
    let rows: Vec<Vec<Value>> = chains
        .iter()
        .rev()
        .take(CHAINS_SHOWN)
        .map(chain_row)
        .collect();
    let more = if chains.len() > CHAINS_SHOWN {
        format!(
            "the newest {CHAINS_SHOWN} of {} chains; --json has all\n",
            chains.len()
        )
    } else {
        String::new()
    };
    let columns = [
        "opened",
        "legs",
        "first call",
        "ended by",
        "pnl coin",
        "pnl USD",
    ];
    format!("{}{more}", table(&columns, &rows))
}

fn chain_row(chain: &Value) -> Vec<Value> {
    let legs = chain["legs"].as_array().map_or(&[][..], Vec::as_slice);
    let of = |leg: Option<&Value>, name: &str| leg.map_or(Value::Null, |leg| leg[name].clone());
    vec![
        chain["opened_ms"]
            .as_i64()
            .map_or(Value::Null, |at_ms| iso(at_ms).into()),
        legs.len().into(),
        of(legs.first(), "instrument"),
        of(legs.last(), "trigger"),
        chain["pnl"].clone(),
        round_to(&chain["pnl_usd"], 2),
    ]
}

fn call_text(found: &Value) -> String {
    let columns = [
        "instrument",
        "opened",
        "price",
        "closed",
        "price ",
        "ended by",
        "fees",
        "pnl coin",
        "pnl USD",
    ];
    let legs = found["chain"]["legs"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let time = |value: &Value| {
        value
            .as_i64()
            .map_or(Value::Null, |at_ms| iso(at_ms).into())
    };
    let rows: Vec<Vec<Value>> = legs
        .iter()
        .map(|leg| {
            vec![
                leg["instrument"].clone(),
                time(&leg["opened_ms"]),
                leg["open_price"].clone(),
                time(&leg["closed_ms"]),
                leg["close_price"].clone(),
                leg["trigger"].clone(),
                leg["fees"].clone(),
                leg["pnl"].clone(),
                round_to(&leg["pnl_usd"], 2),
            ]
        })
        .collect();
    table(&columns, &rows)
}

fn cut_text(found: &Value) -> String {
    let cuts = found["cuts"].as_array().map_or(&[][..], Vec::as_slice);
    let rows: Vec<Vec<Value>> = cuts
        .iter()
        .map(|cut| {
            let differing = cut["differences"].as_array().map_or(0, Vec::len);
            let at = cut["at_ms"]
                .as_i64()
                .map_or(Value::Null, |at_ms| iso(at_ms).into());
            vec![at, cut["decisions"].clone(), differing.into()]
        })
        .collect();
    table(&["data end", "decisions", "made otherwise"], &rows)
}

pub(super) fn percent(value: &Value) -> Value {
    value
        .as_f64()
        .map_or(Value::Null, |share| round_to(&(100.0 * share).into(), 2))
}

pub(super) fn rounded(value: &Value) -> Value {
    round_to(value, 2)
}

fn round_to(value: &Value, digits: i32) -> Value {
    let scale = 10_f64.powi(digits);
    value.as_f64().map_or(Value::Null, |number| {
        ((number * scale).round() / scale + 0.0).into()
    })
}
