//! `record_market`: stores the chain of one underlying, so that history grows while the desk runs.
//!
//! Snapshots of the synthetic market are a function of its seed and of recorded chains are there already:
//! those are not stored again, and a decision names the snapshot it saw.

use super::tick::underlyings;
use super::{Defaults, Done, Job, JobError, Running, Schedule, pace};
use crate::config::Missed;
use crate::ctx::Ctx;
use crate::db::chains::{self, SnapshotRow};
use crate::domain::chain::Source;
use crate::domain::coin::Coin;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordMarket {
    pub underlying: Coin,
    /// Store a synthetic chain too, as `synthetic:SEED`.
    #[serde(default)]
    pub synthetic: bool,
}

impl Job for RecordMarket {
    const KIND: &'static str = "record_market";
    const DEFAULTS: Defaults = Defaults {
        schedule: Schedule::Auto(pace::hourly),
        missed: Missed::Skip,
        stale_after_ms: Some(60_000),
        targets: underlyings,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let at_ms = job.market_ms(&ctx);
        let chain = ctx.exchange.chain(self.underlying, at_ms).await?;
        let source = match chain.source {
            Source::Synthetic if !self.synthetic => {
                return Ok(json!({ "skipped": "the synthetic market is a function of its seed" }));
            }
            Source::Recorded => return Ok(json!({ "skipped": "the chain is recorded already" })),
            source => ctx.snapshot_source(source),
        };
        let row = SnapshotRow::of_chain(&source, &chain);
        let mut tx = ctx.db.begin().await?;
        let stored = chains::keep(&mut tx, &row).await?;
        let inserted = if stored { chain.quotes.len() } else { 0 };
        let done = json!({ "source": source, "at_ms": chain.at_ms, "inserted": inserted });
        job.finish(&mut tx, &done).await?;
        tx.commit().await?;
        Ok(done)
    }
}
