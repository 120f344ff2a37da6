//! Which chain snapshots are stored, for the pickers of the quotes page and the option chain.

use crate::db::Db;

/// One source of one underlying.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct SourceRow {
    pub source: String,
    pub underlying: String,
    pub snapshots: i64,
    pub first_ms: i64,
    pub last_ms: i64,
}

/// A snapshot's neighbours in time.
#[derive(Clone, Debug, Default, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct Neighbours {
    pub before_ms: Option<i64>,
    pub after_ms: Option<i64>,
}

pub async fn sources(db: &Db) -> sqlx::Result<Vec<SourceRow>> {
    read!(db, pool => sqlx::query_as(
        "select source, underlying, cast(count(*) as bigint) as snapshots, min(at_ms) as first_ms, max(at_ms) as last_ms \
         from chain_snapshots group by source, underlying order by source, underlying")
        .fetch_all(pool).await)
}

pub async fn neighbours(
    db: &Db,
    source: &str,
    underlying: &str,
    at_ms: i64,
) -> sqlx::Result<Neighbours> {
    read!(db, pool => sqlx::query_as(
        "select (select max(at_ms) from chain_snapshots where source = $1 and underlying = $2 and at_ms < $3) as before_ms, \
           (select min(at_ms) from chain_snapshots where source = $1 and underlying = $2 and at_ms > $3) as after_ms")
        .bind(source).bind(underlying).bind(at_ms).fetch_one(pool).await)
}

/// The snapshot the desk saw last: (source, at_ms).
pub async fn seen_last(
    db: &Db,
    desk: &str,
    underlying: &str,
) -> sqlx::Result<Option<(String, i64)>> {
    read!(db, pool => sqlx::query_as(
        "select snapshot_source, snapshot_at_ms from decisions \
         where desk = $1 and underlying = $2 and snapshot_source is not null and snapshot_at_ms is not null \
         order by as_of_ms desc limit 1")
        .bind(desk).bind(underlying).fetch_optional(pool).await)
}
