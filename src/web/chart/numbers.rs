//! The numbers of a chart as a table, for those who read rather than see.

use super::{Axis, Line, Plot};
use crate::web::format;
use std::fmt::Write as _;

/// Rows of the table at most; more say no more.
const ROWS_MAX: usize = 24;

/// A folded table: the places of the first line, evenly taken, and every line's value there.
pub(super) fn numbers(plot: &Plot<'_>) -> String {
    let Some(first) = plot.lines.first() else {
        return String::new();
    };
    let axis = match plot.axis {
        Axis::Time => "UTC",
        Axis::Usd => "USD",
    };
    let mut text = format!(
        "<details class=\"numbers\" data-key=\"numbers {0}\"><summary>Numbers</summary><div class=\"scroll\"><table>\
         <caption>{0}</caption><thead><tr><th>{axis}</th>",
        plot.title
    );
    for line in plot.lines {
        let _ = write!(text, "<th class=\"num\">{}, {}</th>", line.name, plot.unit);
    }
    text.push_str("</tr></thead><tbody>");
    for at in places(first) {
        row(&mut text, plot, at);
    }
    text.push_str("</tbody></table></div></details>");
    text
}

fn places(line: &Line) -> impl Iterator<Item = f64> {
    let count = line.points.len();
    let shown = count.min(ROWS_MAX);
    let last = count.saturating_sub(1);
    (0..shown).map(move |n| line.points[n * last / shown.saturating_sub(1).max(1)].0)
}

fn row(text: &mut String, plot: &Plot<'_>, at: f64) {
    let place = match plot.axis {
        Axis::Time => format::date_time(at as i64),
        Axis::Usd => format::grouped(at, 0),
    };
    let _ = write!(text, "<tr><th scope=\"row\">{place}</th>");
    for line in plot.lines {
        let value = value(line, at).map_or_else(
            || format::NONE.to_owned(),
            |value| format::grouped(value, plot.digits),
        );
        let _ = write!(text, "<td class=\"num\">{value}</td>");
    }
    text.push_str("</tr>");
}

/// The value of the last point at or before a place; none before the line begins.
fn value(line: &Line, at: f64) -> Option<f64> {
    let after = line.points.partition_point(|(x, _)| *x <= at);
    Some(line.points[after.checked_sub(1)?].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_long_line_are_in_the_table() {
        let points: Vec<(f64, f64)> = (0..1_000)
            .map(|n| (f64::from(n) * 60_000.0, f64::from(n)))
            .collect();
        let late = Line {
            name: "late".into(),
            class: "index",
            points: points[500..].to_vec(),
        };
        let whole = Line {
            name: "whole".into(),
            class: "equity",
            points,
        };
        let lines = [whole, late];
        let plot = Plot {
            title: "Two lines",
            unit: "BTC",
            digits: 0,
            axis: Axis::Time,
            lines: &lines,
            ..Plot::default()
        };
        let text = numbers(&plot);
        assert_eq!(text.matches("<tr>").count(), ROWS_MAX + 1);
        assert!(text.contains("<td class=\"num\">0</td><td class=\"num\">–</td>"));
        assert!(text.contains("<td class=\"num\">999</td><td class=\"num\">999</td>"));
    }
}
