//! `sync_instruments`: notes which contracts the exchange lists.

use super::tick::underlyings;
use super::{Defaults, Done, Job, JobError, Running, Schedule};
use crate::config::Missed;
use crate::ctx::Ctx;
use crate::db::instruments;
use crate::domain::coin::Coin;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncInstruments {
    pub underlying: Coin,
}

impl Job for SyncInstruments {
    const KIND: &'static str = "sync_instruments";
    const DEFAULTS: Defaults = Defaults {
        schedule: Schedule::Cron("0 1 0,8 * * *"),
        missed: Missed::RunOnce,
        targets: underlyings,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let desk = ctx.row().await?;
        let now_ms = ctx.clock.now_ms();
        let listed = ctx.exchange.listings(self.underlying, now_ms).await?;
        let mut tx = ctx.db.begin().await?;
        instruments::seen(&mut tx, &desk.exchange, &listed, now_ms).await?;
        let done = json!({ "listed": listed.len() });
        job.finish(&mut tx, &done).await?;
        tx.commit().await?;
        Ok(done)
    }
}
