//! What an export would be, before it is one: columns, rows, about how many bytes, the first rows.

use super::reading::Reading;
use super::schema::{Column, Seen, resolved};
use super::text::Lines;
use super::{Format, Shape};
use crate::db::Db;
use crate::db::scan::{self, Cell, Halt, ScanError, Sink, StopFlag};
use serde::Serialize;

/// The first rows are JSON objects as the export would have them.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    pub columns: Vec<Column>,
    pub rows: u64,
    /// Of all files, uncompressed text; a third of that is usual for Parquet.
    pub bytes_estimate: u64,
    pub first: Vec<serde_json::Value>,
}

/// Looks at the first `limit` rows of a part and counts the others.
pub async fn preview(
    db: &Db,
    reading: &Reading,
    part: &str,
    shape: &Shape,
    limit: usize,
) -> Result<Preview, ScanError> {
    let stop = StopFlag::default;
    let first = First {
        limit,
        hidden: reading.hidden,
        known: reading.columns.clone(),
        ..First::default()
    };
    let first = reading.rows(db, part, &[], stop(), first).await?;
    let rows = reading.rows(db, part, &[], stop(), Rows(0)).await?.0;
    let taken = first.rows.len().max(1) as u64;
    let bytes = first.lines(shape).map_err(ScanError::Sink)?.len() as u64;
    let json = Shape {
        format: Format::Jsonl,
        ..*shape
    };
    let text = first.lines(&json).map_err(ScanError::Sink)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    Ok(Preview {
        columns: first.columns(),
        rows,
        bytes_estimate: bytes * rows / taken,
        first: text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect(),
    })
}

/// Counts.
struct Rows(u64);

impl Sink for Rows {
    fn begin(&mut self, _: &[scan::Column]) -> Result<(), Halt> {
        Ok(())
    }

    fn row(&mut self, _: &[Cell<'_>]) -> Result<(), Halt> {
        self.0 += 1;
        Ok(())
    }
}

/// Keeps some rows.
#[derive(Default)]
struct First {
    limit: usize,
    hidden: usize,
    known: Option<Vec<Column>>,
    declared: Vec<scan::Column>,
    seen: Vec<Seen>,
    rows: Vec<Vec<Kept>>,
}

/// A cell of its own.
enum Kept {
    Plain(Cell<'static>),
    Text(String),
}

impl First {
    fn columns(&self) -> Vec<Column> {
        let found = || {
            let both = self.declared.iter().zip(&self.seen).skip(self.hidden);
            both.map(|(column, seen)| resolved(column, *seen)).collect()
        };
        self.known.clone().unwrap_or_else(found)
    }

    fn lines(&self, shape: &Shape) -> std::io::Result<Vec<u8>> {
        let lines = Lines::new(&self.columns(), shape);
        let mut text = Vec::new();
        for row in &self.rows {
            let cells = row.iter().skip(self.hidden).map(|kept| match kept {
                Kept::Plain(cell) => *cell,
                Kept::Text(text) => Cell::Text(text),
            });
            lines.row(&mut text, &cells.collect::<Vec<_>>())?;
        }
        Ok(text)
    }
}

impl Sink for First {
    fn begin(&mut self, columns: &[scan::Column]) -> Result<(), Halt> {
        self.declared = columns.to_vec();
        self.seen = vec![Seen::default(); columns.len()];
        if self.limit == 0 {
            return Err(Halt::Enough);
        }
        Ok(())
    }

    fn row(&mut self, row: &[Cell<'_>]) -> Result<(), Halt> {
        for (seen, cell) in self.seen.iter_mut().zip(row) {
            seen.note(cell);
        }
        let kept = row.iter().map(|cell| match *cell {
            Cell::Null => Kept::Plain(Cell::Null),
            Cell::Bool(flag) => Kept::Plain(Cell::Bool(flag)),
            Cell::Int(number) => Kept::Plain(Cell::Int(number)),
            Cell::Float(number) => Kept::Plain(Cell::Float(number)),
            Cell::Decimal(number) => Kept::Plain(Cell::Decimal(number)),
            Cell::Text(text) => Kept::Text(text.to_owned()),
        });
        self.rows.push(kept.collect());
        if self.rows.len() >= self.limit {
            return Err(Halt::Enough);
        }
        Ok(())
    }
}
