//! Every database function, run on both engines over the same rows, with answers that must be equal.
//!
//! [`every_database_function_is_run_on_both_engines`] reads src/db and fails when one is left out.

mod backtests;
mod book;
mod chats;
mod controls;
mod drifts;
mod llm_calls;
mod market;
mod queue;
mod sweeps;
mod training_rows;
mod views;

use crate::support::{TestDb, each_db, postgres, sqlite};
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use thetaq::clock::{Clock, Time};
use thetaq::config::Config;
use thetaq::ctx::Ctx;
use thetaq::db::{Db, Tx, training};
use thetaq::domain::coin::Coin;
use thetaq::jobs::backtest::Backtest;
use thetaq::jobs::drain::{Advance, run_until_idle};
use thetaq::jobs::evaluate::Evaluate;
use thetaq::jobs::settle::Settle;
use thetaq::jobs::tick::Tick;
use thetaq::jobs::train::Train;
use thetaq::jobs::{Options, enqueue, registry};

/// 2026-01-05 09:00 UTC.
pub(super) const START_MS: i64 = 1_767_603_600_000;
pub(super) const HOUR_MS: i64 = 3_600_000;
pub(super) const DESK: &str = "test";

/// A SQLite file and a Postgres database that went through the same.
pub(super) struct Pair([TestDb; 2]);

impl Pair {
    pub(super) async fn empty() -> Self {
        Self([sqlite().await, postgres().await])
    }

    /// Both with a desk that traded and settled for three days on the synthetic market.
    pub(super) async fn traded() -> Self {
        let pair = Self::empty().await;
        for test in &pair.0 {
            trade(&test.db).await;
        }
        pair
    }

    /// A statement on both engines.
    pub(super) async fn run(&self, sql: &str) {
        for test in &self.0 {
            crate::support::dataset::run(&test.url, sql).await;
        }
    }

    /// The answer of both engines.
    pub(super) async fn same<T: Debug>(
        &self,
        question: impl AsyncFn(&Db) -> sqlx_result::R<T>,
    ) -> T {
        let [lite, server] = &self.0;
        let first = question(&lite.db).await.unwrap();
        let second = question(&server.db).await.unwrap();
        let (ours, theirs) = (lines(&first), lines(&second));
        let differing = ours
            .iter()
            .zip(&theirs)
            .find(|(ours, theirs)| ours != theirs);
        assert!(ours == theirs, "SQLite, then Postgres: {differing:#?}");
        first
    }

    /// The answer of both engines to a committed change.
    pub(super) async fn change<T: Debug>(
        &self,
        change: impl AsyncFn(&mut Tx) -> sqlx_result::R<T>,
    ) -> T {
        self.same(async |db| {
            let mut tx = db.begin().await?;
            let answer = change(&mut tx).await?;
            tx.commit().await?;
            Ok(answer)
        })
        .await
    }
}

/// What a value shows, sorted: jsonb has an order of keys of its own.
fn lines(value: &impl Debug) -> Vec<String> {
    let mut lines: Vec<String> = format!("{value:#?}").lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Errors of either kind that a function of src/db gives.
pub(super) mod sqlx_result {
    pub(crate) type R<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
}

/// Four days of the synthetic market.
pub(super) fn backtest() -> Backtest {
    Backtest {
        source: "synthetic".to_owned(),
        settings: serde_json::json!({
            "from_ms": START_MS, "to_ms": START_MS + 96 * HOUR_MS, "score_min": 0, "ivrv_min": 0,
        }),
        market_seed: Some("db".to_owned()),
        checkpoint_steps: None,
    }
}

/// Four days of the synthetic market as training rows.
fn train() -> Train {
    let job = serde_json::json!({
        "source": "synthetic", "market_seed": "db", "train_share": 1, "validation_share": 0,
        "settings": { "from_ms": START_MS, "to_ms": START_MS + 96 * HOUR_MS, "open_interest_min": 0 },
    });
    serde_json::from_value(job).unwrap()
}

/// Judges the dataset that [`train`] has made.
async fn evaluate(ctx: &Ctx) {
    let datasets = training::list(&ctx.db, 1).await.unwrap();
    let job =
        serde_json::json!({ "dataset": datasets[0].id, "policy": "greedy", "underlying": "BTC" });
    let job: Evaluate = serde_json::from_value(job).unwrap();
    let mut tx = ctx.db.begin().await.unwrap();
    enqueue(&mut tx, ctx, &job, Options::default())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    run_until_idle(ctx, &registry::all(), Advance::Stay)
        .await
        .unwrap();
}

async fn trade(db: &Db) {
    let config = Config::parse("[desk]\ndte_max = 2.5\nivrv_min = 0.1", "test").unwrap();
    let clock = Clock::manual(START_MS, &["db"]);
    let ctx = Ctx::with_clock(db.clone(), DESK, clock, Arc::new(config));
    ctx.open().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    enqueue(&mut tx, &ctx, &backtest(), Options::default())
        .await
        .unwrap();
    enqueue(&mut tx, &ctx, &train(), Options::default())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    // The last days only wait: what is open then expires.
    for (n, ticks) in (0..8)
        .map(|n| (n, true))
        .chain([(12, false), (16, false), (20, false)])
    {
        ctx.clock.set(Time::Manual {
            now_ms: START_MS + n * 6 * HOUR_MS,
        });
        let mut tx = db.begin().await.unwrap();
        for underlying in Coin::ALL {
            let (tick, settle) = (
                Tick {
                    underlying,
                    as_of_ms: None,
                },
                Settle { underlying },
            );
            if ticks {
                enqueue(&mut tx, &ctx, &tick, Options::default())
                    .await
                    .unwrap();
            }
            enqueue(&mut tx, &ctx, &settle, Options::default())
                .await
                .unwrap();
        }
        tx.commit().await.unwrap();
        let registry = registry::all();
        run_until_idle(&ctx, &registry, Advance::Stay)
            .await
            .unwrap();
    }
    evaluate(&ctx).await;
}

#[tokio::test]
async fn migrating_twice_changes_nothing() {
    each_db(async |test| {
        test.db.migrate().await.unwrap();
        test.db.close().await;
    })
    .await;
}

#[test]
fn every_database_function_is_run_on_both_engines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = text_below(&root.join("tests/it"));
    let source = text_below(&root.join("src/db"));
    let names = source.lines().filter_map(|line| {
        let rest = line.trim_start().strip_prefix("pub async fn ")?;
        rest.split(['(', '<']).next()
    });
    let mut left: Vec<&str> = names
        .filter(|name| {
            ![format!("::{name}("), format!(".{name}(")]
                .iter()
                .any(|call| tests.contains(call))
        })
        .collect();
    left.sort_unstable();
    assert!(left.is_empty(), "tests/it/db calls none of {left:?}");
}

fn text_below(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &text_below(&path);
        } else {
            text += &std::fs::read_to_string(&path).unwrap();
        }
    }
    text
}
