//! `thetaq sweep`: many settings over one market, as a job whose parts every worker shares.

use super::Usage;
use super::backtest::RunArgs;
use super::backtest_text::{percent, rounded};
use super::follow::{enqueue, live, result, wait};
use super::output::{cell, table};
use super::session::Session;
use super::source;
use crate::backtest::sweep::{Axis, Currency, Plan, WalkForwardDays};
use crate::ctx::Purpose;
use crate::db::sweeps::{self, FIGURES};
use crate::jobs::Options;
use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

/// Try many settings over one market, and say what the best of them is worth
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq sweep --from 2026-01-02 --to 2026-05-29 --vary delta_target=0.15..0.35/0.05 --vary take_profit=0.5,0.7,0.8,0.9\n  thetaq sweep --underlying ETH --vary delta_target=0.1..0.4 --vary dte_target=3..14 --vary exit=tp_and_roll,hold_to_expiry --random 500\n  thetaq sweep --vary score_min=0..6/0.5 --walk-forward 60/20 --json\n\nAn axis is KEY=A,B,C or KEY=FROM..TO/STEP; to draw from it at random, KEY=FROM..TO. `thetaq backtest --keys`\nlists the keys. Runs are ranked by Sharpe ratio: half by their rank over all days, half by their mean rank over\nspans of history, so that one lucky span does not win. Workers of all processes share the parts; without any, this process does the work."
)]
pub(super) struct Sweep {
    #[command(flatten)]
    run: RunArgs,
    /// A setting and the values it takes; give one for each setting that varies
    #[arg(long, value_name = "AXIS", required = true)]
    vary: Vec<String>,
    /// Draw so many points at random instead of trying every combination
    #[arg(long, value_name = "RUNS")]
    random: Option<usize>,
    /// What the ranking counts in
    #[arg(long, value_enum, default_value_t = Count::Coin)]
    currency: Count,
    /// Choose on TRAIN days and judge on the TEST days after them, over and over
    #[arg(long, value_name = "TRAIN/TEST", value_parser = windows)]
    walk_forward: Option<WalkForwardDays>,
    /// Let every window to choose on start at the first day
    #[arg(long, requires = "walk_forward")]
    anchored: bool,
    /// Runs shown, the best first
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    show: i64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Count {
    Coin,
    Usd,
}

fn windows(text: &str) -> Result<WalkForwardDays, String> {
    let days = |text: &str| text.trim().parse::<u32>().ok().filter(|days| *days > 0);
    let parts = text
        .split_once('/')
        .and_then(|(train, test)| Some((days(train)?, days(test)?)));
    let (train_days, test_days) = parts.ok_or("write TRAIN/TEST in days, for example 60/20")?;
    Ok(WalkForwardDays {
        train_days,
        test_days,
        gap_days: 0,
        anchored: false,
    })
}

impl Sweep {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let payload = self.payload()?;
        let ctx = live(session, Purpose::Watch).await?;
        source::stored(&ctx, "--", "sweep", &payload).await?;
        let job = enqueue(&ctx, "sweep", payload, Options::default()).await?;
        let done = result(&wait(&ctx, &job).await?)?;
        let id = done["sweep"].as_str().context("the job names its sweep")?;
        let document = sweeps::document(&ctx.db, id, self.show).await?;
        let document = document.with_context(|| format!("sweep {id} is gone"))?;
        session.output.result(&document, || report(&document))
    }

    fn payload(&self) -> anyhow::Result<Value> {
        let axes: Result<Vec<Axis>, Usage> = self.vary.iter().map(|text| axis(text)).collect();
        let axes = axes?;
        let settings = self.run.settings(self.run.market().one()?)?;
        said_once(&axes, &settings)?;
        let mut plan = Plan {
            axes,
            draws: self.random,
            ..Plan::default()
        };
        if let Some(seed) = settings.get("seed").and_then(Value::as_str) {
            seed.clone_into(&mut plan.seed);
        }
        let trials = plan.trials(&settings);
        trials.map_err(|error| Usage(named(&plan, &error)))?;
        let walk_forward = self.walk_forward.map(|plan| WalkForwardDays {
            anchored: self.anchored,
            ..plan
        });
        let currency = match self.currency {
            Count::Coin => Currency::Coin,
            Count::Usd => Currency::Usd,
        };
        let mut payload = self.run.market().payload(settings)?;
        payload["plan"] = json!(plan);
        payload["currency"] = json!(currency);
        if let Some(plan) = walk_forward {
            payload["walk_forward"] = json!(plan);
        }
        Ok(payload)
    }
}

/// A value named for a setting that varies would be lost without a word.
fn said_once(axes: &[Axis], settings: &Map<String, Value>) -> Result<(), Usage> {
    let twice = axes.iter().find_map(|axis| {
        // The market and the seed have options of their own, and refusals of their own.
        let own = matches!(
            axis.key.as_str(),
            "underlying" | "seed" | "from_ms" | "to_ms"
        );
        let value = settings.get(&axis.key).filter(|_| !own)?;
        Some((axis.key.as_str(), cell(value)))
    });
    twice.map_or(Ok(()), |(key, value)| {
        Err(Usage(format!(
            "--set {key}={value}: --vary {key} gives it its values; leave one of the two out"
        )))
    })
}

