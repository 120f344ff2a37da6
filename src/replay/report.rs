//! What a replay came to: counts, the check of its cash, and a digest of its rows.

use super::ReplayMarket;
use crate::clock::iso;
use crate::ctx::Ctx;
use crate::db::books::{self, Book};
use crate::db::decisions::{self, DecisionRow};
use crate::db::json;
use crate::db::orders::{self, OrderRow};
use crate::domain::coin::Coin;
use crate::domain::hex::hex;
use crate::domain::money::{self, from_e8};
use rust_decimal::Decimal;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// The document `replay-market --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplayReport {
    pub desk: String,
    pub from: String,
    pub to: String,
    pub seed: String,
    /// Recorded chains, one per underlying and instant.
    pub snapshots: u64,
    pub decisions: u64,
    /// Decisions that are failed ticks.
    pub errors: u64,
    pub orders: u64,
    pub fills: u64,
    pub settlements: u64,
    pub cash: BTreeMap<Coin, Cash>,
    /// Largest |folded cash - (deposits + premium - fees + settlements)| of a coin.
    pub cash_check: f64,
    pub seconds: f64,
    /// SHA-256 over the canonical rows of decisions, orders, fills and settlements.
    pub digest: String,
}

/// Where one coin's cash came from; settlements are signed and net of their fees.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cash {
    pub deposits: Decimal,
    /// Received less paid, before fees.
    pub premium: Decimal,
    pub fees: Decimal,
    pub settlements: Decimal,
    /// As the book is folded.
    pub cash: Decimal,
}

impl Cash {
    fn difference(&self) -> Decimal {
        (self.cash - (self.deposits + self.premium - self.fees + self.settlements)).abs()
    }
}

pub(super) async fn report(
    ctx: &Ctx,
    wanted: &ReplayMarket,
    snapshots: u64,
    seconds: f64,
) -> anyhow::Result<ReplayReport> {
    let rows = rows(ctx).await?;
    let mut cash = BTreeMap::new();
    for coin in &ctx.config.desk.underlyings {
        cash.insert(*coin, cash_of(&rows.book, *coin)?);
    }
    let difference = cash
        .values()
        .map(Cash::difference)
        .max()
        .unwrap_or_default();
    Ok(ReplayReport {
        desk: ctx.desk.clone(),
        from: iso(wanted.from_ms),
        to: iso(wanted.to_ms),
        seed: ctx.config.exchange.seed.clone(),
        snapshots,
        decisions: rows.decisions.len() as u64,
        errors: rows
            .decisions
            .iter()
            .filter(|row| row.error.is_some())
            .count() as u64,
        orders: rows.orders.len() as u64,
        fills: rows.book.fills.len() as u64,
        settlements: rows.book.settlements.len() as u64,
        cash,
        cash_check: money::float(difference),
        seconds,
        digest: rows.digest()?,
    })
}

/// Adds up the columns of the rows, on another way than the fold does.
fn cash_of(book: &Book, coin: Coin) -> anyhow::Result<Cash> {
    let mut cash = Cash {
        cash: book.fold()?.cash(coin.as_str()),
        ..Cash::default()
    };
    let of_coin = |currency: &str| currency == coin.as_str();
    for row in book.deposits.iter().filter(|row| of_coin(&row.currency)) {
        cash.deposits += from_e8(row.amount_e8);
    }
    for row in book.fills.iter().filter(|row| of_coin(&row.currency)) {
        let amount = from_e8(row.size_e8) * from_e8(row.price_e8);
        cash.premium += if row.side == "sell" { amount } else { -amount };
        cash.fees += from_e8(row.fee_e8);
    }
    for row in book.settlements.iter().filter(|row| of_coin(&row.currency)) {
        cash.settlements += from_e8(row.payoff_e8) - from_e8(row.fee_e8);
    }
    Ok(cash)
}

/// What a desk wrote that must be the same for the same seed.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(crate) decisions: Vec<DecisionRow>,
    pub(crate) orders: Vec<OrderRow>,
    pub(crate) book: Book,
}

/// Reads every row of the context's desk.
pub(crate) async fn rows(ctx: &Ctx) -> anyhow::Result<Rows> {
    Ok(Rows {
        decisions: decisions::all(&ctx.db, &ctx.desk).await?,
        orders: orders::list(&ctx.db, &ctx.desk, None, i64::MAX).await?,
        book: books::load(&ctx.db, &ctx.desk).await?,
    })
}

impl Rows {
    /// SHA-256 over the canonical rows, a line each.
    pub(crate) fn digest(&self) -> anyhow::Result<String> {
        let mut hash = Sha256::new();
        hash_rows(&mut hash, &self.decisions)?;
        hash_rows(&mut hash, &self.orders)?;
        hash_rows(&mut hash, &self.book.fills)?;
        hash_rows(&mut hash, &self.book.settlements)?;
        Ok(hex(&hash.finalize()))
    }
}

fn hash_rows<T: Serialize>(hash: &mut Sha256, rows: &[T]) -> anyhow::Result<()> {
    for row in rows {
        hash.update(json::canonical(row)?.as_bytes());
        hash.update(b"\n");
    }
    Ok(())
}
