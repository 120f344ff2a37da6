//! Prepared statements, one a row, on the blocking connection: several times what the async layer takes in.

use super::{Progress, UPDATE};
use crate::db::blocking::with_writer;
use crate::db::engine::SqliteDb;
use crate::db::training::columns::{CANDIDATE, Cell, ROW, candidate, row};
use crate::db::training::progress::Counts;
use crate::training::Row;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Transaction, TransactionBehavior, params};

pub(super) async fn append(
    db: &SqliteDb,
    dataset: &str,
    from: i64,
    rows: Vec<Row>,
    progress: Progress,
) -> sqlx::Result<bool> {
    let dataset = dataset.to_owned();
    with_writer(db, move |connection| {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if !update(&transaction, &dataset, from, &progress)? {
            return Ok(false);
        }
        insert(&transaction, &dataset, from, &rows)?;
        transaction.commit()?;
        Ok(true)
    })
    .await
}

fn update(
    transaction: &Transaction<'_>,
    dataset: &str,
    from: i64,
    to: &Progress,
) -> rusqlite::Result<bool> {
    // A number after `$` is a name here, counted in the order of appearance; after `?` it is a place.
    let sql = UPDATE.replace('$', "?");
    let changed = transaction.prepare_cached(&sql)?.execute(params![
        dataset,
        from,
        to.rows,
        to.candidates,
        to.errors,
        json(&to.by_profile),
        json(&to.by_action),
        json(&to.by_split),
        to.steps_done,
        to.checkpoint,
        to.at_ms,
        to.rewarded,
        to.reward_usd,
        to.reward_versus_holding,
    ])?;
    Ok(changed == 1)
}

fn json(counts: &Counts) -> String {
    serde_json::to_string(counts).unwrap_or_default()
}

fn insert(
    transaction: &Transaction<'_>,
    dataset: &str,
    from: i64,
    rows: &[Row],
) -> rusqlite::Result<()> {
    let mut step = transaction.prepare_cached(&statement("training_rows", &ROW))?;
    let mut call = transaction.prepare_cached(&statement("training_candidates", &CANDIDATE))?;
    for (n, one) in (from..).zip(rows) {
        execute(&mut step, &row(dataset, n, one))?;
        for (place, offer) in (0..).zip(&one.offers) {
            execute(&mut call, &candidate(dataset, n, place, offer))?;
        }
    }
    Ok(())
}

fn statement(table: &str, columns: &[&str]) -> String {
    let places: Vec<String> = (1..=columns.len()).map(|at| format!("?{at}")).collect();
    let (columns, places) = (columns.join(", "), places.join(", "));
    format!("insert into {table} ({columns}) values ({places})")
}

fn execute(statement: &mut CachedStatement<'_>, cells: &[Cell<'_>]) -> rusqlite::Result<()> {
    for (at, cell) in (1..).zip(cells) {
        statement.raw_bind_parameter(at, cell)?;
    }
    statement.raw_execute().map(|_| ())
}

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Owned(text) => ValueRef::Text(text.as_bytes()),
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Float(number) => ValueRef::Real(*number),
            Self::Bool(flag) => ValueRef::Integer(i64::from(*flag)),
            Self::Null => ValueRef::Null,
        }))
    }
}
