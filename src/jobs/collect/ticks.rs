//! One tick of the desk as a step of every profile's book.

use super::open::{Books, Open, Stepped};
use crate::backtest::{Builder, Daily, Data, Series};
use crate::ctx::Ctx;
use crate::db::decisions::{self, TickRow};
use crate::domain::chain::{Chain, Source};
use crate::domain::coin::Coin;
use crate::domain::context::Features;
use crate::domain::money::float;
use crate::jobs::JobError;
use crate::jobs::decide::stored_chain;
use crate::training::{Missed, Walk};
use anyhow::{Context as _, anyhow};

/// Desk time for which a delivery price may be late; a call without one then ends as an error, as in a walk
/// over stored chains.
const LATE_MS: i64 = 3_600_000;

/// What a tick saw.
struct Seen {
    chain: Chain,
    features: Features,
}

impl Open {
    /// False when a delivery price must be waited for; nothing has changed then.
    pub(super) async fn step(
        &mut self,
        ctx: &Ctx,
        coin: Coin,
        books: &mut Books,
        tick: &TickRow,
    ) -> Result<bool, JobError> {
        let at_ms = tick.as_of_ms;
        let seen = match problem(ctx, books, tick) {
            Some(problem) => Err(problem),
            None => seen(ctx, coin, tick).await?,
        };
        let Some(deliveries) = deliveries(ctx, coin, books, at_ms).await? else {
            return Ok(false);
        };
        let split = |at_ms| self.splits.of(at_ms);
        if books
            .last_ms
            .is_some_and(|last_ms| split(last_ms) < split(at_ms))
        {
            self.cut(ctx, coin, books).await?;
        }
        match seen {
            Err(error) => self.miss(coin, books, at_ms, &error),
            Ok(seen) => {
                books.index_price = seen.chain.index_price;
                let data = data(coin, at_ms, seen, deliveries);
                Walk::live(&data, &self.plan, self.splits)
                    .tick(&mut books.walk, &mut self.rows)
                    .map_err(|error| JobError::Abort(error.into()))?;
                books.last_step = Some(Stepped {
                    decision: tick.id.clone(),
                    at_ms,
                });
            }
        }
        Ok(true)
    }

    fn miss(&mut self, coin: Coin, books: &mut Books, at_ms: i64, error: &str) {
        let missed = Missed {
            at_ms,
            index_price: books.index_price,
            error,
        };
        let of = (&self.plan, coin, self.splits);
        books.walk.miss(of, &missed, &mut self.rows);
    }

    /// Ends the episodes of an underlying with the books right after their last step.
    pub(super) async fn cut(
        &mut self,
        ctx: &Ctx,
        coin: Coin,
        books: &mut Books,
    ) -> Result<(), JobError> {
        let Some(Stepped { decision, at_ms }) = books.last_step.clone() else {
            return Ok(());
        };
        let row = decisions::get(&ctx.db, &decision).await?;
        let row = row.with_context(|| format!("decision {decision} is gone"))?;
        let tick = TickRow {
            id: row.id,
            as_of_ms: row.as_of_ms,
            error: row.error,
            snapshot_source: row.snapshot_source,
            snapshot_at_ms: row.snapshot_at_ms,
        };
        let seen = seen(ctx, coin, &tick)
            .await?
            .map_err(|problem| anyhow!(problem))?;
        let data = data(coin, at_ms, seen, Vec::new());
        Walk::live(&data, &self.plan, self.splits)
            .cut(&mut books.walk, &mut self.rows)
            .map_err(|error| JobError::Abort(error.into()))
    }
}

/// Why no profile can decide at a tick.
fn problem(ctx: &Ctx, books: &Books, tick: &TickRow) -> Option<String> {
    if tick.error.is_some() {
        return tick.error.clone();
    }
    let after = books
        .last_step
        .as_ref()
        .filter(|step| step.at_ms >= tick.as_of_ms);
    if after.is_some() {
        return Some("decided after the tick that follows it: the books had gone on".to_owned());
    }
    let age_ms = tick.as_of_ms - tick.snapshot_at_ms.unwrap_or(tick.as_of_ms);
    let most_ms = ctx.config.settings().quote_max_age_ms;
    (age_ms > most_ms).then(|| format!("the quotes were {age_ms} ms old, more than {most_ms}"))
}

/// The chain and the features of a decision, exactly; the inner error is why it can never be had.
async fn seen(ctx: &Ctx, coin: Coin, tick: &TickRow) -> anyhow::Result<Result<Seen, String>> {
    let context = decisions::context(&ctx.db, &tick.id).await?;
    let named = tick.snapshot_source.as_deref().zip(tick.snapshot_at_ms);
    let (Some(context), Some((source, quoted_ms))) = (context, named) else {
        return Ok(Err("its context is not stored".to_owned()));
    };
    let Some(mut chain) = stored_chain(ctx, source, coin, quoted_ms).await? else {
        let problem = format!("its chain {source} {coin} {quoted_ms} is not stored");
        return Ok(Err(problem));
    };
    // A stored chain says how it is stored; the desk saw it live.
    if source == ctx.snapshot_source(Source::Live) {
        chain.source = Source::Live;
    }
    Ok(Ok(Seen {
        chain,
        features: context.features,
    }))
}

/// Prices at which what is held has expired by an instant; `None` while one may still be published.
async fn deliveries(
    ctx: &Ctx,
    coin: Coin,
    books: &Books,
    at_ms: i64,
) -> anyhow::Result<Option<Vec<(i64, f64)>>> {
    let now_ms = ctx.clock.now_ms().max(at_ms);
    let mut known = Vec::new();
    for expiry_ms in books.walk.expired(at_ms) {
        match ctx.exchange.delivery_price(coin, expiry_ms, now_ms).await? {
            Some((price, _)) => known.push((expiry_ms, float(price))),
            None if now_ms < expiry_ms + LATE_MS => return Ok(None),
            None => {}
        }
    }
    Ok(Some(known))
}

/// One snapshot, at the instant of the decision.
fn data(coin: Coin, at_ms: i64, seen: Seen, deliveries: Vec<(i64, f64)>) -> Data {
    let none = || Series {
        points: Vec::new(),
        source: Source::Missing,
    };
    let daily = Daily {
        closes: none(),
        dvol: none(),
        deliveries: Series {
            points: deliveries,
            source: Source::DeliveryPrice,
        },
    };
    let mut builder = Builder::new(coin, daily);
    let index = seen.chain.source.as_str();
    let chain = Chain {
        at_ms,
        ..seen.chain
    };
    builder.push_with(chain, seen.features, "", index);
    builder.finish("live")
}
