//! Guarded reads: SQL of a person or of a model runs here and can neither change nor lock nor spy.
//!
//! SQLite: a connection of its own, read-only by mode and by pragma, that may touch only the columns
//! the views are made of, call only listed functions, and is stopped at its deadline.
//! Postgres: a connection of its own as a role that may select from the views and nothing else, in a
//! read-only transaction over the extended protocol. Session settings alone would be no protection.

pub(in crate::db) mod postgres;
pub(in crate::db) mod role;
pub(in crate::db) mod sqlite;

use crate::db::Db;
use serde_json::Value;
use std::time::Duration;

/// Runs one statement at a time; cheap to clone.
#[derive(Clone, Debug)]
pub struct Reader {
    db: Db,
}

/// How much one statement may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Rows kept; the result is marked truncated beyond them.
    pub rows: usize,
    /// Bytes of values kept.
    pub bytes: usize,
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows: 10_000,
            bytes: 16 << 20,
            time: Duration::from_secs(10),
        }
    }
}

/// A result: values are JSON, in the order of the columns.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Rows {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Value>>,
    /// True when the statement had more rows than the limits allow.
    pub truncated: bool,
}

impl Rows {
    /// No rows yet; a name that stands twice gets a number, so that no value hides another.
    fn of(names: impl Iterator<Item = String>) -> Self {
        let mut columns: Vec<String> = Vec::new();
        for name in names {
            let mut unique = name.clone();
            let mut n = 2;
            while columns.contains(&unique) {
                unique = format!("{name}_{n}");
                n += 1;
            }
            columns.push(unique);
        }
        Self {
            columns,
            ..Self::default()
        }
    }

    /// Row objects by column name, as `--json` prints them.
    pub fn objects(&self) -> Vec<Value> {
        let object = |row: &Vec<Value>| {
            let pairs = self.columns.iter().cloned().zip(row.iter().cloned());
            Value::Object(pairs.collect())
        };
        self.rows.iter().map(object).collect()
    }

    /// Keeps a row if it fits, else marks the result truncated; false means stop.
    fn push(&mut self, row: Vec<Value>, bytes: &mut usize, limits: &Limits) -> bool {
        *bytes += row.iter().map(size).sum::<usize>();
        if self.rows.len() >= limits.rows || *bytes > limits.bytes {
            self.truncated = true;
            return false;
        }
        self.rows.push(row);
        true
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 8,
        Value::Array(_) | Value::Object(_) => value.to_string().len() + 8,
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}

/// Why a statement gave no result; says what to change.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{0}; only one `select` over the views v_* runs here")]
    Refused(String),
    #[error("stopped after {0:?}; narrow it with a `where` or a `limit`")]
    TimedOut(Duration),
    #[error("{0}")]
    Sql(String),
    #[error(
        "this database has no read-only role `{0}`: run `thetaq migrate` once as a user who may create roles"
    )]
    NoRole(String),
    #[error("cannot reach the database: {0}")]
    Unavailable(String),
}

/// Longest statement, bytes.
const SQL_BYTES: usize = 100_000;

impl Reader {
    pub fn new(db: &Db) -> Self {
        Self { db: db.clone() }
    }

    /// Runs one `select`; `$1`, `$2` .. take the parameters (null, bool, number or text).
    pub async fn query(
        &self,
        sql: &str,
        parameters: &[Value],
        limits: Limits,
    ) -> Result<Rows, ReadError> {
        if sql.len() > SQL_BYTES {
            return Err(ReadError::Refused(format!(
                "the statement is longer than {SQL_BYTES} bytes"
            )));
        }
        match &self.db {
            Db::Sqlite(sqlite) => sqlite::query(sqlite, sql, parameters, limits).await,
            Db::Postgres(postgres) => postgres::query(postgres, sql, parameters, limits).await,
        }
    }
}
