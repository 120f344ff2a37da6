//! Plain time series beside the chains: delivery prices, candles, volatility index, futures, funding.

use super::Tx;
use super::chains::{RECORDED, Stored};
use crate::domain::coin::Coin;
use std::collections::BTreeMap;

/// One series of one table. Units and meaning of `at_ms`: migrations/0002_market.sql; sources: 0021.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Series {
    DeliveryPrices {
        index_name: String,
    },
    Candles {
        source: String,
        symbol: String,
        resolution_ms: i64,
    },
    VolatilityIndex {
        underlying: Coin,
    },
    FutureMarks {
        symbol: String,
    },
    FundingRates {
        source: String,
        symbol: String,
    },
}

/// Value columns of the widest series.
pub const WIDTH: usize = 8;

/// One instant of a series: its values in the table's order, null beyond the series' own columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub at_ms: i64,
    pub values: [Option<f64>; WIDTH],
}

impl Point {
    pub fn new<const N: usize>(at_ms: i64, given: [Option<f64>; N]) -> Self {
        let mut values = [None; WIDTH];
        values[..N].copy_from_slice(&given);
        Self { at_ms, values }
    }
}

/// Whose a point is, and what it was read from. Series that are kept by source name theirs in [`Series`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    pub source: &'a str,
    /// A path, or the host and the method.
    pub file: &'a str,
}

impl<'a> Origin<'a> {
    pub fn of_file(file: &'a str) -> Self {
        let source = RECORDED;
        Self { source, file }
    }
}

/// A part of a primary key before `at_ms`.
enum Key<'a> {
    Text(&'static str, &'a str),
    Number(&'static str, i64),
}

impl Key<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Text(name, _) | Self::Number(name, _) => name,
        }
    }
}

const CANDLE: [&str; 5] = ["open", "high", "low", "close", "volume"];
const FUTURE: [&str; 8] = [
    "mark", "mark_min", "mark_max", "open", "high", "low", "close", "volume",
];

impl Series {
    pub fn table(&self) -> &'static str {
        match self {
            Self::DeliveryPrices { .. } => "delivery_prices",
            Self::Candles { .. } => "candles",
            Self::VolatilityIndex { .. } => "volatility_index",
            Self::FutureMarks { .. } => "future_marks",
            Self::FundingRates { .. } => "funding_rates",
        }
    }

    fn columns(&self) -> &'static [&'static str] {
        match self {
            Self::DeliveryPrices { .. } => &["price_usd"],
            Self::Candles { .. } => &CANDLE,
            Self::VolatilityIndex { .. } => &["close"],
            Self::FutureMarks { .. } => &FUTURE,
            Self::FundingRates { .. } => &["rate"],
        }
    }

    /// Points of all sources stand in one series, each with its own.
    fn is_shared(&self) -> bool {
        !matches!(self, Self::Candles { .. } | Self::FundingRates { .. })
    }

    fn keys(&self) -> Vec<Key<'_>> {
        match self {
            Self::DeliveryPrices { index_name } => vec![Key::Text("index_name", index_name)],
            Self::Candles {
                source,
                symbol,
                resolution_ms,
            } => vec![
                Key::Text("source", source),
                Key::Text("symbol", symbol),
                Key::Number("resolution_ms", *resolution_ms),
            ],
            Self::VolatilityIndex { underlying } => {
                vec![Key::Text("underlying", underlying.as_str())]
            }
            Self::FutureMarks { symbol } => vec![Key::Text("symbol", symbol)],
            Self::FundingRates { source, symbol } => {
                vec![Key::Text("source", source), Key::Text("symbol", symbol)]
            }
        }
    }
}

/// Rows per statement: 500 rows of 13 columns stay far below SQLite's 32,766 parameters.
const BATCH: usize = 500;

/// Stores points that are not there yet; what is there is never changed, whosever it is.
pub async fn insert(
    tx: &mut Tx,
    series: &Series,
    origin: Origin<'_>,
    points: &[Point],
) -> sqlx::Result<Stored> {
    let mut stored = Stored::default();
    for batch in points.chunks(BATCH) {
        let mut held = held(tx, series, batch).await?;
        let mut missing = Vec::new();
        for point in batch {
            match held.get(&point.at_ms) {
                Some(values) if *values == point.values => stored.existing += 1,
                Some(_) => stored.differing += 1,
                None => {
                    held.insert(point.at_ms, point.values);
                    missing.push(*point);
                }
            }
        }
        if !missing.is_empty() {
            stored.inserted += write(tx, series, origin, &missing).await?;
        }
    }
    Ok(stored)
}

type Held = (
    i64,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
);

/// What the table holds between the first and the last instant of a batch.
async fn held(
    tx: &mut Tx,
    series: &Series,
    batch: &[Point],
) -> sqlx::Result<BTreeMap<i64, [Option<f64>; WIDTH]>> {
    let times = || batch.iter().map(|point| point.at_ms);
    let (from_ms, to_ms) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    let mut columns = series.columns().join(", ");
    columns.push_str(&", cast(null as double precision)".repeat(WIDTH - series.columns().len()));
    let sql = format!(
        "select at_ms, {columns} from {} where at_ms between ",
        series.table()
    );
    let rows: Vec<Held> = on!(tx, conn => {
        let mut query = sqlx::QueryBuilder::new(sql);
        query.push_bind(from_ms).push(" and ").push_bind(to_ms);
        for key in series.keys() {
            query.push(format!(" and {} = ", key.name()));
            match key {
                Key::Text(_, value) => query.push_bind(value),
                Key::Number(_, value) => query.push_bind(value),
            };
        }
        query.build_query_as().fetch_all(&mut *conn).await
    })?;
    let values = |row: Held| [row.1, row.2, row.3, row.4, row.5, row.6, row.7, row.8];
    Ok(rows.into_iter().map(|row| (row.0, values(row))).collect())
}

async fn write(
    tx: &mut Tx,
    series: &Series,
    origin: Origin<'_>,
    points: &[Point],
) -> sqlx::Result<u64> {
    let keys = series.keys();
    let names: Vec<&str> = keys.iter().map(Key::name).collect();
    let (columns, width) = (series.columns().join(", "), series.columns().len());
    let source = series.is_shared().then_some(origin.source);
    let sql = format!(
        "insert into {} ({}, at_ms, {columns}, file{}) ",
        series.table(),
        names.join(", "),
        source.map_or("", |_| ", source")
    );
    on!(tx, conn => {
        let mut query = sqlx::QueryBuilder::new(sql);
        query.push_values(points, |mut row, point| {
            for key in &keys {
                match key {
                    Key::Text(_, value) => row.push_bind(*value),
                    Key::Number(_, value) => row.push_bind(*value),
                };
            }
            row.push_bind(point.at_ms);
            for value in &point.values[..width] {
                row.push_bind(*value);
            }
            row.push_bind(origin.file);
            if let Some(source) = source {
                row.push_bind(source);
            }
        });
        query.push(" on conflict do nothing");
        query.build().execute(&mut *conn).await.map(|done| done.rows_affected())
    })
}
