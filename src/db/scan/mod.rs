//! Bulk reads: every row of one select, typed and borrowed, as fast as the engine gives them.
//!
//! sqlx's own row stream costs several times this: SQLite is read by a blocking connection of its own,
//! Postgres by binary `copy`. Either is read-only, and one statement sees one state of the database.

mod binary;
mod literal;
mod postgres;
mod sqlite;

use super::Db;
use super::reader::ReadError;
use rust_decimal::Decimal;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One select. `$1`, `$2` .. take the parameters (null, bool, number or text).
#[derive(Clone, Debug, Default)]
pub struct Scan {
    pub sql: String,
    pub parameters: Vec<Value>,
    /// SQL of a person: only the views, as [`super::reader`] has it.
    pub guarded: bool,
    pub stop: StopFlag,
}

/// Raised from another thread: the scan ends, also inside a long sort.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a column was declared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// An expression on SQLite: only its values tell.
    Unknown,
    Bool,
    Int,
    Float,
    Decimal,
    Text,
    Json,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub declared: Type,
}

/// One value. A float that is not finite is null; JSON is its stored text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Decimal(Decimal),
    Text(&'a str),
}

/// Takes rows on a thread of its own.
pub trait Sink: Send + 'static {
    /// Before the first row, also when there is none.
    fn begin(&mut self, columns: &[Column]) -> Result<(), Halt>;
    fn row(&mut self, row: &[Cell<'_>]) -> Result<(), Halt>;
    /// After the last row of a scan that was read to its end.
    fn end(&mut self) -> Result<(), Halt> {
        Ok(())
    }
}

/// Why a sink takes no more.
#[derive(Debug)]
pub enum Halt {
    /// It has what it wants.
    Enough,
    Failed(std::io::Error),
}

impl From<std::io::Error> for Halt {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Sink(#[from] std::io::Error),
    #[error("stopped")]
    Stopped,
}

/// Hands every row to the sink and gives the sink back.
pub async fn run<S: Sink>(db: &Db, scan: Scan, sink: S) -> Result<S, ScanError> {
    // Nobody waits any more when this future is dropped: the thread that reads must not go on.
    let mut dropped = Dropped(Some(scan.stop.clone()));
    let done = match db {
        Db::Sqlite(sqlite) => sqlite::run(sqlite, scan, sink).await,
        Db::Postgres(postgres) => postgres::run(postgres, scan, sink).await,
    };
    dropped.0 = None;
    done
}

struct Dropped(Option<StopFlag>);

impl Drop for Dropped {
    fn drop(&mut self) {
        if let Some(stop) = &self.0 {
            stop.raise();
        }
    }
}

/// The columns of a select, without running it.
pub async fn columns(db: &Db, scan: Scan) -> Result<Vec<Column>, ScanError> {
    struct Names(Vec<Column>);
    impl Sink for Names {
        fn begin(&mut self, columns: &[Column]) -> Result<(), Halt> {
            self.0 = columns.to_vec();
            Err(Halt::Enough)
        }

        fn row(&mut self, _: &[Cell<'_>]) -> Result<(), Halt> {
            Ok(())
        }
    }
    Ok(run(db, scan, Names(Vec::new())).await?.0)
}

/// Whether a sink wants more.
fn goes_on(answer: Result<(), Halt>) -> Result<bool, ScanError> {
    match answer {
        Ok(()) => Ok(true),
        Err(Halt::Enough) => Ok(false),
        Err(Halt::Failed(error)) => Err(error.into()),
    }
}

/// The same allocation for the cells of another row: they borrow from one row each.
fn recycle<'b>(mut cells: Vec<Cell<'_>>) -> Vec<Cell<'b>> {
    cells.clear();
    cells.into_iter().map(|_| Cell::Null).collect()
}

fn finite<'a>(value: f64) -> Cell<'a> {
    if value.is_finite() {
        Cell::Float(value)
    } else {
        Cell::Null
    }
}

fn lost(error: &tokio::task::JoinError) -> ScanError {
    ScanError::Read(ReadError::Unavailable(error.to_string()))
}
