//! `thetaq train` and `thetaq evaluate`: datasets of decisions, and what other policies would have earned on them.

use super::Usage;
use super::backtest::{RangeArgs, SourceArgs};
use super::follow::{enqueue, live, result, wait};
use super::session::Session;
use super::source;
use crate::ctx::Purpose;
use crate::db::training;
use crate::domain::coin::Coin;
use crate::jobs::Options;
use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Collect what profiles saw, did and earned over recorded or synthetic chains or live, a row for every step
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq train --profiles all --underlying BTC,ETH --source recorded --from 2026-01-02 --to 2026-05-29\n  thetaq train --profiles conservative,moderate --ladder --set exit=hold_to_expiry --seed 7\n  thetaq train --source synthetic --market-seed 7 --from 2026-01-01 --to 2026-12-31 --json\n  thetaq train --source live --profiles all     rows of every tick of the desk, until stopped\n  thetaq train --stop\n\nThe run is a job: it can be watched, cancelled and retried under its id (`thetaq jobs`). Rows are in\nv_training, the calls each step could choose from in v_training_candidates."
)]
pub(super) struct Train {
    /// conservative, moderate, aggressive, a profile of workers.toml, or all
    #[arg(long, default_value = "all", value_delimiter = ',')]
    profiles: Vec<String>,
    /// BTC, ETH, or both
    #[arg(long, default_value = "BTC,ETH", value_delimiter = ',')]
    underlying: Vec<Coin>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    range: RangeArgs,
    /// A profile may hold two calls at once and sell both at one instant
    #[arg(long)]
    ladder: bool,
    /// Share of the time that is for training
    #[arg(long = "train-share", default_value_t = 0.7, value_name = "SHARE")]
    share: f64,
    /// Share of the time that is for validation; what is left is for tests
    #[arg(long, default_value_t = 0.15, value_name = "SHARE")]
    validation_share: f64,
    /// Factor on what is earned a day later
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    discount_per_day: f64,
    /// End the live collection of the desk
    #[arg(long, exclusive = true)]
    stop: bool,
}

/// Estimate what a policy would have earned on a dataset, from the probabilities that were logged
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq evaluate --dataset 01KE8N5W7GM2Y5X1V3A9BCDEFG --policy greedy --underlying BTC\n  thetaq evaluate --dataset 01KE8N5W7GM2Y5X1V3A9BCDEFG --policy rules_v2 --split test --reward reward_usd --json\n\nA value is what an episode earns, from a book without calls to a book without calls."
)]
pub(super) struct Evaluate {
    /// The dataset; `thetaq sql \"select id, profiles, rows from v_datasets\"` lists them
    #[arg(long, value_name = "ID")]
    dataset: String,
    /// logged, greedy, uniform, rules_v1, rules_v2, or a profile
    #[arg(long, value_name = "NAME")]
    policy: String,
    /// Steps of all splits or of one
    #[arg(long, default_value = "all", value_parser = ["all", "train", "validation", "test"])]
    split: String,
    /// What is added up
    #[arg(long, default_value = "reward_coin", value_parser = ["reward_coin", "reward_usd", "reward_versus_holding"])]
    reward: String,
    /// Steps of this underlying alone; needed for rewards in coin on a dataset of both
    #[arg(long, value_name = "COIN")]
    underlying: Option<Coin>,
    /// Steps of this profile alone
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Seed of the bootstrap
    #[arg(long, default_value = "thetaq")]
    seed: String,
}

impl Train {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        if self.stop {
            return stop(session).await;
        }
        let mut settings = self.source.settings()?;
        self.range.add(&mut settings)?;
        let mut payload = self.source.payload(settings)?;
        payload["underlyings"] = json!(self.underlying);
        payload["profiles"] = json!(self.profiles);
        payload["ladder"] = if self.ladder { 2.into() } else { 1.into() };
        payload["train_share"] = self.share.into();
        payload["validation_share"] = self.validation_share.into();
        payload["discount_per_day"] = self.discount_per_day.into();
        let ctx = live(session, Purpose::Watch).await?;
        source::stored(&ctx, "--", "train", &payload).await?;
        let id = enqueue(&ctx, "train", payload, Options::default()).await?;
        let found = result(&wait(&ctx, &id).await?)?;
        session.output.result(&found, || train_text(&found))
    }
}

impl Evaluate {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        if self.dataset.trim().is_empty() {
            return Err(Usage("--dataset: must not be empty".to_owned()).into());
        }
        let payload = json!({
            "dataset": self.dataset, "policy": self.policy, "split": self.split, "reward": self.reward,
            "underlying": self.underlying, "profile": self.profile, "seed": self.seed,
        });
        let ctx = live(session, Purpose::Watch).await?;
        let id = enqueue(&ctx, "evaluate", payload, Options::default()).await?;
        let found = result(&wait(&ctx, &id).await?)?;
        session.output.result(&found, || evaluate_text(&found))
    }
}

/// Waits until the last rows of the desk's collection are written.
async fn stop(session: &Session) -> anyhow::Result<()> {
    let ctx = live(session, Purpose::Watch).await?;
    let row = training::collecting(&ctx.db, &ctx.desk).await?;
    let row = row.context("nothing is collected live; `thetaq train --source live` begins")?;
    let payload = json!({ "dataset": row.id, "stop": true });
    let id = enqueue(&ctx, "collect", payload, Options::default()).await?;
    let found = result(&wait(&ctx, &id).await?)?;
    session.output.result(&found, || train_text(&found))
}

fn train_text(found: &Value) -> String {
    if found["collecting"] == true {
        let id = found["dataset"].as_str().unwrap_or_default();
        return format!(
            "Dataset {id} goes on with every tick of the desk; `thetaq train --stop` ends it\n"
        );
    }
    let mut text = format!(
        "Dataset {}: {} rows, {} candidates, {} errors\n",
        found["dataset"].as_str().unwrap_or_default(),
        found["rows"],
        found["candidates"],
        found["errors"]
    );
    for (title, key) in [
        ("by profile", "by_profile"),
        ("by action", "by_action"),
        ("by split", "by_split"),
    ] {
        let counts = found[key].as_object().into_iter().flatten();
        for (name, rows) in counts {
            let _ = writeln!(text, "  {title:<11} {name:<20} {rows:>9}");
        }
    }
    text
}

fn evaluate_text(found: &Value) -> String {
    let mut text = format!(
        "{} on {}: {} episodes, {} draws, {} {}\n",
        found["policy"].as_str().unwrap_or_default(),
        found["dataset"].as_str().unwrap_or_default(),
        found["episodes"],
        found["draws"],
        found["reward"].as_str().unwrap_or_default(),
        found["unit"].as_str().unwrap_or_default(),
    );
    let number = |value: &Value| {
        let number = value.as_f64();
        number.map_or_else(|| "none".to_owned(), |number| format!("{number:.8}"))
    };
    let _ = writeln!(text, "  {:<8} {:>14}", "logged", number(&found["logged"]));
    for name in ["ips", "snips", "dr"] {
        let one = &found["estimates"][name];
        let (value, low, high) = (
            number(&one["value"]),
            number(&one["low"]),
            number(&one["high"]),
        );
        let _ = writeln!(text, "  {name:<8} {value:>14}   {low} to {high}");
    }
    let effective = found["effective_sample_size"].as_f64().unwrap_or_default();
    let _ = writeln!(text, "  effective episodes {effective:.1}");
    if let Some(warning) = found["overlap_warning"].as_str() {
        let _ = writeln!(text, "  Warning: {warning}");
    }
    text
}
