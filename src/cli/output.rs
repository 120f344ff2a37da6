//! Standard output: one JSON document for programs, aligned columns for people.

use serde::Serialize;
use serde_json::Value;
use std::io::{IsTerminal, Write};

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

/// Columns padded to their widest cell, numbers to the right, under one header line. A pipe gets every text
/// in full; on a terminal the longest texts are cut until a line fits.
pub(super) fn table(columns: &[&str], rows: &[Vec<Value>]) -> String {
    let room = std::io::stdout()
        .is_terminal()
        .then(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)));
    table_within(columns, rows, room.flatten())
}

fn table_within(columns: &[&str], rows: &[Vec<Value>], room: Option<usize>) -> String {
    let mut cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(cell).collect())
        .collect();
    let right: Vec<bool> = (0..columns.len())
        .map(|at| rows.iter().any(|row| row[at].is_number()))
        .collect();
    let least = |at: usize| columns[at].chars().count().max(NARROWEST);
    let width = |at: usize| {
        let longest = cells.iter().map(|row| row[at].chars().count()).max();
        longest.unwrap_or(0).max(columns[at].chars().count())
    };
    let mut widths: Vec<usize> = (0..columns.len()).map(width).collect();
    if let Some(room) = room {
        fit(&mut widths, room, |at| !right[at], least);
    }
    for row in &mut cells {
        for (text, width) in row.iter_mut().zip(&widths) {
            shorten(text, *width);
        }
    }
    let header: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
    std::iter::once(&header)
        .chain(&cells)
        .map(|row| line(row, &widths, &right))
        .collect()
}

const GAP: usize = 2;
/// No column is cut below this: ids and instants are copied into the next command.
const NARROWEST: usize = 26;

/// Takes from the widest column of texts until a line has room, or nothing is left to take.
fn fit(
    widths: &mut [usize],
    room: usize,
    texts: impl Fn(usize) -> bool,
    least: impl Fn(usize) -> usize,
) {
    let total = |widths: &[usize]| widths.iter().sum::<usize>() + GAP * widths.len().max(1) - GAP;
    while total(widths) > room {
        let wide = (0..widths.len()).filter(|at| texts(*at) && widths[*at] > least(*at));
        let Some(at) = wide.max_by_key(|at| widths[*at]) else {
            return;
        };
        widths[at] -= 1;
    }
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

/// One value on one line; long numbers are cut for the eye, JSON has them in full.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.replace(['\n', '\t'], " "),
        Value::Number(number) if number.is_f64() => number
            .as_f64()
            .map_or_else(|| number.to_string(), significant),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn shorten(text: &mut String, width: usize) {
    if text.chars().count() > width {
        *text = text
            .chars()
            .take(width.saturating_sub(1))
            .chain(['…'])
            .collect();
    }
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
    #[test]
    fn a_terminal_cuts_the_longest_texts_and_a_pipe_none() {
        let long = "the lease ran out: worker w-1 fell silent while it was fetching trades";
        let rows = [vec![json!("a-name-of-some-length"), json!(12), json!(long)]];
        let columns = ["name", "n", "error"];
        assert!(table_within(&columns, &rows, None).contains(long));
        insta::assert_snapshot!(table_within(&columns, &rows, Some(60)), @r"
        name                    n  error
        a-name-of-some-length  12  the lease ran out: worker w-1 fe…
        ");
        let narrow = table_within(&columns, &rows, Some(10));
        assert!(
            narrow.lines().all(|line| line.chars().count() <= 53),
            "{narrow}"
        );
    }
}
