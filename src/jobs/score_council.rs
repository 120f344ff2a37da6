//! `score_council`: what the decisions of the council came to, once every call they traded has expired.

use super::{Defaults, Done, Job, JobError, Options, Running, council, enqueue};
use crate::ctx::Ctx;
use crate::db::Tx;
use crate::db::shadow_decisions::{self, Score, ShadowRow};
use crate::domain::coin::Coin;
use crate::domain::money::{decimal, float, to_e8};
use crate::domain::order::Fill;
use crate::step::council::{Before, hindsight};
use anyhow::Context as _;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// Scores what is due of one underlying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreCouncil {
    pub underlying: Coin,
}

/// Wall time until an unpublished delivery price is asked for again.
const PATIENCE: Duration = Duration::from_secs(2);

impl Job for ScoreCouncil {
    const KIND: &'static str = "score_council";
    const DEFAULTS: Defaults = Defaults {
        max_attempts: 20,
        serial: true,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let (coin, now_ms) = (self.underlying, ctx.clock.now_ms());
        let due = shadow_decisions::due(&ctx.db, &ctx.desk, coin, now_ms).await?;
        let mut prices = BTreeMap::new();
        let mut scores = Vec::new();
        for row in &due {
            job.check()?;
            let fills: Vec<Fill> = serde_json::from_str(&row.fills)?;
            for fill in &fills {
                known(&ctx, coin, fill.instrument.expiry_ms, now_ms, &mut prices).await?;
            }
            let end = end(&ctx, coin, row, now_ms, &mut prices).await?;
            scores.push(score(row, &fills, end, &prices, now_ms)?);
        }
        let done = json!({ "underlying": coin, "scored": scores.len() });
        let mut tx = ctx.db.begin().await?;
        for one in &scores {
            shadow_decisions::score(&mut tx, one).await?;
        }
        job.finish(&mut tx, &done).await?;
        tx.commit().await?;
        Ok(done)
    }
}

/// In the transaction of a settlement: has the council scored when there is one.
pub(super) async fn follow(
    tx: &mut Tx,
    ctx: &Ctx,
    settle: &Running,
    underlying: Coin,
) -> anyhow::Result<()> {
    if council::policies(&ctx.config).is_empty() {
        return Ok(());
    }
    let options = Options {
        parent: Some(settle.id.clone()),
        ..Options::default()
    };
    enqueue(tx, ctx, &ScoreCouncil { underlying }, options).await?;
    Ok(())
}

/// The price at the horizon; where nobody traded, that of the decision itself.
async fn end(
    ctx: &Ctx,
    coin: Coin,
    row: &ShadowRow,
    now_ms: i64,
    prices: &mut BTreeMap<i64, Decimal>,
) -> Result<Decimal, JobError> {
    if row.horizon_ms > row.as_of_ms {
        return known(ctx, coin, row.horizon_ms, now_ms, prices).await;
    }
    Ok(decimal(row.index_price).context("the index of the decision is no price")?)
}

/// The published delivery price of an expiry; waits until there is one.
async fn known(
    ctx: &Ctx,
    coin: Coin,
    expiry_ms: i64,
    now_ms: i64,
    prices: &mut BTreeMap<i64, Decimal>,
) -> Result<Decimal, JobError> {
    if let Some(price) = prices.get(&expiry_ms) {
        return Ok(*price);
    }
    let found = ctx.exchange.delivery_price(coin, expiry_ms, now_ms).await?;
    let Some((price, _)) = found else {
        let at = crate::clock::iso(expiry_ms);
        let waiting = anyhow::anyhow!("no delivery price of {coin} at {at} is published yet");
        return Err(JobError::RetryIn(PATIENCE, waiting));
    };
    prices.insert(expiry_ms, price);
    Ok(price)
}

fn score(
    row: &ShadowRow,
    fills: &[Fill],
    end: Decimal,
    prices: &BTreeMap<i64, Decimal>,
    now_ms: i64,
) -> anyhow::Result<Score> {
    let before = Before {
        equity: row.equity_coin,
        index_price: row.index_price,
    };
    let found = hindsight(fills, before, end, |at_ms| prices.get(&at_ms).copied());
    let found = found.context("an expiry of the council has no price")?;
    Ok(Score {
        decision: row.decision.clone(),
        policy: row.policy.clone(),
        at_ms: now_ms,
        end_price: float(end),
        result_coin_e8: to_e8(found.coin),
        result_usd: found.usd,
        versus_holding_usd: found.versus_holding,
    })
}
