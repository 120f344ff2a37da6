//! Gathers what a policy may see of one underlying at one instant; one call for the whole chain.

use crate::ctx::Ctx;
use crate::db::chains::{self, SnapshotRow};
use crate::db::desks::DeskRow;
use crate::db::{books, equity, orders};
use crate::domain::account::{Account, WorkingOrder};
use crate::domain::chain::{Chain, Source};
use crate::domain::coin::Coin;
use crate::domain::context::Context;
use crate::domain::instrument::DAY_MS;
use crate::domain::money;
use crate::domain::portfolio::Portfolio;
use crate::domain::settings::Settings;
use crate::fills;
use crate::market::features::features;
use anyhow::{Context as _, ensure};
use std::sync::Arc;

/// A context with what is needed to record what becomes of it.
#[derive(Clone, Debug)]
pub(crate) struct Gathered {
    pub(crate) context: Context,
    pub(crate) settings: Settings,
    /// The whole book, the other coin included.
    pub(crate) portfolio: Portfolio,
    /// Version of the book of this underlying when it was read.
    pub(crate) version: i64,
}

/// How far the exchange's clock may be ahead of ours.
const AHEAD_MAX_MS: i64 = 30_000;

/// Reads the book, then the market. `at_ms` is the instant asked for; the context speaks of that instant,
/// of the last change of the book or of the quotes, whichever is latest, so that nothing in it lies in
/// its future.
pub(crate) async fn gather(
    ctx: &Ctx,
    row: &DeskRow,
    coin: Coin,
    at_ms: i64,
) -> anyhow::Result<Gathered> {
    let version = books::version(&ctx.db, &ctx.desk, coin).await?;
    let book = books::load(&ctx.db, &ctx.desk).await?;
    let portfolio = book.fold()?;
    let asked_ms = book
        .last_ms(coin)
        .map_or(at_ms, |last_ms| last_ms.max(at_ms));
    let working: Vec<WorkingOrder> = orders::working(&ctx.db, &ctx.desk, coin)
        .await?
        .iter()
        .filter_map(orders::OrderRow::working)
        .collect();
    let chain = ctx.exchange.chain(coin, asked_ms).await?;
    let chain = kept(ctx, chain).await?;
    let as_of_ms = asked_ms.max(chain.at_ms);
    ensure!(
        as_of_ms <= asked_ms + AHEAD_MAX_MS,
        "the exchange's quotes are {} ms ahead of this machine's clock: set it right",
        as_of_ms - asked_ms
    );
    let history = ctx.exchange.history(coin, as_of_ms).await?;
    let account = account(ctx, row, &portfolio, coin, as_of_ms, &chain).await?;
    // A contract that has expired and waits for its settlement can be neither bought back nor rolled.
    let positions = portfolio.positions_of(coin);
    let positions = positions.filter(|held| held.instrument.expiry_ms > as_of_ms);
    let context = Context {
        coin,
        as_of_ms,
        index_price: chain.index_price,
        account,
        positions: positions.cloned().collect(),
        working,
        features: features(&history, &chain, as_of_ms),
        day_peak_equity: day_peak(ctx, coin, as_of_ms, account.equity).await?,
        orders_last_minute: sent_last_minute(ctx, coin, as_of_ms).await?,
        chain: Arc::new(chain),
    };
    Ok(Gathered {
        context,
        settings: ctx.settings(row),
        portfolio,
        version,
    })
}

/// A live chain as it stands in its row, where the decision is made again from: the exchange never shows
/// it twice. Of two chains that are said to be of one instant the first is the one.
async fn kept(ctx: &Ctx, chain: Chain) -> anyhow::Result<Chain> {
    if chain.source != Source::Live {
        return Ok(chain);
    }
    let source = ctx.snapshot_source(chain.source);
    let mut tx = ctx.db.begin().await?;
    chains::keep(&mut tx, &SnapshotRow::of_chain(&source, &chain)).await?;
    tx.commit().await?;
    let stored = chains::load(&ctx.db, &source, chain.coin, chain.at_ms).await?;
    let stored = stored.with_context(|| format!("the chain of {} was not stored", chain.coin))?;
    Ok(Chain {
        source: chain.source,
        ..stored
    })
}

/// In a dry run our own folded book at the chain's marks, else the exchange's word.
async fn account(
    ctx: &Ctx,
    row: &DeskRow,
    portfolio: &Portfolio,
    coin: Coin,
    at_ms: i64,
    chain: &Chain,
) -> anyhow::Result<Account> {
    if row.dry_run {
        return Ok(fills::account(portfolio, coin, chain));
    }
    Ok(ctx
        .exchange
        .account(coin, at_ms)
        .await?
        .account(Source::Live))
}

async fn day_peak(
    ctx: &Ctx,
    coin: Coin,
    at_ms: i64,
    equity_now: f64,
) -> anyhow::Result<Option<f64>> {
    let day_ms = at_ms - at_ms.rem_euclid(DAY_MS);
    let peak = equity::peak_e8(&ctx.db, &ctx.desk, coin, day_ms, at_ms).await?;
    let peak = peak.map_or(f64::MIN, |peak| money::float(money::from_e8(peak)));
    Ok(Some(peak.max(equity_now)))
}

async fn sent_last_minute(ctx: &Ctx, coin: Coin, at_ms: i64) -> anyhow::Result<u32> {
    let sent = orders::count_between(&ctx.db, &ctx.desk, coin, at_ms - 60_000, at_ms).await?;
    Ok(u32::try_from(sent).unwrap_or(u32::MAX))
}
