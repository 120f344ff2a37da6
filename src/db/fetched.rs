//! The `fetched_ranges` table: which stretches of history were fetched whole, and what is not of this source.

use super::{Db, Tx};
use crate::domain::coin::Coin;

/// One page that was stored: it ends the stretch that began at `from_ms` at `to_ms`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch<'a> {
    pub source: &'a str,
    pub kind: &'a str,
    pub coin: Coin,
    pub from_ms: i64,
    /// Exclusive.
    pub to_ms: i64,
    /// Rows of the page.
    pub rows: i64,
}

/// Stretches of one kind, `[from_ms, to_ms)`, in the order of time; they may overlap.
pub async fn stretches(
    db: &Db,
    source: &str,
    kind: &str,
    coin: Coin,
) -> sqlx::Result<Vec<(i64, i64)>> {
    let sql = "select from_ms, to_ms from fetched_ranges where source = $1 and kind = $2 and underlying = $3 order by from_ms";
    read!(db, pool => sqlx::query_as(sql)
        .bind(source).bind(kind).bind(coin.as_str()).fetch_all(pool).await)
}

/// Notes a page in the transaction that stores its rows; a stretch never gets shorter.
pub async fn extend(tx: &mut Tx, stretch: &Stretch<'_>, wall_ms: i64) -> sqlx::Result<()> {
    let sql = "insert into fetched_ranges (source, kind, underlying, from_ms, to_ms, pages, rows, updated_ms) \
        values ($1, $2, $3, $4, $5, 1, $6, $7) on conflict (source, kind, underlying, from_ms) do update set \
        to_ms = case when excluded.to_ms > fetched_ranges.to_ms then excluded.to_ms else fetched_ranges.to_ms end, \
        pages = fetched_ranges.pages + 1, rows = fetched_ranges.rows + excluded.rows, updated_ms = excluded.updated_ms";
    on!(tx, conn => sqlx::query(sql)
        .bind(stretch.source).bind(stretch.kind).bind(stretch.coin.as_str())
        .bind(stretch.from_ms).bind(stretch.to_ms).bind(stretch.rows).bind(wall_ms)
        .execute(&mut *conn).await.map(|_| ()))
}

/// Another market's source of which a delivery price is stored, if there is one: that table and the volatility index
/// hold one price of an instant. Files, and what nobody knows, are taken to be of the exchange itself.
pub async fn foreign_delivery_price(
    db: &Db,
    source: &str,
    coin: Coin,
) -> sqlx::Result<Option<String>> {
    let sql = "select source from delivery_prices where index_name = $1 \
        and case when cast($2 as text) = 'deribit' then source like 'deribit:%' \
            else source <> cast($2 as text) end limit 1";
    read!(db, pool => sqlx::query_scalar(sql)
        .bind(coin.index_name()).bind(source).fetch_optional(pool).await)
}

/// As [`foreign_delivery_price`], of the volatility index.
pub async fn foreign_volatility(db: &Db, source: &str, coin: Coin) -> sqlx::Result<Option<String>> {
    let sql = "select source from volatility_index where underlying = $1 \
        and case when cast($2 as text) = 'deribit' then source like 'deribit:%' \
            else source <> cast($2 as text) end limit 1";
    read!(db, pool => sqlx::query_scalar(sql)
        .bind(coin.as_str()).bind(source).fetch_optional(pool).await)
}
