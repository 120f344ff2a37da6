//! The `settlements` table: expiries of positions, worthless or assigned, at the delivery price.

use crate::db::{Db, Tx};
use crate::domain::chain::Source;
use crate::domain::money::{from_e8, to_e8};
use crate::domain::order::Settlement;
use crate::domain::portfolio::currency;

/// One row of `settlements`. Amounts in `currency`, scaled by 1e8.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct SettlementRow {
    pub desk: String,
    pub instrument: String,
    pub underlying: String,
    pub currency: String,
    pub chain: String,
    pub size_e8: i64,
    pub delivery_price_e8: i64,
    pub price_source: String,
    pub payoff_e8: i64,
    pub fee_e8: i64,
    pub cash_e8: i64,
    pub at_ms: i64,
}

impl SettlementRow {
    /// The row of one expiry that ends a leg of roll chain `chain`.
    pub fn new(desk: &str, chain: &str, settlement: &Settlement, source: Source) -> Self {
        Self {
            desk: desk.to_owned(),
            instrument: settlement.instrument.name(),
            underlying: settlement.instrument.coin.as_str().to_owned(),
            currency: currency(&settlement.instrument).to_owned(),
            chain: chain.to_owned(),
            size_e8: to_e8(settlement.size),
            delivery_price_e8: to_e8(settlement.delivery_price),
            price_source: source.as_str().to_owned(),
            payoff_e8: to_e8(settlement.payoff),
            fee_e8: to_e8(settlement.fee),
            cash_e8: to_e8(settlement.cash()),
            at_ms: settlement.at_ms,
        }
    }

    /// The fact the row stands for.
    pub fn settlement(&self) -> sqlx::Result<Settlement> {
        Ok(Settlement {
            instrument: super::fills::instrument(&self.instrument)?,
            size: from_e8(self.size_e8),
            delivery_price: from_e8(self.delivery_price_e8),
            payoff: from_e8(self.payoff_e8),
            fee: from_e8(self.fee_e8),
            at_ms: self.at_ms,
        })
    }
}

/// Stores an expiry once; false when it is there already.
pub async fn insert(tx: &mut Tx, row: &SettlementRow) -> sqlx::Result<bool> {
    let done = on!(tx, conn => sqlx::query(
        "insert into settlements (desk, instrument, underlying, currency, chain, size_e8, delivery_price_e8, \
         price_source, payoff_e8, fee_e8, cash_e8, at_ms) values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12) \
         on conflict (desk, instrument, chain) do nothing",
    )
    .bind(&row.desk).bind(&row.instrument).bind(&row.underlying).bind(&row.currency)
    .bind(&row.chain).bind(row.size_e8).bind(row.delivery_price_e8).bind(&row.price_source)
    .bind(row.payoff_e8).bind(row.fee_e8).bind(row.cash_e8).bind(row.at_ms)
    .execute(&mut *conn).await?.rows_affected());
    Ok(done == 1)
}

/// Every expiry of a desk in the order it happened.
pub async fn all(db: &Db, desk: &str) -> sqlx::Result<Vec<SettlementRow>> {
    read!(db, pool => sqlx::query_as("select * from settlements where desk = $1 order by at_ms, instrument, chain")
        .bind(desk).fetch_all(pool).await)
}

/// The newest expiries of a desk.
pub async fn list(db: &Db, desk: &str, limit: i64) -> sqlx::Result<Vec<SettlementRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from settlements where desk = $1 order by at_ms desc, instrument limit $2",
    )
    .bind(desk).bind(limit).fetch_all(pool).await)
}
