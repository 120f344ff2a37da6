//! The `reconciliations` table: what our folded book and the exchange's did not agree on.

use crate::db::{Db, Tx};
use sqlx::types::Json;

/// One row of `reconciliations`.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct ReconciliationRow {
    pub id: String,
    pub desk: String,
    pub job: String,
    pub underlying: String,
    pub at_ms: i64,
    pub outcome: String,
    pub difference_usd: f64,
    pub details: Json<serde_json::Value>,
}

pub async fn insert(tx: &mut Tx, row: &ReconciliationRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "insert into reconciliations (id, desk, job, underlying, at_ms, outcome, difference_usd, details) \
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&row.id).bind(&row.desk).bind(&row.job).bind(&row.underlying).bind(row.at_ms)
    .bind(&row.outcome).bind(row.difference_usd).bind(&row.details)
    .execute(&mut *conn).await.map(|_| ()))
}

/// The newest comparisons of a desk.
pub async fn list(db: &Db, desk: &str, limit: i64) -> sqlx::Result<Vec<ReconciliationRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from reconciliations where desk = $1 order by at_ms desc, id desc limit $2",
    )
    .bind(desk).bind(limit).fetch_all(pool).await)
}
