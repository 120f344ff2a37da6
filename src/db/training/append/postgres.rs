//! `copy .. from stdin (format binary)`: no statement a row, and no text to parse.

use super::{Progress, UPDATE};
use crate::db::engine::PostgresDb;
use crate::db::training::columns::{CANDIDATE, Cell, ROW, candidate, row};
use crate::training::Row;
use sqlx::postgres::{PgConnection, PgCopyIn};
use sqlx::types::Json;

pub(super) async fn append(
    db: &PostgresDb,
    dataset: &str,
    from: i64,
    rows: &[Row],
    to: &Progress,
) -> sqlx::Result<bool> {
    let mut transaction = db.pool.begin().await?;
    // Rows and progress are lost together or not at all, so a crash of the server only repeats a batch.
    sqlx::query("set local synchronous_commit = off")
        .execute(&mut *transaction)
        .await?;
    let changed = sqlx::query(UPDATE)
        .bind(dataset)
        .bind(from)
        .bind(to.rows)
        .bind(to.candidates)
        .bind(to.errors)
        .bind(Json(&to.by_profile))
        .bind(Json(&to.by_action))
        .bind(Json(&to.by_split))
        .bind(to.steps_done)
        .bind(&to.checkpoint)
        .bind(to.at_ms)
        .bind(to.rewarded)
        .bind(to.reward_usd)
        .bind(to.reward_versus_holding)
        .bind(to.to_ms)
        .bind(&to.cells)
        .execute(&mut *transaction)
        .await?;
    if changed.rows_affected() != 1 {
        return Ok(false);
    }
    let mut steps = Copy::begin(&mut transaction, "training_rows", &ROW).await?;
    for (n, one) in (from..).zip(rows) {
        steps.row(&row(dataset, n, one)).await?;
    }
    steps.end().await?;
    let mut calls = Copy::begin(&mut transaction, "training_candidates", &CANDIDATE).await?;
    for (n, one) in (from..).zip(rows) {
        for (place, offer) in (0..).zip(&one.offers) {
            calls.row(&candidate(dataset, n, place, offer)).await?;
        }
    }
    calls.end().await?;
    transaction.commit().await?;
    Ok(true)
}

/// Bytes sent at once.
const CHUNK: usize = 1 << 17;

/// Rows on their way into one table.
struct Copy<'c> {
    into: PgCopyIn<&'c mut PgConnection>,
    bytes: Vec<u8>,
}

impl<'c> Copy<'c> {
    async fn begin(
        connection: &'c mut PgConnection,
        table: &str,
        columns: &[&str],
    ) -> sqlx::Result<Self> {
        let columns = columns.join(", ");
        let sql = format!("copy {table} ({columns}) from stdin with (format binary)");
        Ok(Self {
            into: connection.copy_in_raw(&sql).await?,
            // Signature, no flags, no extension.
            bytes: b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec(),
        })
    }

    async fn row(&mut self, cells: &[Cell<'_>]) -> sqlx::Result<()> {
        let width = cells.len() as i16;
        self.bytes.extend_from_slice(&width.to_be_bytes());
        for cell in cells {
            encode(cell, &mut self.bytes);
        }
        if self.bytes.len() >= CHUNK {
            self.into.send(self.bytes.as_slice()).await?;
            self.bytes.clear();
        }
        Ok(())
    }

    async fn end(mut self) -> sqlx::Result<()> {
        self.bytes.extend_from_slice(&(-1_i16).to_be_bytes());
        self.into.send(self.bytes.as_slice()).await?;
        self.into.finish().await.map(|_| ())
    }
}

/// Length and value; a null is the length -1.
fn encode(cell: &Cell<'_>, bytes: &mut Vec<u8>) {
    match cell {
        Cell::Text(text) => value(text.as_bytes(), bytes),
        Cell::Owned(text) => value(text.as_bytes(), bytes),
        Cell::Int(number) => value(&number.to_be_bytes(), bytes),
        Cell::Float(number) => value(&number.to_be_bytes(), bytes),
        Cell::Bool(flag) => value(&[u8::from(*flag)], bytes),
        Cell::Null => bytes.extend_from_slice(&(-1_i32).to_be_bytes()),
    }
}

fn value(of: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&(of.len() as i32).to_be_bytes());
    bytes.extend_from_slice(of);
}
