//! SQLite without the async layer, for what is too small or too much for it: the queue's turns and bulk inserts.

use super::engine::SqliteDb;
use rusqlite::Connection;
use std::path::Path;
use std::sync::PoisonError;
use std::time::Duration;

/// Works on the blocking connection, on a thread that may wait, while this process writes nothing else.
pub(in crate::db) async fn with_writer<T: Send + 'static>(
    db: &SqliteDb,
    work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
) -> sqlx::Result<T> {
    let writer = db.writer.acquire().await?;
    let (slot, path) = (db.queue.clone(), db.path.clone());
    let work = move || {
        let _writer = writer;
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        on_connection(&mut slot, &path, work)
    };
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| sqlx::Error::Protocol(error.to_string()))?;
    done.map_err(|error| sqlx::Error::Protocol(error.to_string()))
}

/// The same for work that fills many pages: they are copied from the log into the file while the caller goes on.
pub(in crate::db) async fn with_bulk_writer<T: Send + 'static>(
    db: &SqliteDb,
    work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
) -> sqlx::Result<T> {
    let (log, path) = (db.log.clone(), db.path.clone());
    let done = with_writer(db, move |connection| log.fill(&path, connection, work)).await?;
    let (log, path) = (db.log.clone(), db.path.clone());
    tokio::task::spawn_blocking(move || log.copy(&path));
    Ok(done)
}

/// Works on the connection in `slot`. One that failed is not put back: the next caller opens a fresh one.
pub(in crate::db) fn on_connection<T>(
    slot: &mut Option<Connection>,
    path: &Path,
    work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let mut connection = match slot.take() {
        Some(connection) => connection,
        None => open(path)?,
    };
    let done = work(&mut connection)?;
    *slot = Some(connection);
    Ok(done)
}

/// Wait for another writer.
pub(in crate::db) const BUSY: Duration = Duration::from_secs(10);

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}
