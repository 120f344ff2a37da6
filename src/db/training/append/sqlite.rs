//! Prepared statements, one a row, on the blocking connection: several times what the async layer takes in.

use super::{Progress, UPDATE};
use crate::db::blocking::with_bulk_writer;
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
    with_bulk_writer(db, move |connection| {
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
        to.to_ms,
        to.cells,
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
    let mut steps = Insert::prepare(transaction, "training_rows", &ROW)?;
    let mut calls = Insert::prepare(transaction, "training_candidates", &CANDIDATE)?;
    for (n, one) in (from..).zip(rows) {
        steps.row(row(dataset, n, one))?;
        for (place, offer) in (0..).zip(&one.offers) {
            calls.row(candidate(dataset, n, place, offer))?;
        }
    }
    Ok(())
}

/// A statement that binds only what differs from the row before: half of the columns hardly ever change, and
/// a text that is bound is copied.
struct Insert<'t, 'r, const N: usize> {
    statement: CachedStatement<'t>,
    bound: [Option<Cell<'r>>; N],
}

impl<'t, 'r, const N: usize> Insert<'t, 'r, N> {
    fn prepare(
        transaction: &'t Transaction<'_>,
        table: &str,
        columns: &[&str; N],
    ) -> rusqlite::Result<Self> {
        let places: Vec<String> = (1..=N).map(|at| format!("?{at}")).collect();
        let (columns, places) = (columns.join(", "), places.join(", "));
        let sql = format!("insert into {table} ({columns}) values ({places})");
        Ok(Self {
            statement: transaction.prepare_cached(&sql)?,
            bound: [const { None }; N],
        })
    }

    fn row(&mut self, cells: [Cell<'r>; N]) -> rusqlite::Result<()> {
        for (at, (cell, bound)) in (1..).zip(cells.into_iter().zip(&mut self.bound)) {
            if bound.as_ref().is_none_or(|bound| !bound.is(&cell)) {
                self.statement.raw_bind_parameter(at, &cell)?;
                *bound = Some(cell);
            }
        }
        self.statement.raw_execute().map(drop)
    }
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
