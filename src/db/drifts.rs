//! A desk's own days made again: what was compared, and every difference.

use crate::db::{Db, Tx};

/// One row of `drifts`: one underlying of one job.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct DriftRow {
    pub id: String,
    pub job: String,
    pub desk: String,
    pub underlying: String,
    pub from_ms: i64,
    pub to_ms: i64,
    pub source: String,
    pub decisions: i64,
    pub compared: i64,
    pub same: i64,
    pub fills: i64,
    pub settlements: i64,
    pub differences: i64,
    pub unexplained: i64,
    pub equity_desk_e8: Option<i64>,
    pub equity_again_e8: Option<i64>,
    pub code_version: String,
    pub created_ms: i64,
}

/// One row of `drift_differences`.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct DifferenceRow {
    pub drift: String,
    pub n: i64,
    pub at_ms: i64,
    pub kind: String,
    pub about: String,
    pub decision: Option<String>,
    /// `n` of the difference it follows from.
    pub because: Option<i64>,
    pub desk_says: String,
    pub backtest_says: String,
    pub explanation: String,
}

/// Stores what a job found, instead of what an earlier attempt of it found.
pub async fn put(
    tx: &mut Tx,
    job: &str,
    found: &[(DriftRow, Vec<DifferenceRow>)],
) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "delete from drift_differences where drift in (select id from drifts where job = $1)",
    )
    .bind(job).execute(&mut *conn).await.map(|_| ()))?;
    on!(tx, conn => sqlx::query("delete from drifts where job = $1")
        .bind(job).execute(&mut *conn).await.map(|_| ()))?;
    for (row, differences) in found {
        insert(tx, row).await?;
        insert_differences(tx, differences).await?;
    }
    Ok(())
}

async fn insert(tx: &mut Tx, row: &DriftRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "insert into drifts (id, job, desk, underlying, from_ms, to_ms, source, decisions, compared, same, fills, \
         settlements, differences, unexplained, equity_desk_e8, equity_again_e8, code_version, created_ms) \
         values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18)",
    )
    .bind(&row.id).bind(&row.job).bind(&row.desk).bind(&row.underlying).bind(row.from_ms).bind(row.to_ms)
    .bind(&row.source).bind(row.decisions).bind(row.compared).bind(row.same).bind(row.fills)
    .bind(row.settlements).bind(row.differences).bind(row.unexplained).bind(row.equity_desk_e8)
    .bind(row.equity_again_e8).bind(&row.code_version).bind(row.created_ms)
    .execute(&mut *conn).await.map(|_| ()))
}

async fn insert_differences(tx: &mut Tx, rows: &[DifferenceRow]) -> sqlx::Result<()> {
    insert_rows!(tx,
        "insert into drift_differences (drift, n, at_ms, kind, about, decision, because, desk_says, \
         backtest_says, explanation) ",
        rows, (row, bind) => {
            bind.push_bind(row.drift.clone());
            bind.push_bind(row.n);
            bind.push_bind(row.at_ms);
            bind.push_bind(row.kind.clone());
            bind.push_bind(row.about.clone());
            bind.push_bind(row.decision.clone());
            bind.push_bind(row.because);
            bind.push_bind(row.desk_says.clone());
            bind.push_bind(row.backtest_says.clone());
            bind.push_bind(row.explanation.clone());
        }
    )
}

/// What a job found, a row an underlying.
pub async fn of_job(db: &Db, job: &str) -> sqlx::Result<Vec<DriftRow>> {
    read!(db, pool => sqlx::query_as("select * from drifts where job = $1 order by underlying")
        .bind(job).fetch_all(pool).await)
}

/// The differences of a drift in the order of time.
pub async fn differences(db: &Db, drift: &str) -> sqlx::Result<Vec<DifferenceRow>> {
    read!(db, pool => sqlx::query_as("select * from drift_differences where drift = $1 order by n")
        .bind(drift).fetch_all(pool).await)
}
