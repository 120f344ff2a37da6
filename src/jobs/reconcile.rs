//! `reconcile`: compares our folded book with the exchange's; when they differ, halts the desk or takes
//! the exchange's book over.

use super::decide::{Moment, adopt};
use super::tick::underlyings;
use super::trade::Trade;
use super::{Defaults, Done, Job, JobError, Running, Schedule, pace};
use crate::config::{Missed, Reconcile as Policy};
use crate::ctx::Ctx;
use crate::db::desks::{self, DeskState};
use crate::db::reconciliations::{self, ReconciliationRow};
use crate::db::{books, orders};
use crate::domain::coin::Coin;
use crate::domain::instrument::Instrument;
use crate::execution::reconcile::{Book, OnDifference, Outcome, reconcile};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reconcile {
    pub underlying: Coin,
    /// Take the exchange's book over, down to the last satoshi, whatever the setting says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopt: bool,
}

/// The exchange's clock may be ahead of ours by so much.
const AHEAD_MS: i64 = 10_000;
/// The same where time is accelerated, milliseconds of the wall.
const AHEAD_WALL_MS: f64 = 50.0;

/// Wall time until a comparison that was overtaken is made again.
const PATIENCE: Duration = Duration::from_secs(1);

impl Job for Reconcile {
    const KIND: &'static str = "reconcile";
    const DEFAULTS: Defaults = Defaults {
        schedule: Schedule::Auto(pace::hourly_after),
        missed: Missed::Skip,
        targets: underlyings,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let (desk, coin, now_ms) = (ctx.row().await?, self.underlying, ctx.clock.now_ms());
        if desk.dry_run {
            return Ok(json!({ "skipped": "a dry run has no book at the exchange" }));
        }
        attend(&ctx, coin).await?;
        let version = books::version(&ctx.db, &ctx.desk, coin).await?;
        if !orders::working(&ctx.db, &ctx.desk, coin).await?.is_empty() {
            return Ok(json!({ "skipped": "orders are working" }));
        }
        let portfolio = books::portfolio(&ctx.db, &ctx.desk).await?;
        let expires = |by_ms: i64| {
            let mut held = portfolio.positions_of(coin);
            held.any(|held| held.instrument.expiry_ms <= by_ms)
        };
        if expires(now_ms) && !self.adopt {
            return Ok(json!({ "skipped": "an expiry waits for its settlement" }));
        }
        let held = portfolio
            .positions_of(coin)
            .map(|held| (held.instrument, held.size));
        let ours = Book {
            cash: BTreeMap::from([(coin.as_str().to_owned(), portfolio.cash(coin.as_str()))]),
            positions: held.collect(),
        };
        let (theirs, prices) = theirs(&ctx, coin, now_ms).await?;
        let index = ctx.exchange.index_price(coin, now_ms).await?;
        if expires(ctx.clock.now_ms() + ahead_ms(ctx.clock.speed())) && !self.adopt {
            return Ok(json!({ "skipped": "an expiry passed while the books were compared" }));
        }
        let (policy, tolerance_usd) = match ctx.config.desk.reconcile {
            _ if self.adopt => (OnDifference::Adopt, 0.0),
            Policy::Halt => (OnDifference::Halt, ctx.config.desk.reconcile_tolerance_usd),
            Policy::Adopt => (OnDifference::Adopt, ctx.config.desk.reconcile_tolerance_usd),
        };
        let found = reconcile(&ours, &theirs, index, tolerance_usd, policy);
        let row = ReconciliationRow {
            id: ctx.clock.id(),
            desk: ctx.desk.clone(),
            job: job.id.clone(),
            underlying: coin.as_str().to_owned(),
            at_ms: now_ms,
            outcome: found.outcome.as_str().to_owned(),
            difference_usd: found.difference_usd,
            details: serde_json::from_value(serde_json::to_value(&found.differences)?)?,
        };
        let mut tx = ctx.db.begin().await?;
        if !books::advance(&mut tx, &ctx.desk, coin, version).await? {
            let changed = anyhow::anyhow!("the book of {coin} changed while it was compared");
            return Err(JobError::RetryIn(PATIENCE, changed));
        }
        reconciliations::insert(&mut tx, &row).await?;
        match found.outcome {
            Outcome::Agreed => {}
            Outcome::Halted => {
                desks::set_state(&mut tx, &ctx.desk, DeskState::Paused, now_ms).await?;
            }
            Outcome::Adopted => {
                let moment = Moment {
                    job: &job.id,
                    prices: &prices,
                    coin,
                    at_ms: now_ms,
                    index_price: index,
                };
                adopt(&mut tx, &ctx, &desk, moment, &portfolio, &found.differences).await?;
            }
        }
        let done = json!({ "reconciliation": row.id, "outcome": row.outcome,
            "difference_usd": row.difference_usd });
        job.finish(&mut tx, &done).await?;
        tx.commit().await?;
        Ok(done)
    }
}

/// What the exchange has settled within this of our clock is no difference.
fn ahead_ms(speed: f64) -> i64 {
    AHEAD_MS.max((AHEAD_WALL_MS * speed) as i64)
}

/// Sends somebody to orders that nobody follows any more.
async fn attend(ctx: &Ctx, coin: Coin) -> anyhow::Result<()> {
    let left = orders::unattended(&ctx.db, &ctx.desk, coin).await?;
    if left.is_empty() {
        return Ok(());
    }
    let mut tx = ctx.db.begin().await?;
    for order in left {
        let visit = Trade::first(&order.decision, coin);
        visit.extra_visit(&mut tx, ctx).await?;
    }
    Ok(tx.commit().await?)
}

/// The exchange's book and the average prices of what it holds.
async fn theirs(ctx: &Ctx, coin: Coin, at_ms: i64) -> anyhow::Result<(Book, Prices)> {
    let account = ctx.exchange.account(coin, at_ms).await?;
    let held = ctx.exchange.positions(coin, at_ms).await?;
    let prices = held
        .iter()
        .map(|held| (held.instrument, held.average_price));
    let book = Book {
        cash: BTreeMap::from([(coin.as_str().to_owned(), account.balance)]),
        positions: held
            .iter()
            .map(|held| (held.instrument, held.size))
            .collect(),
    };
    Ok((book, prices.collect()))
}

type Prices = BTreeMap<Instrument, Decimal>;

#[cfg(test)]
mod tests {
    use super::ahead_ms;

    #[test]
    fn a_fast_clock_leaves_the_exchange_as_much_of_the_wall() {
        assert_eq!(ahead_ms(1.0), 10_000);
        assert_eq!(ahead_ms(720.0), 36_000);
        assert_eq!(ahead_ms(14_400.0), 720_000);
    }
}
