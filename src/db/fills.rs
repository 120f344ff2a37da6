//! The `fills` table: executions, live or simulated; positions and cash are folded from them.

use crate::db::{Db, Tx};
use crate::domain::instrument::Instrument;
use crate::domain::money::{from_e8, to_e8};
use crate::domain::order::{Fill, Side};
use crate::domain::portfolio::currency;

/// One row of `fills`. Sizes in coin, prices and cash in `currency`, all scaled by 1e8.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct FillRow {
    pub desk: String,
    pub trade_id: String,
    pub order_id: String,
    pub decision: String,
    pub chain: String,
    pub leg: String,
    pub underlying: String,
    pub instrument: String,
    pub currency: String,
    pub side: String,
    pub size_e8: i64,
    pub price_e8: i64,
    pub fee_e8: i64,
    pub cash_e8: i64,
    pub index_price_e8: i64,
    pub source: String,
    pub at_ms: i64,
}

impl FillRow {
    /// The row of a fill that belongs to `order`; `source` is `live` or `simulated`.
    pub fn new(order: &super::orders::OrderRow, fill: &Fill, source: &str) -> Self {
        Self {
            desk: order.desk.clone(),
            trade_id: fill.trade_id.clone(),
            order_id: order.id.clone(),
            decision: order.decision.clone(),
            chain: order.chain.clone(),
            leg: order.leg.clone(),
            underlying: order.underlying.clone(),
            instrument: fill.instrument.name(),
            currency: currency(&fill.instrument).to_owned(),
            side: fill.side.as_str().to_owned(),
            size_e8: to_e8(fill.size),
            price_e8: to_e8(fill.price),
            fee_e8: to_e8(fill.fee),
            cash_e8: to_e8(fill.cash()),
            index_price_e8: to_e8(fill.index_price),
            source: source.to_owned(),
            at_ms: fill.at_ms,
        }
    }

    /// The fact the row stands for.
    pub fn fill(&self) -> sqlx::Result<Fill> {
        Ok(Fill {
            instrument: instrument(&self.instrument)?,
            side: if self.side == Side::Buy.as_str() {
                Side::Buy
            } else {
                Side::Sell
            },
            size: from_e8(self.size_e8),
            price: from_e8(self.price_e8),
            fee: from_e8(self.fee_e8),
            index_price: from_e8(self.index_price_e8),
            at_ms: self.at_ms,
            trade_id: self.trade_id.clone(),
        })
    }
}

/// The contract of a row; a name that does not parse is a decode error of the database.
pub(in crate::db) fn instrument(name: &str) -> sqlx::Result<Instrument> {
    name.parse()
        .map_err(|error: crate::domain::instrument::NameError| sqlx::Error::Decode(error.into()))
}

/// Stores a fill once; false when it is there already.
pub async fn insert(tx: &mut Tx, row: &FillRow) -> sqlx::Result<bool> {
    let done = on!(tx, conn => sqlx::query(
        "insert into fills (desk, trade_id, order_id, decision, chain, leg, underlying, instrument, currency, \
         side, size_e8, price_e8, fee_e8, cash_e8, index_price_e8, source, at_ms) values \
         ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17) on conflict (desk, trade_id) do nothing",
    )
    .bind(&row.desk).bind(&row.trade_id).bind(&row.order_id).bind(&row.decision).bind(&row.chain)
    .bind(&row.leg).bind(&row.underlying).bind(&row.instrument).bind(&row.currency).bind(&row.side)
    .bind(row.size_e8).bind(row.price_e8).bind(row.fee_e8).bind(row.cash_e8)
    .bind(row.index_price_e8).bind(&row.source).bind(row.at_ms)
    .execute(&mut *conn).await?.rows_affected());
    Ok(done == 1)
}

/// Every fill of a desk in the order it happened.
pub async fn all(db: &Db, desk: &str) -> sqlx::Result<Vec<FillRow>> {
    read!(db, pool => sqlx::query_as("select * from fills where desk = $1 order by at_ms, order_id, trade_id")
        .bind(desk).fetch_all(pool).await)
}

/// The fills of one decision in the order they happened.
pub async fn of_decision(db: &Db, decision: &str) -> sqlx::Result<Vec<FillRow>> {
    read!(db, pool => sqlx::query_as("select * from fills where decision = $1 order by at_ms, order_id, trade_id")
        .bind(decision).fetch_all(pool).await)
}

/// The newest fills of a desk.
pub async fn list(db: &Db, desk: &str, limit: i64) -> sqlx::Result<Vec<FillRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from fills where desk = $1 order by at_ms desc, trade_id desc limit $2",
    )
    .bind(desk).bind(limit).fetch_all(pool).await)
}
