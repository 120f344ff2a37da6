//! Streams the snapshots of a range in order, a few decoded ahead of the reader and never more.
//!
//! SQLite is read by a blocking rusqlite connection (sqlx's row stream costs five times as much);
//! Postgres by an ordinary sqlx stream.

use super::chain;
use crate::db::Db;
use crate::domain::chain::Chain;
use crate::domain::coin::Coin;
use futures::TryStreamExt;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use tokio::sync::mpsc;

/// Snapshots decoded ahead of the reader.
const AHEAD: usize = 8;

const SQL: &str = "select index_price, packed from chain_snapshots where source = $1 and underlying = $2 and at_ms between $3 and $4 order by at_ms";

/// A range of snapshots being read; dropping it stops the reading.
#[derive(Debug)]
pub struct Scan(mpsc::Receiver<sqlx::Result<Chain>>);

impl Scan {
    /// The next snapshot, oldest first; `None` after the last.
    pub async fn next(&mut self) -> Option<sqlx::Result<Chain>> {
        self.0.recv().await
    }

    /// As [`Scan::next`] for code outside the runtime (a backtest's own thread).
    pub fn next_blocking(&mut self) -> Option<sqlx::Result<Chain>> {
        self.0.blocking_recv()
    }
}

/// Reads the snapshots of `[from_ms, to_ms]` in order of time.
pub fn scan(db: &Db, source: &str, coin: Coin, from_ms: i64, to_ms: i64) -> Scan {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let range = Range {
        source: source.to_owned(),
        coin,
        from_ms,
        to_ms,
    };
    match db.clone() {
        Db::Sqlite(sqlite) => {
            tokio::task::spawn_blocking(move || {
                if let Err(error) = range.sqlite(&sqlite.path, &sender) {
                    let _ = sender.blocking_send(Err(outside(error)));
                }
            });
        }
        Db::Postgres(postgres) => {
            tokio::spawn(async move {
                if let Err(error) = range.postgres(&postgres.pool, &sender).await {
                    let _ = sender.send(Err(error)).await;
                }
            });
        }
    }
    Scan(receiver)
}

struct Range {
    source: String,
    coin: Coin,
    from_ms: i64,
    to_ms: i64,
}

type Sender = mpsc::Sender<sqlx::Result<Chain>>;

impl Range {
    fn sqlite(&self, path: &Path, sender: &Sender) -> rusqlite::Result<()> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(10))?;
        let mut statement = connection.prepare(SQL)?;
        let parameters = (&self.source, self.coin.as_str(), self.from_ms, self.to_ms);
        let mut rows = statement.query(parameters)?;
        while let Some(row) = rows.next()? {
            let packed = row.get_ref(1)?.as_blob()?;
            let chain = chain(&self.source, row.get(0)?, packed);
            if sender.blocking_send(chain).is_err() {
                break;
            }
        }
        Ok(())
    }

    async fn postgres(&self, pool: &sqlx::PgPool, sender: &Sender) -> sqlx::Result<()> {
        let mut rows = sqlx::query_as::<_, (f64, Vec<u8>)>(SQL)
            .bind(&self.source)
            .bind(self.coin.as_str())
            .bind(self.from_ms)
            .bind(self.to_ms)
            .fetch(pool);
        while let Some((index_price, packed)) = rows.try_next().await? {
            let chain = chain(&self.source, index_price, &packed);
            if sender.send(chain).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}

fn outside(error: rusqlite::Error) -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::other(error))
}
