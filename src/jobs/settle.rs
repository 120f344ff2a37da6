//! `settle`: expiries become rows, at the delivery price the exchange publishes after 08:00 UTC.

use super::tick::underlyings;
use super::{Defaults, Done, Job, JobError, Running, Schedule, score_council};
use crate::config::Missed;
use crate::ctx::Ctx;
use crate::db::books;
use crate::db::desks::DeskRow;
use crate::db::settlements::{self, SettlementRow};
use crate::domain::account::Position;
use crate::domain::chain::Source;
use crate::domain::coin::Coin;
use crate::domain::order::Settlement;
use crate::fills;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;

/// Settles every expired position of one underlying.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    pub underlying: Coin,
}

/// Wall time until an unpublished delivery price is asked for again.
const PATIENCE: Duration = Duration::from_secs(2);

impl Job for Settle {
    const KIND: &'static str = "settle";
    const DEFAULTS: Defaults = Defaults {
        priority: 20,
        max_attempts: 20,
        schedule: Schedule::Cron("30 0 8 * * *"),
        missed: Missed::RunOnce,
        targets: underlyings,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let (desk, coin, now_ms) = (ctx.row().await?, self.underlying, ctx.clock.now_ms());
        let portfolio = books::portfolio(&ctx.db, &ctx.desk).await?;
        let expired = portfolio
            .positions_of(coin)
            .filter(|held| held.instrument.expiry_ms <= now_ms);
        let mut rows = Vec::new();
        for held in expired {
            let (settlement, source) = outcome(&ctx, &desk, held, now_ms).await?;
            rows.push(SettlementRow::new(
                &ctx.desk,
                &held.chain,
                &settlement,
                source,
            ));
        }
        let mut tx = ctx.db.begin().await?;
        if !rows.is_empty() {
            books::touch(&mut tx, &ctx.desk, coin).await?;
        }
        for row in &rows {
            settlements::insert(&mut tx, row).await?;
        }
        let settled: Vec<_> = rows.iter().map(|row| json!({
            "instrument": row.instrument, "assigned": row.payoff_e8 != 0, "chain": row.chain,
        })).collect();
        score_council::follow(&mut tx, &ctx, job, coin).await?;
        let done = json!({ "settled": settled });
        job.finish(&mut tx, &done).await?;
        tx.commit().await?;
        Ok(done)
    }
}

/// In a dry run our own position at the published price, else what the exchange booked.
async fn outcome(
    ctx: &Ctx,
    desk: &DeskRow,
    held: &Position,
    now_ms: i64,
) -> Result<(Settlement, Source), JobError> {
    let call = &held.instrument;
    let found = if desk.dry_run {
        let price = ctx
            .exchange
            .delivery_price(call.coin, call.expiry_ms, now_ms)
            .await?;
        price.map(|(price, source)| (fills::settle(call, held.size, price), source))
    } else {
        let since_ms = call.expiry_ms - 1;
        let deliveries = ctx.exchange.deliveries(call.coin, since_ms, now_ms).await?;
        let of_call = deliveries
            .into_iter()
            .find(|booked| booked.settlement.instrument == *call);
        of_call.map(|booked| (booked.settlement, booked.price_source))
    };
    found.ok_or_else(|| {
        let waiting = anyhow::anyhow!("no delivery of {call} is published yet");
        JobError::RetryIn(PATIENCE, waiting)
    })
}
