//! `Db`, `Tx` and the macros that run one expression on either engine.

use super::checkpoint::Log;
use super::tripwire::Tripwire;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection, Postgres, Sqlite, Transaction};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// Runs one expression on a read connection of whichever engine: `read!(db, pool => query.fetch_all(pool).await)`.
macro_rules! read {
    ($db:expr, $pool:ident => $body:expr) => {{
        $db.tripwire().pass()?;
        match $db {
            $crate::db::Db::Sqlite(sqlite) => {
                let $pool = &sqlite.readers;
                $body
            }
            $crate::db::Db::Postgres(postgres) => {
                let $pool = &postgres.pool;
                $body
            }
        }
    }};
}

/// Runs one expression inside a transaction: `on!(tx, conn => query.execute(&mut *conn).await)`.
macro_rules! on {
    ($tx:expr, $conn:ident => $body:expr) => {{
        $tx.tripwire.pass()?;
        match &mut $tx.inner {
            $crate::db::engine::Inner::Sqlite(transaction) => {
                let $conn = &mut **transaction;
                $body
            }
            $crate::db::engine::Inner::Postgres(transaction) => {
                let $conn = &mut **transaction;
                $body
            }
        }
    }};
}

/// An open database of either engine; cheap to clone.
#[derive(Clone, Debug)]
pub enum Db {
    Sqlite(SqliteDb),
    Postgres(PostgresDb),
}

/// One writer connection, several readers, write-ahead log.
#[derive(Clone, Debug)]
pub struct SqliteDb {
    pub(in crate::db) writer: SqlitePool,
    pub(in crate::db) readers: SqlitePool,
    pub(in crate::db) path: PathBuf,
    /// Blocking connection of the queue's hot path; used only while `writer`'s connection is held.
    pub(in crate::db) queue: Arc<Mutex<Option<rusqlite::Connection>>>,
    pub(in crate::db) log: Log,
    wake: Arc<Notify>,
    tripwire: Tripwire,
}

#[derive(Clone, Debug)]
pub struct PostgresDb {
    pub(in crate::db) pool: PgPool,
    pub(in crate::db) options: Arc<PgConnectOptions>,
    wake: Arc<Notify>,
    tripwire: Tripwire,
}

/// A write transaction. Dropped without [`Tx::commit`], it rolls back.
#[derive(Debug)]
pub struct Tx {
    pub(in crate::db) inner: Inner,
    pub(in crate::db) tripwire: Tripwire,
    wake: Arc<Notify>,
    wakes: bool,
}

