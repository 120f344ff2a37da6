//! Equity over time and the figures of the cards that come from it.

use crate::db::Db;
use crate::db::equity::EquityRow;

/// The latest row at or before an instant.
pub async fn latest(
    db: &Db,
    desk: &str,
    underlying: &str,
    at_ms: i64,
) -> sqlx::Result<Option<EquityRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from equity where desk = $1 and underlying = $2 and at_ms <= $3 order by at_ms desc limit 1")
        .bind(desk).bind(underlying).bind(at_ms).fetch_optional(pool).await)
}

/// The first row at or after an instant: where a day began.
pub async fn first_from(
    db: &Db,
    desk: &str,
    underlying: &str,
    from_ms: i64,
) -> sqlx::Result<Option<EquityRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from equity where desk = $1 and underlying = $2 and at_ms >= $3 order by at_ms limit 1")
        .bind(desk).bind(underlying).bind(from_ms).fetch_optional(pool).await)
}

/// Rows of a range, oldest first. Past `limit` rows only every nth is read; the last always is.
pub async fn series(
    db: &Db,
    desk: &str,
    underlying: &str,
    range: (i64, i64),
    limit: i64,
) -> sqlx::Result<Vec<EquityRow>> {
    read!(db, pool => sqlx::query_as(
        "select desk, underlying, at_ms, balance_e8, option_value_e8, equity_e8, index_price, equity_usd, initial_margin, \
           maintenance_margin, net_delta, short_calls_e8 from (select equity.*, row_number() over (order by at_ms desc) as place, count(*) over () as rows_all \
           from equity where desk = $1 and underlying = $2 and at_ms between $3 and $4) as numbered \
         where (place - 1) % ((rows_all - 1) / $5 + 1) = 0 order by at_ms")
        .bind(desk).bind(underlying).bind(range.0).bind(range.1).bind(limit).fetch_all(pool).await)
}
