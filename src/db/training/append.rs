//! Rows into a dataset, as fast as each engine takes them, in one transaction with how far the job is.

mod postgres;
mod sqlite;

use super::progress::{Progress, UPDATE};
use crate::db::Db;
use crate::training::Row;

/// Appends rows numbered from `from` on and stores the progress that includes them; false when the dataset
/// does not hold exactly `from` rows any more, because another attempt went on in the meantime.
pub async fn append(
    db: &Db,
    dataset: &str,
    from: i64,
    rows: Vec<Row>,
    progress: Progress,
) -> sqlx::Result<bool> {
    db.tripwire().pass()?;
    let appended = match db {
        Db::Sqlite(sqlite) => sqlite::append(sqlite, dataset, from, rows, progress).await?,
        Db::Postgres(postgres) => {
            postgres::append(postgres, dataset, from, &rows, &progress).await?
        }
    };
    // A process may die after the commit and before it knows.
    db.tripwire().pass()?;
    Ok(appended)
}
