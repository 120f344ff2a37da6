//! Postgres's binary `copy`: a header, then per row a count and for each field its length and bytes.

use super::{Cell, Column, ScanError, Sink, Type, finite, goes_on, recycle};
use crate::db::reader::ReadError;
use rust_decimal::Decimal;

/// How a type's bytes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Text,
    Json,
    Jsonb,
}

impl Wire {
    pub(super) fn of(column: &str, name: &str) -> Result<Self, ReadError> {
        Ok(match name {
            "BOOL" => Self::Bool,
            "INT2" => Self::Int2,
            "INT4" => Self::Int4,
            "INT8" => Self::Int8,
            "FLOAT4" => Self::Float4,
            "FLOAT8" => Self::Float8,
            "NUMERIC" => Self::Numeric,
            "TEXT" | "VARCHAR" | "BPCHAR" | "NAME" | "UNKNOWN" => Self::Text,
            "JSON" => Self::Json,
            "JSONB" => Self::Jsonb,
            other => {
                return Err(ReadError::Sql(format!(
                    "column {column} is of type {other}; cast it to text"
                )));
            }
        })
    }

    pub(super) fn declared(self) -> Type {
        match self {
            Self::Bool => Type::Bool,
            Self::Int2 | Self::Int4 | Self::Int8 => Type::Int,
            Self::Float4 | Self::Float8 => Type::Float,
            Self::Numeric => Type::Decimal,
            Self::Text => Type::Text,
            Self::Json | Self::Jsonb => Type::Json,
        }
    }

    fn cell(self, bytes: &[u8]) -> Option<Cell<'_>> {
        Some(match self {
            Self::Bool => Cell::Bool(*bytes.first()? != 0),
            Self::Int2 => Cell::Int(i16::from_be_bytes(bytes.try_into().ok()?).into()),
            Self::Int4 => Cell::Int(i32::from_be_bytes(bytes.try_into().ok()?).into()),
            Self::Int8 => Cell::Int(i64::from_be_bytes(bytes.try_into().ok()?)),
            Self::Float4 => finite(f32::from_be_bytes(bytes.try_into().ok()?).into()),
            Self::Float8 => finite(f64::from_be_bytes(bytes.try_into().ok()?)),
            Self::Numeric => numeric(bytes)?,
            Self::Text | Self::Json => Cell::Text(std::str::from_utf8(bytes).ok()?),
            // A version byte comes first.
            Self::Jsonb => Cell::Text(std::str::from_utf8(bytes.get(1..)?).ok()?),
        })
    }
}

/// Cuts blocks into rows; what a block ends with waits for the next.
pub(super) struct Decoder<'c, S> {
    columns: &'c [(Column, Wire)],
    sink: S,
    rest: Vec<u8>,
    cells: Vec<Cell<'static>>,
    begun: bool,
    more: bool,
    whole: bool,
}

/// Signature, flags and the length of an empty extension.
const HEADER: usize = 19;

impl<'c, S: Sink> Decoder<'c, S> {
    pub(super) fn begin(columns: &'c [(Column, Wire)], mut sink: S) -> Result<Self, ScanError> {
        let plain: Vec<Column> = columns.iter().map(|(column, _)| column.clone()).collect();
        let more = goes_on(sink.begin(&plain))?;
        Ok(Self {
            columns,
            sink,
            rest: Vec::new(),
            cells: Vec::new(),
            begun: false,
            more,
            whole: false,
        })
    }

    /// The stream has ended: an error when that was not by its trailer.
    pub(super) fn end(mut self) -> Result<S, ScanError> {
        if self.more && !self.whole {
            let cut = "the result was cut off".to_owned();
            return Err(ReadError::Unavailable(cut).into());
        }
        if self.more {
            goes_on(self.sink.end())?;
        }
        Ok(self.sink)
    }

    /// False when the sink wants no more.
    pub(super) fn take(&mut self, block: &[u8]) -> Result<bool, ScanError> {
        if self.rest.is_empty() {
            let used = self.rows(block)?;
            self.rest.extend_from_slice(&block[used..]);
        } else {
            let mut joined = std::mem::take(&mut self.rest);
            joined.extend_from_slice(block);
            let used = self.rows(&joined)?;
            joined.drain(..used);
            self.rest = joined;
        }
        Ok(self.more)
    }

