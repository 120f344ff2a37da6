//! `thetaq backtest`, `whatif` and `lookahead`: runs over stored chains, as jobs.

use super::Usage;
use super::backtest_text::{call_text, cut_text, key_table, report};
use super::compare::headline;
use super::follow::{enqueue, live, result, wait};
use super::quotes::time_ms;
use super::session::Session;
use super::source;
use crate::backtest::{Setup, comparison, keys_with};
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
    after_help = "Examples:\n  thetaq backtest --underlying BTC --from 2026-01-02 --to 2026-05-29 --exit tp_and_roll\n  thetaq backtest --underlying BTC,ETH --exit both --set delta_target=0.2 --set fee_model=none\n  thetaq backtest --source synthetic --market-seed 7 --from 2026-01-01 --to 2026-12-31 --set interval_ms=86400000 --json\n  thetaq backtest --keys          every key of --set with its unit, range and default\n\nThe run is a job: it can be watched, cancelled and retried under its id (`thetaq jobs`)."
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
pub(super) struct MarketArgs {
    /// BTC or ETH; a backtest takes several: BTC,ETH
    #[arg(long, default_value = "BTC", value_delimiter = ',')]
    underlying: Vec<Coin>,
    #[command(flatten)]
    source: SourceArgs,
}

#[derive(Debug, Args)]
pub(super) struct SourceArgs {
    /// recorded (thetaq import), deribit (record_market), rebuilt or rebuilt:HOST (fetch-history --rebuild), or synthetic; train also takes live, the ticks of the desk
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
pub(super) struct RunArgs {
    #[command(flatten)]
    market: MarketArgs,
    #[command(flatten)]
    range: RangeArgs,
}

#[derive(Debug, Args)]
pub(super) struct RangeArgs {
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
            let keys = serde_json::to_value(keys_with(session.config.llm.fallback))?;
            return session.output.result(&keys, || key_table(&keys));
        }
        let exits: &[&str] = match self.exit.as_str() {
            "both" => &["tp_and_roll", "hold_to_expiry"],
            one => &[one],
        };
        let mut payloads = Vec::new();
        let mut asked = self.run.market.underlying.clone();
        asked.sort_unstable();
        asked.dedup();
        for coin in &asked {
            for exit in exits {
                let mut settings = self.run.settings(*coin)?;
                settings.entry("exit").or_insert_with(|| (*exit).into());
                payloads.push(self.run.market.payload(settings)?);
            }
        }
        let ctx = live(session, Purpose::Watch).await?;
        for payload in &payloads {
            source::stored(&ctx, "--", "backtest", payload).await?;
        }
        if let [payload] = &payloads[..] {
            let run = read(&ctx, &put(&ctx, payload.clone(), None).await?).await?;
            return session.output.result(&run, || report(&run));
        }
        let document = several(&ctx, payloads).await?;
        session
            .output
            .result(&document, || headline(&document["comparison"]))
    }
}

impl Whatif {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let mut market = self.run;
        if let Some(call) = self.instrument {
            if !call.is_call() {
                return Err(Usage(format!(
                    "--instrument: {call} is a put, and only calls are sold here; name one that ends in -C"
                ))
                .into());
            }
            market.underlying = vec![call.coin];
        }
        let mut settings = market.settings(market.one()?)?;
        settings.entry("exit").or_insert_with(|| self.exit.into());
        let mut payload = market.payload(settings)?;
        payload["at_ms"] = time_ms("--at", &self.at)?.into();
        payload["instrument"] = json!(self.instrument);
        let ctx = live(session, Purpose::Watch).await?;
        source::stored(&ctx, "--", "what_if", &payload).await?;
        let id = enqueue(&ctx, "what_if", payload, Options::default()).await?;
        let mut found = result(&wait(&ctx, &id).await?)?;
        found["job"] = id.into();
        session.output.result(&found, || call_text(&found))
    }
}

impl Lookahead {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let market = &self.run.market;
        let mut payload = market.payload(self.run.settings(market.one()?)?)?;
        payload["cuts"] = self.cuts.into();
        let ctx = live(session, Purpose::Watch).await?;
        source::stored(&ctx, "--", "lookahead", &payload).await?;
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
    pub(super) fn market(&self) -> &MarketArgs {
        &self.market
    }

    pub(super) fn settings(&self, underlying: Coin) -> Result<Map<String, Value>, Usage> {
        let mut settings = self.market.settings(underlying)?;
        self.range.add(&mut settings)?;
        Ok(settings)
    }
}

impl RangeArgs {
    pub(super) fn add(&self, settings: &mut Map<String, Value>) -> Result<(), Usage> {
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
        Ok(())
    }
}

impl MarketArgs {
    /// The underlying of what is asked of one market.
    pub(super) fn one(&self) -> Result<Coin, Usage> {
        match self.underlying[..] {
            [coin] => Ok(coin),
            _ => Err(Usage(
                "--underlying: name one, BTC or ETH; only a backtest takes several".to_owned(),
            )),
        }
    }

    fn settings(&self, underlying: Coin) -> Result<Map<String, Value>, Usage> {
        let mut settings = self.source.settings()?;
        settings.insert("underlying".to_owned(), underlying.as_str().into());
        Ok(settings)
    }

    pub(super) fn payload(&self, settings: Map<String, Value>) -> Result<Value, Usage> {
        self.source.payload(settings)
    }
}

impl SourceArgs {
    pub(super) fn settings(&self) -> Result<Map<String, Value>, Usage> {
        let mut settings = Map::new();
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
    pub(super) fn payload(&self, settings: Map<String, Value>) -> Result<Value, Usage> {
        let settings = Value::Object(settings);
        Setup::parse(&settings)
            .map_err(|error| Usage(format!("{}: {}", option_of(&error.key), error.problem)))?;
        let mut payload = json!({ "source": self.source, "settings": settings });
        if let Some(seed) = &self.market_seed {
            payload["market_seed"] = seed.as_str().into();
        }
        Ok(payload)
    }
}

/// The option that says a setting.
pub(super) fn option_of(key: &str) -> String {
    match key {
        "from_ms" | "to_ms" => "--from, --to".to_owned(),
        key => format!("--set {key}"),
    }
}

/// One run per payload under one parent, all in the queue before the first is waited for, so that workers
/// share them: `{id, jobs, runs, comparison}`.
async fn several(ctx: &Ctx, payloads: Vec<Value>) -> anyhow::Result<Value> {
    let parent = ctx.clock.id();
    let mut jobs = Vec::new();
    for payload in payloads {
        jobs.push(put(ctx, payload, Some(parent.clone())).await?);
    }
    let mut runs = Vec::new();
    for job in &jobs {
        runs.push(read(ctx, job).await?);
    }
    let compared = comparison(&runs, false);
    Ok(json!({ "id": parent, "jobs": jobs, "runs": runs, "comparison": compared }))
}

async fn put(ctx: &Ctx, payload: Value, parent: Option<String>) -> anyhow::Result<String> {
    let options = Options {
        parent,
        ..Options::default()
    };
    enqueue(ctx, "backtest", payload, options).await
}

/// Waits for a run and reads what it came to.
async fn read(ctx: &Ctx, job: &str) -> anyhow::Result<Value> {
    let done = result(&wait(ctx, job).await?)?;
    let id = done["backtest"].as_str().context("the job names its run")?;
    let document = backtests::document(&ctx.db, id).await?;
    document.with_context(|| format!("backtest {id} is gone"))
}
