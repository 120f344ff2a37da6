//! One figure over two settings: the median over all others, where numbers are many, in ranges of them.

use crate::db::json as stored;
use crate::db::sweeps::{FIGURES, Figure, RunRow};
use crate::web::chart::{Heat, heat};
use crate::web::pages::Query;
use serde_json::{Value, json};

/// More values than this of a number are put into as many ranges.
const CELLS: usize = 12;
/// The same of the only axis: each of its values has a row, so that the best one is seen.
const ROWS: usize = 50;

/// The map that the address asks for (`down`, `across`, `figure`); null when no run has that figure.
pub(super) fn map(runs: &[RunRow], axes: &[String], query: &Query) -> Value {
    let chosen = |name: &str, other: usize| {
        let wish = query
            .get(name)
            .filter(|wish| axes.iter().any(|axis| axis == wish));
        wish.or_else(|| axes.get(other).map(String::as_str))
            .unwrap_or_default()
            .to_owned()
    };
    let (down, across) = (chosen("down", 0), chosen("across", 1));
    let figure = FIGURES
        .iter()
        .find(|one| Some(one.key) == query.get("figure"))
        .unwrap_or(&FIGURES[0]);
    let points = points(runs, &down, &across, figure);
    if points.is_empty() {
        return Value::Null;
    }
    let one_axis = across.is_empty() || across == down;
    let most = if one_axis { ROWS } else { CELLS };
    let rows = Scale::of(points.iter().map(|point| &point.0), most);
    let columns = Scale::of(points.iter().map(|point| &point.1), CELLS);
    let mut cells = vec![vec![Vec::new(); columns.names.len()]; rows.names.len()];
    for (row, column, value) in &points {
        cells[rows.at(row)][columns.at(column)].push(*value);
    }
    let medians = cells
        .into_iter()
        .map(|row| row.into_iter().map(median).collect());
    let title = if one_axis {
        format!("{} by {}", figure.label, words(&down))
    } else {
        format!(
            "{} by {} and {}",
            figure.label,
            words(&down),
            words(&across)
        )
    };
    let shown = heat(&Heat {
        title: &title,
        axes: [
            &words(&down),
            &if one_axis {
                String::new()
            } else {
                words(&across)
            },
        ],
        columns: columns.names,
        rows: rows.names.into_iter().zip(medians).collect(),
        decimals: 2,
        percent: figure.share,
        // Where all gain or all lose, what matters is which do best.
        signed: points.iter().any(|point| point.2 < 0.0)
            && points.iter().any(|point| point.2 > 0.0),
        low_is_good: !figure.more,
    });
    json!({"heat": shown, "down": down, "across": across, "figure": figure.key})
}

fn words(key: &str) -> String {
    key.replace('_', " ")
}

/// (value down, value across, figure) of every run that has the figure.
fn points(runs: &[RunRow], down: &str, across: &str, figure: &Figure) -> Vec<(Value, Value, f64)> {
    let of = |run: &RunRow| {
        let values = stored::exact(&run.settings).ok()?;
        let second = if across == down {
            Value::Null
        } else {
            values[across].clone()
        };
        Some((values[down].clone(), second, (figure.of)(run)?))
    };
    runs.iter().filter_map(of).collect()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// The values of an axis in order, or ranges of as many numbers each.
struct Scale {
    names: Vec<String>,
    /// Lower ends of the ranges; the values themselves where each has its own place.
    starts: Vec<Value>,
}

impl Scale {
    fn of<'v>(values: impl Iterator<Item = &'v Value>, most: usize) -> Self {
        let mut known: Vec<Value> = values.cloned().collect();
        known.sort_by(order);
        known.dedup();
        let numbers = known.iter().all(Value::is_number);
        if known.len() <= most || !numbers {
            let names = known.iter().map(text).collect();
            return Self {
                names,
                starts: known,
            };
        }
        let start = |n: usize| known[n * known.len() / most].clone();
        let starts: Vec<Value> = (0..most).map(start).collect();
        Self {
            names: starts
                .iter()
                .map(|start| format!("≥ {}", text(start)))
                .collect(),
            starts,
        }
    }

    fn at(&self, value: &Value) -> usize {
        self.starts
            .partition_point(|start| order(start, value).is_le())
            .saturating_sub(1)
    }
}

/// Numbers by size, everything else by its text.
fn order(a: &Value, b: &Value) -> std::cmp::Ordering {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => text(a).cmp(&text(b)),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "all".to_owned(),
        Value::String(text) => text.replace('_', " "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_numbers_are_put_into_ranges_and_every_value_finds_its_place() {
        let values: Vec<Value> = (0..100).map(|n| json!(f64::from(n) / 10.0)).collect();
        let scale = Scale::of(values.iter(), CELLS);
        assert_eq!(scale.names.len(), CELLS);
        assert_eq!(
            (scale.at(&json!(0.0)), scale.at(&json!(9.9))),
            (0, CELLS - 1)
        );
        // The only axis shows each of its values as long as they fit below each other.
        let alone = Scale::of(values.iter().take(13), ROWS);
        assert_eq!((alone.names.len(), alone.at(&json!(1.2))), (13, 12));
        let few = [json!("b"), json!("a"), json!("b")];
        let scale = Scale::of(few.iter(), CELLS);
        assert_eq!((scale.names.len(), scale.at(&json!("b"))), (2, 1));
    }

    #[test]
    fn the_median_is_of_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }
}