fn axis(text: &str) -> Result<Axis, Usage> {
    Axis::parse(text).map_err(|error| Usage(format!("--vary {}: {}", error.key, error.problem)))
}

/// The statistics, the ranking, the walk-forward windows.
fn report(sweep: &Value) -> String {
    let (data, statistics) = (&sweep["data"], &sweep["statistics"]);
    let head = format!(
        "Sweep {} ({}): {} runs over {} days of {}, {} failed{}",
        cell(&sweep["id"]),
        cell(&sweep["state"]),
        sweep["done"],
        cell(&statistics["days"]),
        cell(&data["source"]),
        sweep["failed"],
        match sweep["refused"].as_i64() {
            None | Some(0) => String::new(),
            Some(1) => ", 1 combination is no settings".to_owned(),
            Some(refused) => format!(", {refused} combinations are no settings"),
        },
    );
    format!(
        "{head}\n\n{}\n{}\n{}",
        luck(statistics),
        ranking(sweep),
        ahead(&statistics["walk_forward"])
    )
}

/// What the best is worth after so many tries.
fn luck(statistics: &Value) -> String {
    let rows = [
        (
            "the highest Sharpe ratio is more than luck",
            "deflated_sharpe",
        ),
        (
            "the best of one half of history is below the median of the other",
            "overfit_probability",
        ),
        (
            "the best of one half loses in the other",
            "loss_probability",
        ),
    ];
    let rows: Vec<Vec<Value>> = rows
        .into_iter()
        .map(|(name, key)| vec![name.into(), percent(&statistics[key])])
        .collect();
    table(&["probability that", "%"], &rows)
}

fn ranking(sweep: &Value) -> String {
    let runs = sweep["best"].as_array().map_or(&[][..], Vec::as_slice);
    let keys: Vec<&str> = runs
        .first()
        .and_then(|run| run["settings"].as_object())
        .map_or_else(Vec::new, |values| {
            values.keys().map(String::as_str).collect()
        });
    let figures = || FIGURES.iter().take(8);
    let rows: Vec<Vec<Value>> = runs
        .iter()
        .map(|run| {
            let mut row = vec![run["place"].clone(), run["n"].clone()];
            row.extend(
                keys.iter()
                    .map(|key| Value::from(cell(&run["settings"][key]))),
            );
            let shown = |figure: &sweeps::Figure| {
                if figure.share {
                    percent(&run[figure.key])
                } else {
                    rounded(&run[figure.key])
                }
            };
            row.extend(figures().map(shown));
            row
        })
        .collect();
    let labels: Vec<String> = figures()
        .map(|figure| {
            if figure.share {
                format!("{} %", figure.label)
            } else {
                figure.label.to_owned()
            }
        })
        .collect();
    let mut columns = vec!["place", "run"];
    columns.extend(keys);
    columns.extend(labels.iter().map(String::as_str));
    table(&columns, &rows)
}

/// What is wrong with a plan, by the option that says it.
fn named(plan: &Plan, error: &crate::backtest::SetupError) -> String {
    let varies = |axis: &Axis| axis.key == error.key;
    let option = match error.key.as_str() {
        "draws" => "--random".to_owned(),
        "axes" => "--vary".to_owned(),
        key if plan.axes.iter().any(varies) => format!("--vary {key}"),
        key => super::backtest::option_of(key),
    };
    format!("{option}: {}", error.problem)
}

/// Nothing when no windows were asked for.
fn ahead(found: &Value) -> String {
    let Some(windows) = found["windows"].as_array() else {
        return String::new();
    };
    let date = |value: &Value| {
        value.as_i64().map_or_else(String::new, |at_ms| {
            crate::clock::iso(at_ms)[..10].to_owned()
        })
    };
    let rows: Vec<Vec<Value>> = windows
        .iter()
        .map(|window| {
            vec![
                date(&window["train_from_ms"]).into(),
                date(&window["test_from_ms"]).into(),
                date(&window["test_to_ms"]).into(),
                window["n"].clone(),
                rounded(&window["train_sharpe"]),
                rounded(&window["test_sharpe"]),
                percent(&window["test_return"]),
            ]
        })
        .collect();
    let together = &found["together"];
    format!(
        "{}\nOut of sample, {} days end to end: return {} %, Sharpe {}\n",
        table(
            &[
                "chosen from",
                "judged from",
                "to",
                "run",
                "Sharpe chosen on",
                "Sharpe after",
                "return after %"
            ],
            &rows
        ),
        together["days"],
        cell(&percent(&together["total_return"])),
        cell(&rounded(&together["sharpe"])),
    )
}
