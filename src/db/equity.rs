//! The `equity` and `marks` tables: what a book is worth, and the marks it was valued at.

use crate::db::{Db, Tx, bulk};
use crate::domain::coin::Coin;

/// One row of `equity`: one underlying marked to market at one instant, coin scaled by 1e8.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct EquityRow {
    pub desk: String,
    pub underlying: String,
    pub at_ms: i64,
    pub balance_e8: i64,
    pub option_value_e8: i64,
    pub equity_e8: i64,
    pub index_price: f64,
    pub equity_usd: f64,
    pub initial_margin: f64,
    pub maintenance_margin: f64,
    /// The coin itself included.
    pub net_delta: f64,
    pub short_calls_e8: i64,
}

/// One row of `marks`: the latest quote of a contract the desk holds.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct MarkRow {
    pub desk: String,
    pub instrument: String,
    pub underlying: String,
    pub at_ms: i64,
    pub mark: Option<f64>,
    pub bid: Option<f64>,
    pub ask: Option<f64>,
    pub mark_iv: Option<f64>,
    pub delta: Option<f64>,
    pub gamma: Option<f64>,
    pub vega: Option<f64>,
    pub theta: Option<f64>,
    pub underlying_price: Option<f64>,
    pub source: String,
}

/// Stores the valuation of one instant; a later one of the same instant replaces it.
pub async fn put(tx: &mut Tx, row: &EquityRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "insert into equity (desk, underlying, at_ms, balance_e8, option_value_e8, equity_e8, index_price, \
         equity_usd, initial_margin, maintenance_margin, net_delta, short_calls_e8) \
         values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12) on conflict (desk, underlying, at_ms) do update set \
         balance_e8 = excluded.balance_e8, option_value_e8 = excluded.option_value_e8, \
         equity_e8 = excluded.equity_e8, index_price = excluded.index_price, equity_usd = excluded.equity_usd, \
         initial_margin = excluded.initial_margin, maintenance_margin = excluded.maintenance_margin, \
         net_delta = excluded.net_delta, short_calls_e8 = excluded.short_calls_e8",
    )
    .bind(&row.desk).bind(&row.underlying).bind(row.at_ms).bind(row.balance_e8)
    .bind(row.option_value_e8).bind(row.equity_e8).bind(row.index_price).bind(row.equity_usd)
    .bind(row.initial_margin).bind(row.maintenance_margin).bind(row.net_delta)
    .bind(row.short_calls_e8)
    .execute(&mut *conn).await.map(|_| ()))
}

/// Replaces the marks of one underlying by those of what is held now.
pub async fn put_marks(tx: &mut Tx, desk: &str, coin: Coin, rows: &[MarkRow]) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query("delete from marks where desk = $1 and underlying = $2")
        .bind(desk).bind(coin.as_str()).execute(&mut *conn).await.map(|_| ()))?;
    insert_rows!(tx,
        "insert into marks (desk, instrument, underlying, at_ms, mark, bid, ask, mark_iv, delta, gamma, vega, \
         theta, underlying_price, source) ",
        rows, (row, bind) => {
            bind.push_bind(row.desk.clone());
            bind.push_bind(row.instrument.clone());
            bind.push_bind(row.underlying.clone());
            bind.push_bind(row.at_ms);
            bind.push_bind(bulk::float(row.mark));
            bind.push_bind(bulk::float(row.bid));
            bind.push_bind(bulk::float(row.ask));
            bind.push_bind(bulk::float(row.mark_iv));
            bind.push_bind(bulk::float(row.delta));
            bind.push_bind(bulk::float(row.gamma));
            bind.push_bind(bulk::float(row.vega));
            bind.push_bind(bulk::float(row.theta));
            bind.push_bind(bulk::float(row.underlying_price));
            bind.push_bind(row.source.clone());
        }
    )
}

pub async fn marks(db: &Db, desk: &str) -> sqlx::Result<Vec<MarkRow>> {
    read!(db, pool => sqlx::query_as("select * from marks where desk = $1 order by instrument")
        .bind(desk).fetch_all(pool).await)
}

/// The newest valuation of each underlying.
pub async fn latest(db: &Db, desk: &str) -> sqlx::Result<Vec<EquityRow>> {
    read!(db, pool => sqlx::query_as(
        "select e.* from equity e where e.desk = $1 and e.at_ms = ( \
         select max(at_ms) from equity where desk = $1 and underlying = e.underlying) order by e.underlying",
    )
    .bind(desk).fetch_all(pool).await)
}

/// Valuations of one underlying in `[from_ms, to_ms]`, oldest first.
pub async fn series(
    db: &Db,
    desk: &str,
    coin: Coin,
    from_ms: i64,
    to_ms: i64,
) -> sqlx::Result<Vec<EquityRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from equity where desk = $1 and underlying = $2 and at_ms >= $3 and at_ms <= $4 order by at_ms",
    )
    .bind(desk).bind(coin.as_str()).bind(from_ms).bind(to_ms).fetch_all(pool).await)
}

/// Highest equity of one underlying in `[from_ms, to_ms]`, coin scaled by 1e8; `None` without a valuation.
pub async fn peak_e8(
    db: &Db,
    desk: &str,
    coin: Coin,
    from_ms: i64,
    to_ms: i64,
) -> sqlx::Result<Option<i64>> {
    read!(db, pool => sqlx::query_scalar(
        "select max(equity_e8) from equity where desk = $1 and underlying = $2 and at_ms >= $3 and at_ms <= $4",
    )
    .bind(desk).bind(coin.as_str()).bind(from_ms).bind(to_ms).fetch_one(pool).await)
}
