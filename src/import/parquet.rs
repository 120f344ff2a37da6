//! Chain rows out of Parquet, a record batch at a time.

use super::collect::{Collector, Gather};
use super::quote::RawQuote;
use super::{Outlet, ReadError};
use crate::db::chains::{COLUMNS, RECORDED};
use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use std::fs::File;

const BATCH: usize = 8_192;

/// Columns that are not numbers.
const TEXTS: [&str; 6] = [
    "source",
    "currency",
    "instrument_name",
    "option_type",
    "underlying_index",
    "flag",
];
const OTHERS: [&str; 3] = ["ts", "expiry", "strike"];

pub(super) fn read(
    builder: ParquetRecordBatchReaderBuilder<File>,
    name: &str,
    outlet: &mut Outlet,
) -> Result<(), ReadError> {
    let total = builder.metadata().file_metadata().num_rows().max(1) as f64;
    let wanted = COLUMNS.iter().chain(&TEXTS).chain(&OTHERS).copied();
    let mask = ProjectionMask::columns(builder.parquet_schema(), wanted);
    let batches = builder.with_batch_size(BATCH).with_projection(mask).build();
    let mut collector = Collector::new(outlet, name, RECORDED);
    let mut rows = 0;
    for batch in batches.map_err(damaged)? {
        let outcome = batch
            .map_err(damaged)
            .and_then(|batch| take(&batch, &mut collector).map(|()| batch.num_rows()));
        match outcome {
            Ok(taken) => rows += taken,
            // What was whole before the damage is kept.
            Err(error) => {
                collector.flush()?;
                return Err(error);
            }
        }
        collector.at_fraction(rows as f64 / total);
    }
    Ok(collector.flush()?)
}

fn take(batch: &RecordBatch, collector: &mut Collector<'_>) -> Result<(), ReadError> {
    let columns = Columns::of(batch)?;
    for row in 0..batch.num_rows() {
        collector.take(&columns.quote(row))?;
    }
    Ok(())
}

/// One batch with its columns found and converted.
struct Columns<'a> {
    at_ms: Vec<Option<i64>>,
    expiry_ms: Vec<Option<i64>>,
    strike: Vec<f64>,
    numbers: Vec<Vec<f64>>,
    texts: [Texts<'a>; 6],
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, ReadError> {
        let required = |name: &str| {
            let column = batch.column_by_name(name);
            column.ok_or_else(|| ReadError::Damaged(format!("column {name} is missing")))
        };
        let number = |name: &&str| match batch.column_by_name(name) {
            Some(column) => numbers(name, column),
            None => Ok(vec![f64::NAN; batch.num_rows()]),
        };
        let mut texts = [Texts(None); 6];
        for (slot, name) in texts.iter_mut().zip(TEXTS) {
            *slot = Texts::of(name, batch.column_by_name(name))?;
        }
        Ok(Self {
            at_ms: times("ts", required("ts")?)?,
            expiry_ms: times("expiry", required("expiry")?)?,
            strike: numbers("strike", required("strike")?)?,
            numbers: COLUMNS.iter().map(number).collect::<Result<_, _>>()?,
            texts,
        })
    }

    fn quote(&self, row: usize) -> RawQuote<'_> {
        let [
            collection,
            currency,
            name,
            option_type,
            underlying_index,
            flag,
        ] = self.texts.each_ref().map(|texts| texts.at(row));
        RawQuote {
            at_ms: self.at_ms[row],
            collection: collection.unwrap_or("unknown"),
            currency: currency.unwrap_or_default(),
            name: name.unwrap_or_default(),
            expiry_ms: self.expiry_ms[row],
            strike: self.strike[row],
            option_type: option_type.unwrap_or_default(),
            underlying_index,
            numbers: std::array::from_fn(|column| self.numbers[column][row]),
            flag,
        }
    }
}

/// A text column, or none at all.
#[derive(Clone, Copy)]
struct Texts<'a>(Option<&'a arrow_array::StringArray>);

impl<'a> Texts<'a> {
    fn of(name: &str, column: Option<&'a ArrayRef>) -> Result<Self, ReadError> {
        let Some(column) = column else {
            return Ok(Self(None));
        };
        let texts = column.as_string_opt::<i32>();
        let texts = texts.ok_or_else(|| unexpected(name, column))?;
        Ok(Self(Some(texts)))
    }

    /// Empty is null.
    fn at(self, row: usize) -> Option<&'a str> {
        let texts = self.0.filter(|texts| texts.is_valid(row))?;
        Some(texts.value(row)).filter(|text| !text.is_empty())
    }
}

fn numbers(name: &str, column: &ArrayRef) -> Result<Vec<f64>, ReadError> {
    let null = f64::NAN;
    Ok(match column.data_type() {
        DataType::Float64 => {
            let values = column.as_primitive::<Float64Type>();
            values.iter().map(|value| value.unwrap_or(null)).collect()
        }
        DataType::Float32 => {
            let values = column.as_primitive::<Float32Type>().iter();
            values.map(|value| value.map_or(null, f64::from)).collect()
        }
        DataType::Int64 => {
            let values = column.as_primitive::<Int64Type>().iter();
            values
                .map(|value| value.map_or(null, |value| value as f64))
                .collect()
        }
        DataType::Int32 => {
            let values = column.as_primitive::<Int32Type>().iter();
            values.map(|value| value.map_or(null, f64::from)).collect()
        }
        _ => return Err(unexpected(name, column)),
    })
}

/// Milliseconds UTC; a whole number without a unit is milliseconds.
fn times(name: &str, column: &ArrayRef) -> Result<Vec<Option<i64>>, ReadError> {
    let scaled = |values: Vec<Option<i64>>, scale: fn(i64) -> i64| {
        values.into_iter().map(|value| value.map(scale)).collect()
    };
    Ok(match column.data_type() {
        DataType::Int64 => column.as_primitive::<Int64Type>().iter().collect(),
        DataType::Timestamp(TimeUnit::Millisecond, _) => column
            .as_primitive::<TimestampMillisecondType>()
            .iter()
            .collect(),
        DataType::Timestamp(TimeUnit::Second, _) => {
            let values = column.as_primitive::<TimestampSecondType>();
            scaled(values.iter().collect(), |at| at.saturating_mul(1_000))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let values = column.as_primitive::<TimestampMicrosecondType>();
            scaled(values.iter().collect(), |at| at.div_euclid(1_000))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            let values = column.as_primitive::<TimestampNanosecondType>();
            scaled(values.iter().collect(), |at| at.div_euclid(1_000_000))
        }
        _ => return Err(unexpected(name, column)),
    })
}

fn unexpected(name: &str, column: &ArrayRef) -> ReadError {
    ReadError::Damaged(format!("column {name} has the type {}", column.data_type()))
}

fn damaged(error: impl std::fmt::Display) -> ReadError {
    ReadError::Damaged(format!("Parquet: {error}"))
}
