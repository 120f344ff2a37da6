//! Charts of a page with the numbers behind them: each is also a table of the page's address, which the script
//! asks again for the stretch it zooms to.

use crate::backtest::Gap;
use crate::web::chart::{self, Plot, places};
use crate::web::pages::Query;
use crate::web::table::Table;
use serde::Serialize;
use serde_json::{Value, json};

/// Draws the charts of one address.
#[derive(Debug)]
pub(super) struct Drawer<'p> {
    /// What `table=NAME` is appended to.
    base: String,
    /// The table that is asked for.
    wanted: Option<String>,
    /// The stretch that is asked for, all of it without one.
    range: (f64, f64),
    /// Stretches without data, over which no line is drawn.
    gaps: Vec<(f64, f64)>,
    tables: &'p mut Vec<Table>,
}

impl<'p> Drawer<'p> {
    pub(super) fn new(query: &Query, path: &str, tables: &'p mut Vec<Table>) -> Self {
        let edge = |name: &str| query.get(name).and_then(|text| text.parse().ok());
        Self {
            base: query.base(path),
            wanted: query.owned("table"),
            range: (
                edge("from").unwrap_or(f64::MIN),
                edge("to").unwrap_or(f64::MAX),
            ),
            gaps: Vec::new(),
            tables,
        }
    }

    /// Shades these stretches in every chart over time.
    pub(super) fn with_gaps(mut self, gaps: &[Gap]) -> Self {
        self.gaps = places(gaps);
        self
    }

    /// Lines, unless none of them has two points.
    pub(super) fn lines(&mut self, name: &'static str, plot: &Plot<'_>) -> Option<Value> {
        if plot.lines.iter().all(|line| line.points.len() < 2) {
            return None;
        }
        let source = self.source(name);
        let gaps = &self.gaps;
        let plot = &Plot { gaps, ..*plot };
        if self.wanted.as_deref() == Some(name) {
            let rows = chart::points(plot, self.range);
            self.tables
                .push(Table::of(name, &["line", "at", "value"], rows));
        }
        let mut figure = chart::figure_with_more(plot, &source);
        figure["source"] = source.into();
        Some(figure)
    }

    /// Bars or a heat map with the rows they were made from.
    pub(super) fn table(
        &mut self,
        name: &'static str,
        mut figure: Value,
        columns: &[&str],
        rows: impl IntoIterator<Item = Value>,
    ) -> Value {
        figure["source"] = self.source(name).into();
        self.tables.push(Table::of(name, columns, rows));
        figure
    }

    /// A table of the page that is no chart.
    pub(super) fn rows<T: Serialize>(&mut self, name: &'static str, columns: &[&str], rows: &[T]) {
        self.tables.push(Table::of(name, columns, rows));
    }

    fn source(&self, name: &str) -> String {
        format!("{}table={name}", self.base)
    }
}

/// A map of objects as rows, each with the key it stood under.
pub(super) fn keyed(map: &Value, key: &str) -> Vec<Value> {
    let entries = map.as_object().into_iter().flatten();
    entries
        .map(|(name, row)| {
            let mut row = row.clone();
            row[key] = json!(name);
            row
        })
        .collect()
}
