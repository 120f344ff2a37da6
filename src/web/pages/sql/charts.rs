//! Lines over time out of a result: one chart a column of numbers, one line a combination of words.

use crate::db::reader::Rows;
use crate::db::views;
use crate::web::chart::{Axis, Line, Plot, figure};
use chrono::{DateTime, NaiveDate, NaiveTime};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Charts of a result at most, and lines of a chart.
const CHARTS_MAX: usize = 4;
const LINES: [&str; 6] = ["equity", "index", "today", "hold", "usd", "weekly"];

/// Points by the words that tell lines apart.
type Groups = BTreeMap<String, Vec<(f64, f64)>>;

/// Nothing when the result has no time, no number, or more lines than can be told apart.
pub(super) fn charts(rows: &Rows) -> Vec<Value> {
    let columns = 0..rows.columns.len();
    let Some(time) = columns.clone().find(|at| is_time(rows, *at)) else {
        return Vec::new();
    };
    // Without two rows at one time there is one line, whatever words stand beside it.
    let words: Vec<usize> = columns
        .clone()
        .filter(|at| *at != time && !once(rows, time) && tells_apart(rows, *at))
        .collect();
    columns
        .filter(|at| *at != time)
        .filter_map(|at| chart(&rows.columns[at], &groups(rows, time, at, &words)?))
        .take(CHARTS_MAX)
        .collect()
}

fn is_time(rows: &Rows, at: usize) -> bool {
    let mut times = BTreeSet::new();
    for row in &rows.rows {
        match (&row[at], instant(&row[at])) {
            (Value::Null, _) => {}
            (_, Some(at_ms)) => {
                times.insert(at_ms);
            }
            (_, None) => return false,
        }
    }
    times.len() > 1
}

/// A month, a day or an instant, in milliseconds.
fn instant(value: &Value) -> Option<i64> {
    let text = value.as_str()?;
    let day = match text.len() {
        7 => format!("{text}-01"),
        10 => text.to_owned(),
        20.. => return Some(DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis()),
        _ => return None,
    };
    let day: NaiveDate = day.parse().ok()?;
    Some(day.and_time(NaiveTime::MIN).and_utc().timestamp_millis())
}

fn once(rows: &Rows, time: usize) -> bool {
    let times: BTreeSet<_> = rows.rows.iter().map(|row| row[time].as_str()).collect();
    times.len() == rows.rows.len()
}

/// A column of few words, such as the underlying.
fn tells_apart(rows: &Rows, at: usize) -> bool {
    let values: BTreeSet<&str> = rows
        .rows
        .iter()
        .filter_map(|row| row[at].as_str())
        .collect();
    let few = (2..=LINES.len()).contains(&values.len());
    few && rows
        .rows
        .iter()
        .all(|row| row[at].is_string() || row[at].is_null())
}

fn groups(rows: &Rows, time: usize, number: usize, words: &[usize]) -> Option<Groups> {
    let mut groups = Groups::new();
    for row in &rows.rows {
        let Some(at_ms) = instant(&row[time]) else {
            continue;
        };
        let value = match &row[number] {
            Value::Null => continue,
            value => value.as_f64()?,
        };
        let names: Vec<&str> = words.iter().filter_map(|at| row[*at].as_str()).collect();
        groups
            .entry(plain(&names.join(" ")))
            .or_default()
            .push((at_ms as f64, value));
    }
    for points in groups.values_mut() {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    let drawn = groups.values().any(|points| points.len() > 1);
    (drawn && groups.len() <= LINES.len()).then_some(groups)
}

fn chart(column: &str, groups: &Groups) -> Option<Value> {
    let title = plain(column);
    let line = |class: &'static str, name: &str, points: &[(f64, f64)]| Line {
        name: if name.is_empty() {
            title.clone()
        } else {
            name.to_owned()
        }
        .into(),
        class,
        points: points.to_vec(),
    };
    let pairs = LINES.into_iter().zip(groups);
    let lines: Vec<Line> = pairs
        .map(|(class, (name, points))| line(class, name, points))
        .collect();
    let plot = Plot {
        title: &title,
        unit: unit(column),
        digits: digits(&lines),
        axis: Axis::Time,
        lines: &lines,
        ..Plot::default()
    };
    (!lines.is_empty()).then(|| figure(&plot))
}

/// Decimals that say something at the size of the values.
fn digits(lines: &[Line]) -> usize {
    let values = || {
        lines
            .iter()
            .flat_map(|line| &line.points)
            .map(|(_, y)| y.abs())
    };
    let largest = values().fold(0.0, f64::max);
    match largest {
        _ if values().all(|value| value.fract() == 0.0) => 0,
        1_000.0.. => 0,
        10.0.. => 2,
        0.01.. => 4,
        _ => 6,
    }
}

/// The unit of a column of that name in the views, else of what its name ends with.
fn unit(column: &str) -> &'static str {
    let views = views::all();
    let mut columns = views.iter().flat_map(|view| &view.columns);
    match columns.find(|known| known.name == column) {
        Some(known) => known.unit,
        None if column.ends_with("_usd") => "USD",
        None if column.ends_with("_ms") => "ms",
        None => "as named",
    }
}

/// A chart's words go into its drawing as they are: nothing that is markup is left in them.
fn plain(text: &str) -> String {
    let fine = |letter: char| letter.is_alphanumeric() || " _-.:/%()".contains(letter);
    text.chars()
        .map(|letter| if fine(letter) { letter } else { ' ' })
        .take(40)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rows(columns: &[&str], rows: Value) -> Rows {
        Rows {
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            rows: serde_json::from_value(rows).expect("rows of cells"),
            truncated: false,
        }
    }

    #[test]
    fn a_line_a_coin_and_a_chart_a_number() {
        let found = rows(
            &["day", "underlying", "equity", "id"],
            json!([
                ["2026-01-01", "BTC", 1.5, "a"],
                ["2026-01-01", "ETH", 2.5, "b"],
                ["2026-01-02", "BTC", 1.6, "c"],
                ["2026-01-02", "ETH", null, "d"],
                ["2026-01-03", "BTC", 1.7, "e"],
                ["2026-01-04", "BTC", 1.7, "f"],
                ["2026-01-05", "BTC", 1.7, "g"]
            ]),
        );
        let charts = charts(&found);
        assert_eq!(charts.len(), 1);
        assert_eq!(charts[0]["title"], "equity");
        assert_eq!(charts[0]["legend"][1]["name"], "ETH");
    }

    #[test]
    fn words_that_change_over_time_do_not_tear_a_line_apart() {
        let found = rows(
            &["at", "regime", "equity"],
            json!([
                ["2026-01", "bull", 1],
                ["2026-02", "bear", 2],
                ["2026-03", "bull", 3]
            ]),
        );
        let legend = charts(&found)[0]["legend"].clone();
        assert_eq!(legend, json!([{"name": "equity", "class": "equity"}]));
    }

    #[test]
    fn no_chart_without_time_or_with_markup() {
        let no_time = rows(&["kind", "jobs"], json!([["a", 1], ["b", 2]]));
        assert!(charts(&no_time).is_empty());
        let evil = rows(&["at", "<script>"], json!([["2026-01", 1], ["2026-02", 2]]));
        let text = charts(&evil)[0].to_string();
        assert!(
            !text.contains("<script>alert") && !text.contains("aria-label=\\\"<"),
            "{text}"
        );
    }
}
