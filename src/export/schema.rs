//! The columns of an export: known before the first row, the same for every file and format.

use crate::db::scan;
use serde::{Deserialize, Serialize};

/// How a value is printed and typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    Bool,
    Int,
    /// Shortest digits that read back to the same 64 bits.
    Float,
    /// Exact; Parquet has no common form for any number of places and gets a float.
    Decimal,
    /// An integer of hundred-millionths, printed as an exact decimal; Parquet decimal(18, 8).
    E8,
    Text,
    /// A document with its keys in order.
    Json,
    /// A JSON array of numbers and nulls; a list of floats in Parquet.
    Floats,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: Type,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
}

impl Column {
    pub fn new(name: &str, kind: Type) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            unit: String::new(),
            about: String::new(),
        }
    }
}

/// Storage classes that a column's values had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a set of storage classes")]
pub struct Seen {
    pub ints: bool,
    pub floats: bool,
    pub fractions: bool,
    pub texts: bool,
}

impl Seen {
    pub fn note(&mut self, cell: &scan::Cell<'_>) {
        match cell {
            scan::Cell::Null | scan::Cell::Bool(_) => {}
            scan::Cell::Int(_) => self.ints = true,
            scan::Cell::Float(_) => self.floats = true,
            scan::Cell::Decimal(number) if number.scale() == 0 => self.ints = true,
            scan::Cell::Decimal(_) => self.fractions = true,
            scan::Cell::Text(_) => self.texts = true,
        }
    }
}

/// The type of a column of a free query: as declared, or what holds all the values that were seen.
pub fn resolved(column: &scan::Column, seen: Seen) -> Column {
    let kind = match column.declared {
        scan::Type::Bool => Type::Bool,
        scan::Type::Float => Type::Float,
        scan::Type::Json => Type::Json,
        scan::Type::Text => Type::Text,
        scan::Type::Decimal if seen.fractions => Type::Decimal,
        scan::Type::Int | scan::Type::Decimal => Type::Int,
        scan::Type::Unknown => by_values(seen),
    };
    Column {
        unit: unit_of(&column.name).to_owned(),
        ..Column::new(&column.name, kind)
    }
}

/// An expression on SQLite; text holds everything, and stands for a column without any value.
fn by_values(seen: Seen) -> Type {
    match (seen.texts, seen.floats, seen.ints) {
        (false, true, _) => Type::Float,
        (false, false, true) => Type::Int,
        (true, ..) | (false, false, false) => Type::Text,
    }
}

/// What the end of a name says about its unit.
fn unit_of(name: &str) -> &'static str {
    let ends = [
        ("_ms", "milliseconds"),
        ("_e8", "1e-8 coin"),
        ("_usd", "USD"),
        ("_coin", "coin"),
        ("_at", "ISO 8601 UTC"),
        ("_pct", "percent"),
    ];
    let found = ends.into_iter().find(|(end, _)| name.ends_with(end));
    found.map_or("", |(_, unit)| unit)
}
