//! The book: legs of every roll chain folded from fills and settlements, marks, working orders.

use crate::db::Db;

/// All fills of one contract within one roll chain, summed.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct LegRow {
    pub chain: String,
    pub underlying: String,
    pub instrument: String,
    pub currency: String,
    pub sold_e8: i64,
    pub bought_e8: i64,
    /// Cash of the sales plus their fees: the premium received, quote currency.
    pub premium_in_e8: i64,
    /// The premium paid to buy back, quote currency, zero or above.
    pub premium_out_e8: i64,
    pub fees_e8: i64,
    pub cash_e8: i64,
    pub opened_ms: i64,
    pub last_ms: i64,
    /// The decision that opened this leg.
    pub decision: String,
}

/// The expiry of a leg.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct SettledRow {
    pub instrument: String,
    pub underlying: String,
    pub chain: String,
    pub size_e8: i64,
    pub delivery_price_e8: i64,
    pub price_source: String,
    pub payoff_e8: i64,
    pub fee_e8: i64,
    pub cash_e8: i64,
    pub at_ms: i64,
}

/// An order that is not final yet.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct WorkingRow {
    pub id: String,
    pub decision: String,
    pub instrument: String,
    pub leg: String,
    pub side: String,
    pub size_e8: i64,
    pub filled_e8: i64,
    pub limit_price_e8: Option<i64>,
    pub state: String,
    pub created_ms: i64,
}

/// Every leg of the chains that traded last, at most `chains` of them, oldest leg first.
pub async fn legs(db: &Db, desk: &str, chains: i64) -> sqlx::Result<Vec<LegRow>> {
    read!(db, pool => sqlx::query_as(
        "select chain, underlying, instrument, currency, \
           cast(sum(case when side = 'sell' then size_e8 else 0 end) as bigint) as sold_e8, \
           cast(sum(case when side = 'buy' then size_e8 else 0 end) as bigint) as bought_e8, \
           cast(sum(case when side = 'sell' then cash_e8 + fee_e8 else 0 end) as bigint) as premium_in_e8, \
           cast(sum(case when side = 'buy' then -cash_e8 - fee_e8 else 0 end) as bigint) as premium_out_e8, \
           cast(sum(fee_e8) as bigint) as fees_e8, cast(sum(cash_e8) as bigint) as cash_e8, \
           min(at_ms) as opened_ms, max(at_ms) as last_ms, min(decision) as decision \
         from fills where desk = $1 and chain in \
           (select chain from fills where desk = $1 group by chain order by max(at_ms) desc, chain desc limit $2) \
         group by chain, underlying, instrument, currency order by min(at_ms), instrument")
        .bind(desk).bind(chains).fetch_all(pool).await)
}

/// Expiries of the book, newest first.
pub async fn settled(db: &Db, desk: &str, limit: i64) -> sqlx::Result<Vec<SettledRow>> {
    read!(db, pool => sqlx::query_as(
        "select instrument, underlying, chain, size_e8, delivery_price_e8, price_source, payoff_e8, fee_e8, cash_e8, at_ms \
         from settlements where desk = $1 order by at_ms desc, instrument limit $2")
        .bind(desk).bind(limit).fetch_all(pool).await)
}

pub async fn working(db: &Db, desk: &str) -> sqlx::Result<Vec<WorkingRow>> {
    read!(db, pool => sqlx::query_as(
        "select id, decision, instrument, leg, side, size_e8, filled_e8, limit_price_e8, state, created_ms \
         from orders where desk = $1 and state in ('intended', 'open') order by created_ms, id")
        .bind(desk).fetch_all(pool).await)
}

/// The latest quote of every contract the desk holds.
pub async fn marks(db: &Db, desk: &str) -> sqlx::Result<Vec<crate::db::equity::MarkRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from marks where desk = $1 order by underlying, instrument")
        .bind(desk).fetch_all(pool).await)
}
