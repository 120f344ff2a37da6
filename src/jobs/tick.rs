//! `tick`: one decision for one underlying at one instant, whatever comes of it.

use super::decide::{Recorded, decision_id, failed, gather, record, take};
use super::{Defaults, Done, Job, JobError, Running, Schedule, collect, council, pace};
use crate::config::{Config, Missed};
use crate::ctx::Ctx;
use crate::db::desks::{DeskRow, DeskState};
use crate::domain::coin::Coin;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Decides for `underlying` as of the schedule's slot, or of `as_of_ms`, or of now.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tick {
    pub underlying: Coin,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of_ms: Option<i64>,
}

impl Job for Tick {
    const KIND: &'static str = "tick";
    const DEFAULTS: Defaults = Defaults {
        priority: 10,
        concurrency: 2,
        schedule: Schedule::Auto(pace::ticks),
        missed: Missed::Skip,
        stale_after_ms: Some(30_000),
        // A model that is asked twice and is slow both times.
        timeout_ms: 180_000,
        targets: underlyings,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let desk = ctx.row().await?;
        if desk.state() == DeskState::Stopped {
            return Ok(json!({ "skipped": "the desk is stopped" }));
        }
        let set_ms = self.as_of_ms.or(job.slot_ms);
        let at_ms = self.as_of_ms.unwrap_or_else(|| job.market_ms(&ctx));
        // A slot is decided once; a tick asked for by hand is its own.
        let key = set_ms.map_or_else(|| job.id.clone(), |_| String::new());
        match decide(&ctx, &desk, self.underlying, at_ms, &key, job).await {
            Ok(done) => Ok(done),
            Err(JobError::Cancelled) => Err(JobError::Cancelled),
            Err(error) => {
                let what = (self.underlying, at_ms);
                remember(&ctx, &desk, what, job, &error.message()).await?;
                Err(error)
            }
        }
    }
}

/// Times that a book changed under a decision before the tick gives up.
const RACES_MAX: usize = 4;

async fn decide(
    ctx: &Ctx,
    desk: &DeskRow,
    coin: Coin,
    at_ms: i64,
    key: &str,
    job: &Running,
) -> Result<Done, JobError> {
    for _ in 0..RACES_MAX {
        job.check()?;
        if let Some(done) = attempt(ctx, desk, coin, at_ms, key, job).await? {
            return Ok(done);
        }
    }
    Err(anyhow::anyhow!("the book of {coin} changed during every attempt to decide").into())
}

/// One decision in one transaction with the acknowledgement; `None` when the book changed meanwhile.
async fn attempt(
    ctx: &Ctx,
    desk: &DeskRow,
    coin: Coin,
    at_ms: i64,
    key: &str,
    job: &Running,
) -> Result<Option<Done>, JobError> {
    let gathered = gather(ctx, desk, coin, at_ms).await?;
    let id = decision_id(ctx, coin, gathered.context.as_of_ms, key);
    // Before the transaction: a model may take its time.
    let decided = take(ctx, job, &gathered, &id).await?;
    job.check()?;
    let mut tx = ctx.db.begin().await?;
    let recorded: Recorded =
        record(&mut tx, ctx, desk, &job.id, &id, &gathered, &decided.step).await?;
    if recorded.outdated {
        return Ok(None);
    }
    decided.note(&mut tx).await?;
    collect::follow(&mut tx, ctx, job).await?;
    council::follow(&mut tx, ctx, job, &id).await?;
    let done = recorded.done();
    job.finish(&mut tx, &done).await?;
    tx.commit().await?;
    Ok(Some(done))
}

async fn remember(
    ctx: &Ctx,
    desk: &DeskRow,
    (coin, at_ms): (Coin, i64),
    job: &Running,
    error: &str,
) -> anyhow::Result<()> {
    let key = format!("error {} {}", job.id, job.attempt);
    let id = decision_id(ctx, coin, at_ms, &key);
    let mut tx = ctx.db.begin().await?;
    failed(&mut tx, ctx, desk, &job.id, &id, (coin, at_ms), error).await?;
    collect::follow(&mut tx, ctx, job).await?;
    Ok(tx.commit().await?)
}

/// One job per underlying of the desk and slot.
pub(super) fn underlyings(config: &Config) -> Vec<(String, Value)> {
    let of = |coin: &Coin| (coin.as_str().to_owned(), json!({ "underlying": coin }));
    config.desk.underlyings.iter().map(of).collect()
}