    /// Rows that are there whole; how many bytes they took.
    fn rows(&mut self, bytes: &[u8]) -> Result<usize, ScanError> {
        let mut at = 0;
        if !self.begun {
            if bytes.len() < HEADER {
                return Ok(0);
            }
            (at, self.begun) = (HEADER, true);
        }
        while self.more {
            let Some(next) = self.row(&bytes[at..])? else {
                break;
            };
            at += next;
        }
        Ok(at)
    }

    /// One row; `None` when it is not there whole, or when there are no more.
    fn row(&mut self, bytes: &[u8]) -> Result<Option<usize>, ScanError> {
        let count = bytes
            .get(..2)
            .map(|two| i16::from_be_bytes([two[0], two[1]]));
        self.whole = count == Some(-1);
        if self.whole || count.is_none() {
            return Ok(None);
        }
        let mut at = 2;
        let mut cells = recycle(std::mem::take(&mut self.cells));
        for (column, wire) in self.columns {
            let Some((cell, next)) = field(bytes, at, column, *wire)? else {
                self.cells = recycle(cells);
                return Ok(None);
            };
            cells.push(cell);
            at = next;
        }
        self.more = goes_on(self.sink.row(&cells))?;
        self.cells = recycle(cells);
        Ok(Some(at))
    }
}

fn field<'a>(
    bytes: &'a [u8],
    at: usize,
    column: &Column,
    wire: Wire,
) -> Result<Option<(Cell<'a>, usize)>, ScanError> {
    let Some(length) = bytes.get(at..at + 4).and_then(|four| four.try_into().ok()) else {
        return Ok(None);
    };
    let from = at + 4;
    let Ok(length) = usize::try_from(i32::from_be_bytes(length)) else {
        return Ok(Some((Cell::Null, from)));
    };
    let Some(value) = bytes.get(from..from + length) else {
        return Ok(None);
    };
    let cell = wire.cell(value).ok_or_else(|| {
        let name = &column.name;
        let text = format!("column {name} holds a value that cannot be read; cast it to text");
        ReadError::Sql(text)
    })?;
    Ok(Some((cell, from + length)))
}

/// Count, weight, sign, scale, then base-10000 digits, each 16 bits; NaN is null.
fn numeric<'a>(bytes: &[u8]) -> Option<Cell<'a>> {
    let words: Vec<i16> = bytes
        .chunks_exact(2)
        .map(|pair| i16::from_be_bytes([pair[0], pair[1]]))
        .collect();
    let [_, weight, sign, scale, digits @ ..] = words.as_slice() else {
        return None;
    };
    if *sign != 0 && *sign != 0x4000 {
        return Some(Cell::Null);
    }
    let (mut units, places) = (0_i128, i32::from(*scale));
    for digit in digits {
        units = units.checked_mul(10_000)?.checked_add((*digit).into())?;
    }
    // The last digit stands for 10000^(weight + 1 - count); bring that to 10^-scale.
    let power = 4 * (i32::from(*weight) + 1 - i32::try_from(digits.len()).ok()?) + places;
    let factor = 10_i128.checked_pow(power.unsigned_abs())?;
    let units = if power < 0 {
        units / factor
    } else {
        units.checked_mul(factor)?
    };
    let units = if *sign == 0 { units } else { -units };
    let number = Decimal::try_from_i128_with_scale(units, places.try_into().ok()?).ok()?;
    Some(Cell::Decimal(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numerics_are_exact() {
        let check = |words: &[i16], expect: &str| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            let Some(Cell::Decimal(number)) = numeric(&bytes) else {
                panic!("{words:?}");
            };
            assert_eq!(number.to_string(), expect, "{words:?}");
        };
        check(&[2, 1, 0, 0, 1, 2345], "12345");
        check(&[1, 1, 0, 0, 3], "30000");
        check(&[0, 0, 0, 0], "0");
        check(&[2, 0, 0x4000, 2, 7, 2500], "-7.25");
        check(&[1, -2, 0, 8, 12], "0.00000012");
    }
}
