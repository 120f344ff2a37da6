//! Lines of CSV (RFC 4180) and JSON, formatted by hand.

use super::number;
use super::schema::{Column, Type};
use super::{Format, Shape};
use crate::db::json;
use crate::db::scan::Cell;
use std::io;

/// Formats rows of one schema.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    columns: Vec<Column>,
    /// What stands before each value: `,` in CSV, `,"name":` in JSON.
    before: Vec<Vec<u8>>,
    csv: bool,
    neutralise: bool,
}

impl Lines {
    pub(super) fn new(columns: &[Column], shape: &Shape) -> Self {
        let csv = shape.format == Format::Csv;
        let before = columns.iter().enumerate().map(|(at, column)| {
            let mut text = match (csv, at) {
                (true, 0) => Vec::new(),
                (true, _) | (false, 1..) => vec![b','],
                (false, 0) => vec![b'{'],
            };
            if !csv {
                json_text(&mut text, &column.name);
                text.push(b':');
            }
            text
        });
        Self {
            before: before.collect(),
            columns: columns.to_vec(),
            csv,
            neutralise: shape.neutralise,
        }
    }

    /// What a file begins with: the names of the schema in CSV, never those of the first row.
    pub(super) fn header(&self, out: &mut Vec<u8>) {
        if !self.csv {
            return;
        }
        for (column, before) in self.columns.iter().zip(&self.before) {
            out.extend_from_slice(before);
            csv_text(out, &column.name, self.neutralise);
        }
        out.extend_from_slice(b"\r\n");
    }

