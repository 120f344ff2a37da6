//! Rows as typed columns, and the Parquet file they go into.

use super::schema::{Column, Type};
use super::text::{mixed, whole};
use crate::db::scan::Cell;
use arrow_array::builder::{
    BooleanBuilder, Decimal128Builder, Float64Builder, Int64Builder, ListBuilder, StringBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use rust_decimal::prelude::ToPrimitive;
use std::io::{self, Write};
use std::sync::Arc;

/// Rows handed to the encoder at once; some batches are under way between the threads, each of some megabytes.
pub(super) const BATCH_ROWS: usize = 2_048;
/// Rows of a group; all of a group is in memory until it is written.
const GROUP_ROWS: usize = 65_536;

/// Collects rows until there are [`BATCH_ROWS`].
pub(super) struct Builder {
    schema: Arc<Schema>,
    columns: Vec<(Column, Cells)>,
    rows: usize,
}

enum Cells {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    E8(Decimal128Builder),
    Text(StringBuilder),
    Floats(ListBuilder<Float64Builder>),
}

impl Builder {
    pub(super) fn new(columns: &[Column]) -> Self {
        let cells = |column: &Column| (column.clone(), Cells::new(column.kind));
        Self {
            schema: schema(columns),
            columns: columns.iter().map(cells).collect(),
            rows: 0,
        }
    }

    /// True when a batch is full.
    pub(super) fn row(&mut self, row: &[Cell<'_>]) -> io::Result<bool> {
        for (cell, (column, cells)) in row.iter().zip(&mut self.columns) {
            cells.push(cell, column)?;
        }
        self.rows += 1;
        Ok(self.rows >= BATCH_ROWS)
    }

    /// The rows so far; `None` when there are none.
    pub(super) fn take(&mut self) -> io::Result<Option<RecordBatch>> {
        if self.rows == 0 {
            return Ok(None);
        }
        self.rows = 0;
        let arrays = self.columns.iter_mut().map(|(_, cells)| cells.finish());
        let batch = RecordBatch::try_new(self.schema.clone(), arrays.collect());
        batch.map(Some).map_err(io::Error::other)
    }
}

impl Cells {
    fn new(kind: Type) -> Self {
        match kind {
            Type::Bool => Self::Bool(BooleanBuilder::new()),
            Type::Int => Self::Int(Int64Builder::new()),
            Type::Float | Type::Decimal => Self::Float(Float64Builder::new()),
            Type::E8 => Self::E8(Decimal128Builder::new().with_data_type(DECIMAL)),
            Type::Text | Type::Json => Self::Text(StringBuilder::new()),
            Type::Floats => Self::Floats(ListBuilder::new(Float64Builder::new())),
        }
    }

    fn push(&mut self, cell: &Cell<'_>, column: &Column) -> io::Result<()> {
        match (self, cell) {
            (Self::Bool(cells), Cell::Bool(flag)) => cells.append_value(*flag),
            (Self::Bool(cells), Cell::Null) => cells.append_null(),
            (Self::Int(cells), Cell::Int(number)) => cells.append_value(*number),
            (Self::Int(cells), Cell::Float(number)) => cells.append_value(whole(*number, column)?),
            (Self::Int(cells), Cell::Decimal(number)) => cells.append_option(number.to_i64()),
            (Self::Int(cells), Cell::Null) => cells.append_null(),
            (Self::Float(cells), Cell::Float(number)) => cells.append_value(*number),
            (Self::Float(cells), Cell::Int(number)) => cells.append_value(*number as f64),
            (Self::Float(cells), Cell::Decimal(number)) => cells.append_option(number.to_f64()),
            (Self::Float(cells), Cell::Null) => cells.append_null(),
            (Self::E8(cells), Cell::Int(units)) => cells.append_value((*units).into()),
            (Self::E8(cells), Cell::Null) => cells.append_null(),
            (Self::Text(cells), Cell::Text(text)) => cells.append_value(text),
            (Self::Text(cells), Cell::Null) => cells.append_null(),
            (Self::Text(cells), Cell::Int(number)) => cells.append_value(number.to_string()),
            (Self::Text(cells), Cell::Float(number)) => cells.append_value(number.to_string()),
            (Self::Floats(cells), Cell::Text(text)) => floats(cells, text, column)?,
            (Self::Floats(cells), Cell::Null) => cells.append_null(),
            (_, other) => return Err(mixed(column, &format!("{other:?}"))),
        }
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Bool(cells) => Arc::new(cells.finish()),
            Self::Int(cells) => Arc::new(cells.finish()),
            Self::Float(cells) => Arc::new(cells.finish()),
            Self::E8(cells) => Arc::new(cells.finish()),
            Self::Text(cells) => Arc::new(cells.finish()),
            Self::Floats(cells) => Arc::new(cells.finish()),
        }
    }
}

/// `[1.5,null,2]` as one list.
fn floats(cells: &mut ListBuilder<Float64Builder>, text: &str, column: &Column) -> io::Result<()> {
    let inside = text.trim();
    let inside = inside
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let inside = inside.ok_or_else(|| mixed(column, text))?;
    for item in inside.split(',').map(str::trim) {
        match item {
            "" => {}
            "null" => cells.values().append_null(),
            number => {
                let value = number.parse().map_err(|_| mixed(column, text))?;
                cells.values().append_value(value);
            }
        }
    }
    cells.append(true);
    Ok(())
}

const DECIMAL: DataType = DataType::Decimal128(18, 8);

fn schema(columns: &[Column]) -> Arc<Schema> {
    let field = |column: &Column| {
        let item = Field::new("item", DataType::Float64, true);
        let kind = match column.kind {
            Type::Bool => DataType::Boolean,
            Type::Int => DataType::Int64,
            Type::Float | Type::Decimal => DataType::Float64,
            Type::E8 => DECIMAL,
            Type::Text | Type::Json => DataType::Utf8,
            Type::Floats => DataType::List(Arc::new(item)),
        };
        Field::new(&column.name, kind, true)
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

/// One Parquet file; the same rows give the same bytes.
pub(super) struct Encoder<W: Write + Send>(ArrowWriter<W>);

impl<W: Write + Send> Encoder<W> {
    pub(super) fn new(file: W, columns: &[Column]) -> io::Result<Self> {
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_created_by("thetaq".to_owned());
        // Floats hardly repeat: a dictionary of them costs time and is given up anyway.
        for column in columns {
            let path = match column.kind {
                Type::Float | Type::Decimal => vec![column.name.clone()],
                Type::Floats => ["list", "item"].into_iter().fold(
                    vec![column.name.clone()],
                    |mut path, part| {
                        path.push(part.to_owned());
                        path
                    },
                ),
                _ => continue,
            };
            properties = properties.set_column_dictionary_enabled(path.into(), false);
        }
        let writer = ArrowWriter::try_new(file, schema(columns), Some(properties.build()));
        writer.map(Self).map_err(io::Error::other)
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        self.0.write(batch).map_err(io::Error::other)
    }

    pub(super) fn finish(self) -> io::Result<W> {
        self.0.into_inner().map_err(io::Error::other)
    }
}
