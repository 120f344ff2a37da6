//! Standard output: one JSON document for programs, aligned columns for people.

use serde::Serialize;
use serde_json::Value;
use std::io::Write;

/// Where results go and in which form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    pub(super) json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints the document when `--json` was given, otherwise the text.
    pub(super) fn result(
        self,
        document: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        if self.json {
            return print(&serde_json::to_string_pretty(document)?);
        }
        print(text().trim_end_matches('\n'))
    }
}

/// Prints text and a line end; a closed pipe is the caller's error.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Columns padded to their widest cell, numbers to the right, under one header line.
pub(super) fn table(columns: &[&str], rows: &[Vec<Value>]) -> String {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(cell).collect())
        .collect();
    let width = |at: usize| {
        let longest = cells.iter().map(|row| row[at].chars().count()).max();
        longest.unwrap_or(0).max(columns[at].chars().count())
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let right: Vec<bool> = (0..columns.len())
        .map(|at| rows.iter().any(|row| row[at].is_number()))
        .collect();
    let header: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
    std::iter::once(&header)
        .chain(&cells)
        .map(|row| line(row, &widths, &right))
        .collect()
}

/// A document as lines of name and value, in full; what is nested has its path as name.
pub(super) fn fields(document: &Value) -> String {
    let mut found = Vec::new();
    collect("", document, &mut found);
    let width = found.iter().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or(0);
    let lines = found.into_iter();
    let lines = lines.map(|(name, value)| format!("{name:<width$}  {value}\n"));
    lines.collect::<Vec<_>>().concat()
}

fn collect(path: &str, value: &Value, found: &mut Vec<(String, String)>) {
    let text = match value {
        Value::Object(inner) if !inner.is_empty() => {
            for (name, value) in inner {
                let dot = if path.is_empty() { "" } else { "." };
                collect(&format!("{path}{dot}{name}"), value, found);
            }
            return;
        }
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    found.push((path.to_owned(), text));
}

fn line(row: &[String], widths: &[usize], right: &[bool]) -> String {
    let padded: Vec<String> = row
        .iter()
        .zip(widths.iter().zip(right))
        .map(|(text, (width, right))| {
            if *right {
                format!("{text:>width$}")
            } else {
                format!("{text:<width$}")
            }
        })
        .collect();
    format!("{}\n", padded.join("  ").trim_end())
}

/// One value on one line: long numbers and texts are cut for the eye, JSON has them in full.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => shorten(&text.replace(['\n', '\t'], " ")),
        Value::Number(number) if number.is_f64() => number
            .as_f64()
            .map_or_else(|| number.to_string(), significant),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Value::Array(_) | Value::Object(_) => shorten(&value.to_string()),
    }
}

const WIDEST: usize = 60;

fn shorten(text: &str) -> String {
    if text.chars().count() <= WIDEST {
        return text.to_owned();
    }
    let start: String = text.chars().take(WIDEST - 1).collect();
    format!("{start}…")
}

/// Eight decimals, or none above a hundred million, without trailing zeros.
fn significant(number: f64) -> String {
    let text = format!("{number:.8}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nested_fields_have_paths() {
        let document =
            json!({"args": {"coin": "BTC", "sizes": [1, 2]}, "error": null, "state": "failed"});
        insta::assert_snapshot!(fields(&document), @r"
        args.coin   BTC
        args.sizes  [1,2]
        error       -
        state       failed
        ");
    }

    #[test]
    fn columns_line_up_and_numbers_stand_right() {
        let rows = [
            vec![json!("BTC"), json!(0.1), json!(null)],
            vec![json!("ETH"), json!(12), json!("x")],
        ];
        insta::assert_snapshot!(table(&["coin", "size", "note"], &rows), @r"
        coin  size  note
        BTC    0.1  -
        ETH     12  x
        ");
    }
}
