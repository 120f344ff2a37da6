//! `copy .. from stdin (format binary)`: no statement a row, and no text to parse.

use super::{Progress, UPDATE};
use crate::db::engine::PostgresDb;
use crate::db::training::columns::{CANDIDATE, Cell, ROW, candidate, row};
use crate::training::Row;
use sqlx::postgres::PgConnection;
use sqlx::types::Json;

pub(super) async fn append(
    db: &PostgresDb,
    dataset: &str,
    from: i64,
    rows: &[Row],
    to: &Progress,
) -> sqlx::Result<bool> {
    let mut transaction = db.pool.begin().await?;
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
        .execute(&mut *transaction)
        .await?;
    if changed.rows_affected() != 1 {
        return Ok(false);
    }
    let steps = (from..).zip(rows);
    let cells = steps.clone().map(|(n, one)| row(dataset, n, one));
    copy(&mut transaction, "training_rows", &ROW, cells).await?;
    let calls = steps.flat_map(|(n, one)| {
        let offers = (0..).zip(&one.offers);
        offers.map(move |(place, offer)| candidate(dataset, n, place, offer))
    });
    copy(&mut transaction, "training_candidates", &CANDIDATE, calls).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Bytes sent at once.
const CHUNK: usize = 1 << 20;

async fn copy<'a, const N: usize>(
    connection: &mut PgConnection,
    table: &str,
    columns: &[&str; N],
    rows: impl Iterator<Item = [Cell<'a>; N]>,
) -> sqlx::Result<()> {
    let columns = columns.join(", ");
    let sql = format!("copy {table} ({columns}) from stdin with (format binary)");
    let mut copy = connection.copy_in_raw(&sql).await?;
    // Signature, no flags, no extension.
    let mut bytes = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    for cells in rows {
        bytes.extend_from_slice(&(N as i16).to_be_bytes());
        cells.iter().for_each(|cell| encode(cell, &mut bytes));
        if bytes.len() >= CHUNK {
            copy.send(std::mem::take(&mut bytes)).await?;
        }
    }
    bytes.extend_from_slice(&(-1_i16).to_be_bytes());
    copy.send(bytes).await?;
    copy.finish().await.map(|_| ())
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