#[derive(Debug)]
pub(in crate::db) enum Inner {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// Why a database could not be opened; says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    #[error("--database-url: `{0}` is neither sqlite://PATH nor postgres://USER@HOST/NAME")]
    Scheme(String),
    #[error("--database-url: cannot make the folder {0}: {1}")]
    Folder(PathBuf, std::io::Error),
    #[error(transparent)]
    Sqlx(#[from] sqlx::Error),
    #[error("cannot migrate the database: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

const READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 12;
const REACHED_WITHIN: Duration = Duration::from_secs(10);

impl Db {
    /// Opens `sqlite://PATH` (made when missing, folders too) or `postgres://..`; does not migrate.
    pub async fn open(url: &str) -> Result<Self, DbError> {
        if let Some(path) = url.strip_prefix("sqlite://") {
            return Ok(Self::Sqlite(open_sqlite(Path::new(path)).await?));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(
                open_postgres(PgConnectOptions::from_str(url)?).await?,
            ));
        }
        Err(DbError::Scheme(url.to_owned()))
    }

    /// Brings the schema and the views up to this binary's version; safe to repeat and to race.
    pub async fn migrate(&self) -> Result<(), DbError> {
        let migrations = sqlx::migrate!("./migrations");
        match self {
            Self::Sqlite(sqlite) => migrations.run(&sqlite.writer).await?,
            Self::Postgres(postgres) => migrations.run(&postgres.pool).await?,
        }
        super::views::create(self).await?;
        super::reader::role::create(self).await?;
        Ok(())
    }

    /// Starts a write transaction; on SQLite it takes the write lock at once (`begin immediate`).
    pub async fn begin(&self) -> sqlx::Result<Tx> {
        self.tripwire().pass()?;
        let inner = match self {
            Self::Sqlite(sqlite) => {
                Inner::Sqlite(sqlite.writer.begin_with("begin immediate").await?)
            }
            Self::Postgres(postgres) => Inner::Postgres(postgres.pool.begin().await?),
        };
        Ok(Tx {
            inner,
            tripwire: self.tripwire().clone(),
            wake: self.wake().clone(),
            wakes: false,
        })
    }

    /// The same connections as another process would have them: with a tripwire of their own.
    #[must_use]
    pub fn another_process(&self) -> Self {
        let mut db = self.clone();
        match &mut db {
            Self::Sqlite(sqlite) => sqlite.tripwire = Tripwire::default(),
            Self::Postgres(postgres) => postgres.tripwire = Tripwire::default(),
        }
        db
    }

    /// Kills this process's use of the database at a statement of the simulation's choice.
    pub fn tripwire(&self) -> &Tripwire {
        match self {
            Self::Sqlite(sqlite) => &sqlite.tripwire,
            Self::Postgres(postgres) => &postgres.tripwire,
        }
    }

    /// Notified after a commit that enqueued something in this process.
    pub fn wake(&self) -> &Arc<Notify> {
        match self {
            Self::Sqlite(sqlite) => &sqlite.wake,
            Self::Postgres(postgres) => &postgres.wake,
        }
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// `sqlite` or `postgres`, for pages and `doctor`.
    pub fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// Refreshes what the planner knows of the tables' sizes. Postgres does so by itself.
    pub async fn optimize(&self) -> sqlx::Result<()> {
        if let Self::Sqlite(sqlite) = self {
            sqlx::query("pragma optimize")
                .execute(&sqlite.writer)
                .await?;
        }
        Ok(())
    }

    /// Closes every connection; on SQLite this folds the log into the file.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => {
                sqlite.readers.close().await;
                drop(sqlite.queue.lock().map(|mut connection| connection.take()));
                sqlite.writer.close().await;
            }
            Self::Postgres(postgres) => postgres.pool.close().await,
        }
    }
}

impl Tx {
    /// Commits; when something was enqueued, wakes the workers of this process and, on Postgres, of all others.
    pub async fn commit(mut self) -> sqlx::Result<()> {
        self.tripwire.pass()?;
        if let (true, Inner::Postgres(transaction)) = (self.wakes, &mut self.inner) {
            sqlx::query("select pg_notify('thetaq_jobs', '')")
                .execute(&mut **transaction)
                .await?;
        }
        match self.inner {
            Inner::Sqlite(transaction) => transaction.commit().await?,
            Inner::Postgres(transaction) => transaction.commit().await?,
        }
        // A process may die after the commit and before it knows.
        self.tripwire.pass()?;
        if self.wakes {
            self.wake.notify_waiters();
        }
        Ok(())
    }

    /// Remembers that this transaction enqueued a job.
    pub fn wake_on_commit(&mut self) {
        self.wakes = true;
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self.inner, Inner::Postgres(_))
    }
}

async fn open_sqlite(path: &Path) -> Result<SqliteDb, DbError> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder)
            .map_err(|error| DbError::Folder(folder.to_owned(), error))?;
    }
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .statement_cache_capacity(256)
        .pragma("temp_store", "memory")
        .pragma("cache_size", "-65536");
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        // A file needs no ping before use.
        .test_before_acquire(false)
        .connect_with(options.clone())
        .await?;
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .idle_timeout(None)
        .max_lifetime(None)
        // A file needs no ping before use.
        .test_before_acquire(false)
        // What they read again is in the system's cache too; four large ones would be most of a worker's memory.
        .connect_with(options.pragma("cache_size", "-8192"))
        .await?;
    Ok(SqliteDb {
        writer,
        readers,
        path: path.to_owned(),
        queue: Arc::default(),
        log: Log::default(),
        wake: Arc::new(Notify::new()),
        tripwire: Tripwire::default(),
    })
}

async fn open_postgres(options: PgConnectOptions) -> Result<PostgresDb, DbError> {
    // A pool would try a server that is not there for half a minute and then speak of itself.
    let probe = PgConnection::connect_with(&options);
    let probe = tokio::time::timeout(REACHED_WITHIN, probe).await;
    let probe = probe.map_err(|_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))??;
    probe.close().await?;
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .connect_with(options.clone())
        .await?;
    Ok(PostgresDb {
        pool,
        options: Arc::new(options),
        wake: Arc::new(Notify::new()),
        tripwire: Tripwire::default(),
    })
}
