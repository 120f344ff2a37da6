//! Bulk reads of Postgres: binary `copy` on a connection of its own, decoded on another thread.

use super::binary::{Decoder, Wire};
use super::{Column, Scan, ScanError, Sink, lost};
use crate::db::engine::PostgresDb;
use crate::db::reader::{ReadError, postgres, role};
use futures::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Column as _, Connection, Executor, PgConnection, SqlSafeStr, Statement, TypeInfo,
};
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Bytes handed over at once.
const BLOCK_BYTES: usize = 256 << 10;
/// Blocks that may wait.
const BLOCKS: usize = 4;

pub(super) async fn run<S: Sink>(db: &PostgresDb, scan: Scan, sink: S) -> Result<S, ScanError> {
    let options = if scan.guarded {
        role::options(db).await?
    } else {
        (*db.options).clone()
    };
    let mut connection = PgConnection::connect_with(&options)
        .await
        .map_err(|error| ReadError::Unavailable(error.to_string()))?;
    let sql = super::literal::fill(&scan.sql, &scan.parameters);
    let sql = sql.trim().trim_end_matches(';').to_owned();
    let columns = prepare(&mut connection, &sql)
        .await
        .map_err(|error| explained(&error))?;
    let (blocks, taken) = channel(BLOCKS);
    let stop = scan.stop.clone();
    let decoding = tokio::task::spawn_blocking(move || decode(taken, &columns?, sink));
    let copied = copy(&mut connection, &sql, &blocks, &scan).await;
    // Dropped, not closed: what is left of the result must not be read to its end.
    drop((connection, blocks));
    let done = decoding.await.map_err(|error| lost(&error))?;
    match (copied, done) {
        _ if stop.is_raised() => Err(ScanError::Stopped),
        (Err(error), _) => Err(explained(&error).into()),
        (Ok(()), done) => done,
    }
}

/// Shows that this is one whole statement, and what its columns are. Rows come in one order every time.
async fn prepare(
    connection: &mut PgConnection,
    sql: &str,
) -> sqlx::Result<Result<Vec<(Column, Wire)>, ScanError>> {
    connection
        .execute(sqlx::raw_sql(
            "begin read only; set local statement_timeout = 0; \
             set local max_parallel_workers_per_gather = 0; set local synchronize_seqscans = off",
        ))
        .await?;
    let statement = connection
        .prepare(AssertSqlSafe(sql.to_owned()).into_sql_str())
        .await?;
    if statement.columns().is_empty() {
        return Ok(Err(
            ReadError::Refused("this is not a query".to_owned()).into()
        ));
    }
    let columns = statement.columns().iter().map(|column| {
        let wire = Wire::of(column.name(), column.type_info().name())?;
        let (name, declared) = (column.name().to_owned(), wire.declared());
        Ok((Column { name, declared }, wire))
    });
    Ok(columns
        .collect::<Result<_, ReadError>>()
        .map_err(ScanError::from))
}

/// Sends the stream on in blocks; ends quietly when nobody takes them any more.
async fn copy(
    connection: &mut PgConnection,
    sql: &str,
    blocks: &Sender<Vec<u8>>,
    scan: &Scan,
) -> sqlx::Result<()> {
    if blocks.is_closed() {
        return Ok(());
    }
    let statement = format!("copy ({sql}\n) to stdout (format binary)");
    let mut stream = connection.copy_out_raw(&statement).await?;
    let mut block = Vec::with_capacity(BLOCK_BYTES + 4096);
    while let Some(bytes) = stream.try_next().await? {
        block.extend_from_slice(&bytes);
        if block.len() >= BLOCK_BYTES {
            let full = std::mem::replace(&mut block, Vec::with_capacity(BLOCK_BYTES + 4096));
            if scan.stop.is_raised() || blocks.send(full).await.is_err() {
                return Ok(());
            }
        }
    }
    drop(blocks.send(block).await);
    Ok(())
}

fn decode<S: Sink>(
    mut blocks: Receiver<Vec<u8>>,
    columns: &[(Column, Wire)],
    sink: S,
) -> Result<S, ScanError> {
    let mut decoder = Decoder::begin(columns, sink)?;
    while let Some(block) = blocks.blocking_recv() {
        if !decoder.take(&block)? {
            break;
        }
    }
    decoder.end()
}

fn explained(error: &sqlx::Error) -> ReadError {
    postgres::explained(error, Duration::ZERO)
}
