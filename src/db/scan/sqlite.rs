//! Bulk reads of SQLite: a blocking connection of its own, read-only by mode.

use super::{Cell, Column, Scan, ScanError, Sink, Type, finite, goes_on, lost, recycle};
use crate::db::engine::SqliteDb;
use crate::db::reader::{ReadError, sqlite};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Statement};
use std::path::Path;
use std::time::Duration;

pub(super) async fn run<S: Sink>(db: &SqliteDb, scan: Scan, sink: S) -> Result<S, ScanError> {
    let path = db.path.clone();
    tokio::task::spawn_blocking(move || read(&path, &scan, sink))
        .await
        .map_err(|error| lost(&error))?
}

fn read<S: Sink>(path: &Path, scan: &Scan, sink: S) -> Result<S, ScanError> {
    let connection = open(path, scan)?;
    let mut statement = connection
        .prepare(&scan.sql)
        .map_err(|error| explained(&error, scan))?;
    sqlite::query_only(&statement)?;
    sqlite::bind(&mut statement, &scan.parameters)?;
    rows(&mut statement, scan, sink)
}

fn open(path: &Path, scan: &Scan) -> Result<Connection, ScanError> {
    let stop = scan.stop.clone();
    let opened = if scan.guarded {
        sqlite::guarded(path, move || stop.is_raised())
    } else {
        sqlite::own(path, move || stop.is_raised())
    };
    opened.map_err(|error| explained(&error, scan))
}

fn rows<S: Sink>(statement: &mut Statement<'_>, scan: &Scan, mut sink: S) -> Result<S, ScanError> {
    let columns = columns(statement);
    if !goes_on(sink.begin(&columns))? {
        return Ok(sink);
    }
    let mut rows = statement.raw_query();
    let mut kept: Vec<Cell<'static>> = Vec::with_capacity(columns.len());
    while let Some(row) = rows.next().map_err(|error| explained(&error, scan))? {
        let mut cells = recycle(kept);
        for (at, column) in columns.iter().enumerate() {
            cells.push(cell(row, at, column)?);
        }
        if !goes_on(sink.row(&cells))? {
            return Ok(sink);
        }
        kept = recycle(cells);
    }
    goes_on(sink.end())?;
    Ok(sink)
}

fn columns(statement: &Statement<'_>) -> Vec<Column> {
    let found = statement.columns();
    let columns = found.iter().map(|column| Column {
        name: column.name().to_owned(),
        declared: declared(column.decl_type().unwrap_or_default()),
    });
    columns.collect()
}

fn declared(name: &str) -> Type {
    match name.to_ascii_lowercase().as_str() {
        "boolean" => Type::Bool,
        "bigint" | "integer" => Type::Int,
        "double precision" | "real" => Type::Float,
        "text" => Type::Text,
        "jsonb" => Type::Json,
        _ => Type::Unknown,
    }
}

fn cell<'a>(row: &'a Row<'_>, at: usize, column: &Column) -> Result<Cell<'a>, ScanError> {
    let stored = row
        .get_ref(at)
        .map_err(|error| ReadError::Sql(error.to_string()))?;
    Ok(match stored {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(flag) if column.declared == Type::Bool => Cell::Bool(flag != 0),
        ValueRef::Integer(number) if column.declared == Type::Float => Cell::Float(number as f64),
        ValueRef::Integer(number) => Cell::Int(number),
        ValueRef::Real(number) => finite(number),
        ValueRef::Text(text) => Cell::Text(std::str::from_utf8(text).map_err(|_| {
            ReadError::Sql(format!(
                "column {} holds text that is not UTF-8",
                column.name
            ))
        })?),
        ValueRef::Blob(_) => {
            let name = &column.name;
            let text = format!("column {name} holds bytes; leave it out or encode it as text");
            return Err(ReadError::Sql(text).into());
        }
    })
}

fn explained(error: &rusqlite::Error, scan: &Scan) -> ScanError {
    if scan.stop.is_raised() {
        return ScanError::Stopped;
    }
    sqlite::explained(error, Duration::ZERO).into()
}