    pub(super) fn row(&self, out: &mut Vec<u8>, row: &[Cell<'_>]) -> io::Result<()> {
        for ((cell, column), before) in row.iter().zip(&self.columns).zip(&self.before) {
            out.extend_from_slice(before);
            if self.csv {
                self.field(out, cell, column)?;
            } else {
                value(out, cell, column)?;
            }
        }
        out.extend_from_slice(if self.csv { b"\r\n" } else { b"}\n" });
        Ok(())
    }

    /// A missing value is empty, an empty text is `""`.
    fn field(&self, out: &mut Vec<u8>, cell: &Cell<'_>, column: &Column) -> io::Result<()> {
        match cell {
            Cell::Null => {}
            Cell::Text(text) if column.kind == Type::Json => {
                csv_text(out, &document(text, column)?, false);
            }
            Cell::Text(text) => csv_text(out, text, self.neutralise),
            plain => scalar(out, plain, column)?,
        }
        Ok(())
    }
}

fn value(out: &mut Vec<u8>, cell: &Cell<'_>, column: &Column) -> io::Result<()> {
    match cell {
        Cell::Null => out.extend_from_slice(b"null"),
        Cell::Text(text) => match column.kind {
            Type::Json => out.extend_from_slice(document(text, column)?.as_bytes()),
            Type::Floats => out.extend_from_slice(text.as_bytes()),
            _ => json_text(out, text),
        },
        plain if column.kind == Type::Text => {
            let mut text = Vec::new();
            scalar(&mut text, plain, column)?;
            json_text(out, &String::from_utf8_lossy(&text));
        }
        plain => scalar(out, plain, column)?,
    }
    Ok(())
}

/// Values whose text is the same in both formats.
fn scalar(out: &mut Vec<u8>, cell: &Cell<'_>, column: &Column) -> io::Result<()> {
    match (cell, column.kind) {
        (Cell::Bool(flag), _) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        (Cell::Int(units), Type::E8) => number::e8(out, *units),
        (Cell::Int(whole), Type::Float) => number::float(out, *whole as f64),
        (Cell::Int(whole), _) => number::int(out, *whole),
        (Cell::Float(value), Type::Int) => number::int(out, whole(*value, column)?),
        (Cell::Float(value), _) => number::float(out, *value),
        (Cell::Decimal(value), _) => number::decimal(out, *value),
        (Cell::Null | Cell::Text(_), _) => {}
    }
    Ok(())
}

/// SQLite keeps any value in any column.
pub(super) fn whole(value: f64, column: &Column) -> io::Result<i64> {
    if value.fract() == 0.0 && value.abs() < 9e15 {
        return Ok(value as i64);
    }
    Err(mixed(column, &value.to_string()))
}

pub(super) fn mixed(column: &Column, value: &str) -> io::Error {
    let (name, kind) = (&column.name, column.kind);
    io::Error::other(format!(
        "column {name} is of type {kind:?} and holds `{value}`; cast it in the query"
    ))
}

/// One text per document, whichever engine stored it.
fn document(text: &str, column: &Column) -> io::Result<String> {
    let value = json::exact(text).map_err(|error| {
        io::Error::other(format!("column {} is not JSON: {error}", column.name))
    })?;
    Ok(value.to_string())
}

fn csv_text(out: &mut Vec<u8>, text: &str, neutralise: bool) {
    let bytes = text.as_bytes();
    let formula = neutralise
        && bytes
            .first()
            .is_some_and(|first| b"=+-@\t\r".contains(first));
    if !formula && !needs_quotes(bytes) {
        out.extend_from_slice(bytes);
        return;
    }
    out.push(b'"');
    if formula {
        out.push(b'\'');
    }
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'"', rest) {
        out.extend_from_slice(&rest[..=at]);
        out.push(b'"');
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn needs_quotes(bytes: &[u8]) -> bool {
    let special = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    if bytes.len() < 32 {
        return bytes.is_empty() || holds(bytes, special);
    }
    memchr::memchr3(b',', b'"', b'\n', bytes).is_some() || memchr::memchr(b'\r', bytes).is_some()
}

fn json_text(out: &mut Vec<u8>, text: &str) {
    let special = |byte: &u8| *byte < b' ' || *byte == b'"' || *byte == b'\\';
    if holds(text.as_bytes(), special) {
        serde_json::to_writer(out, text).expect("a Vec takes any text");
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Without an early end, so that it becomes vector code.
fn holds(bytes: &[u8], special: impl Fn(&u8) -> bool) -> bool {
    bytes
        .iter()
        .fold(false, |found, byte| found | special(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::Compression;

    fn lines(format: Format, neutralise: bool, row: &[Cell<'_>]) -> String {
        let kinds = [Type::Text, Type::Float, Type::E8, Type::Json, Type::Bool];
        let columns: Vec<Column> = ["a,b", "x", "size", "doc", "flag"]
            .iter()
            .zip(kinds)
            .map(|(name, kind)| Column::new(name, kind))
            .collect();
        let shape = Shape {
            format,
            compression: Compression::None,
            rows_per_file: 10,
            neutralise,
        };
        let lines = Lines::new(&columns, &shape);
        let mut out = Vec::new();
        lines.header(&mut out);
        lines.row(&mut out, row).expect("a row");
        String::from_utf8(out).expect("UTF-8")
    }

    const ROW: [Cell<'static>; 5] = [
        Cell::Text("say \"hi\",\r\nyou"),
        Cell::Float(0.1),
        Cell::Int(-25_000_000),
        Cell::Text(r#"{"b": 1.50, "a": [null]}"#),
        Cell::Bool(true),
    ];
    const MISSING: [Cell<'static>; 5] = [
        Cell::Text(""),
        Cell::Null,
        Cell::Null,
        Cell::Null,
        Cell::Null,
    ];

    #[test]
    fn mistake_14_csv_has_the_header_of_the_schema_and_not_of_its_first_row() {
        assert_eq!(
            lines(Format::Csv, false, &ROW),
            "\"a,b\",x,size,doc,flag\r\n\"say \"\"hi\"\",\r\nyou\",0.1,-0.25,\"{\"\"a\"\":[null],\"\"b\"\":1.5}\",true\r\n"
        );
        let empty = lines(Format::Csv, false, &MISSING);
        assert!(empty.ends_with("\r\n\"\",,,,\r\n"), "{empty}");
    }

    #[test]
    fn formulas_are_neutralised_on_request_and_numbers_are_not() {
        let mut row = ROW;
        row[0] = Cell::Text("=1+1");
        assert!(lines(Format::Csv, true, &row).contains("\n\"'=1+1\",0.1,-0.25"));
        assert!(lines(Format::Csv, false, &row).contains("\n=1+1,0.1"));
    }

    #[test]
    fn json_lines_have_null_for_missing_values() {
        assert_eq!(
            lines(Format::Jsonl, false, &ROW),
            "{\"a,b\":\"say \\\"hi\\\",\\r\\nyou\",\"x\":0.1,\"size\":-0.25,\"doc\":{\"a\":[null],\"b\":1.5},\"flag\":true}\n"
        );
        assert_eq!(
            lines(Format::Jsonl, false, &MISSING),
            "{\"a,b\":\"\",\"x\":null,\"size\":null,\"doc\":null,\"flag\":null}\n"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_comes_back_from_csv(text: String) {
            let mut row = ROW;
            row[0] = Cell::Text(&text);
            let written = lines(Format::Csv, false, &row);
            let mut reader = csv::Reader::from_reader(written.as_bytes());
            let read = reader.records().next().expect("a record").expect("CSV");
            proptest::prop_assert_eq!(&read[0], text.as_str());
        }
    }
}
