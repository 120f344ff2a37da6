//! The calendar of what market data is there: per source, underlying and day, with the gaps named.

use super::Db;
use super::reader::{Limits, ReadError, Reader};
use crate::domain::instrument::DAY_MS;
use serde::Serialize;
use serde_json::Value;
use sqlx::FromRow;
use std::collections::BTreeMap;

/// One day of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, FromRow)]
pub struct CoverageRow {
    /// `chains`, `delivery_prices`, `candles`, `volatility_index`, `future_marks`, `funding_rates`,
    /// `trades`.
    pub kind: String,
    /// Source and collection of chains, venue and resolution of candles.
    pub source: String,
    /// `BTC`, or the symbol of a series.
    pub underlying: String,
    /// 00:00 UTC of the day. A day's close of the volatility index counts for the day it closes.
    pub day_ms: i64,
    /// Snapshots, prices or candles of the day.
    pub snapshots: i64,
    /// Quotes of those snapshots; 0 for plain series.
    pub quotes: i64,
    pub first_ms: i64,
    pub last_ms: i64,
}

/// One source as a whole, with what is missing between its first and its last day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Extent {
    pub kind: String,
    pub source: String,
    pub underlying: String,
    pub first_ms: i64,
    pub last_ms: i64,
    pub days: i64,
    pub snapshots: i64,
    pub quotes: i64,
    /// Days without anything between the first and the last.
    pub missing_days: i64,
    /// Longest time from the last row of a day to the first of the next, milliseconds, and when it began.
    pub longest_gap_ms: i64,
    pub longest_gap_from_ms: Option<i64>,
    /// Runs of missing days: 00:00 UTC of the first, and how many.
    pub gaps: Vec<(i64, i64)>,
}

/// Days of every source, in the order of kind, source, underlying, day.
pub async fn coverage(db: &Db) -> sqlx::Result<Vec<CoverageRow>> {
    read!(db, pool => sqlx::query_as(SQL).fetch_all(pool).await)
}

/// Division of bigints truncates alike on both engines; times are positive.
const SQL: &str = "\
select kind, source, underlying, cast(day * 86400000 as bigint) as day_ms, cast(count(*) as bigint) as snapshots, \
  cast(sum(quotes) as bigint) as quotes, cast(min(at_ms) as bigint) as first_ms, cast(max(at_ms) as bigint) as last_ms \
from ( \
  select 'chains' as kind, source || '/' || collection as source, underlying, at_ms / 86400000 as day, quotes, at_ms from chain_snapshots \
  union all select 'delivery_prices', source, index_name, at_ms / 86400000, 0, at_ms from delivery_prices \
  union all select 'candles', source || '/' || cast(resolution_ms as text), symbol, at_ms / 86400000, 0, at_ms from candles \
  union all select 'volatility_index', source, underlying, at_ms / 86400000 - 1, 0, at_ms from volatility_index \
  union all select 'future_marks', source, symbol, at_ms / 86400000, 0, at_ms from future_marks \
  union all select 'funding_rates', source, symbol, at_ms / 86400000, 0, at_ms from funding_rates \
) as rows \
group by kind, source, underlying, day \
union all select 'trades', source, underlying, day_ms, prints, 0, first_ms, last_ms from trade_days \
order by 1, 2, 3, 4";

/// Rows of the view `v_coverage`; nothing named shows everything.
pub async fn days(
    db: &Db,
    kind: Option<&str>,
    underlying: Option<&str>,
) -> Result<Vec<Value>, ReadError> {
    let sql = "select * from v_coverage \
        where (cast($1 as text) is null or kind = cast($1 as text)) \
        and (cast($2 as text) is null or underlying = cast($2 as text)) \
        order by kind, source, underlying, resolution, day";
    let limits = Limits {
        rows: 1_000_000,
        bytes: 1 << 30,
        ..Limits::default()
    };
    let given = [Value::from(kind), Value::from(underlying)];
    Ok(Reader::new(db).query(sql, &given, limits).await?.objects())
}

/// One line per source, from the days of [`coverage`].
pub fn extents(rows: &[CoverageRow]) -> Vec<Extent> {
    let mut sources: BTreeMap<_, Vec<&CoverageRow>> = BTreeMap::new();
    for row in rows {
        let key = (&row.kind, &row.source, &row.underlying);
        sources.entry(key).or_default().push(row);
    }
    sources.into_values().map(|days| extent(&days)).collect()
}

fn extent(days: &[&CoverageRow]) -> Extent {
    let (first, last) = (days[0], days[days.len() - 1]);
    let pairs = || days.windows(2).map(|pair| (pair[0], pair[1]));
    let gaps: Vec<(i64, i64)> = pairs()
        .map(|(a, b)| (a.day_ms + DAY_MS, (b.day_ms - a.day_ms) / DAY_MS - 1))
        .filter(|(_, missing)| *missing > 0)
        .collect();
    let longest = pairs().max_by_key(|(a, b)| b.first_ms - a.last_ms);
    Extent {
        kind: first.kind.clone(),
        source: first.source.clone(),
        underlying: first.underlying.clone(),
        first_ms: first.first_ms,
        last_ms: last.last_ms,
        days: days.len() as i64,
        snapshots: days.iter().map(|day| day.snapshots).sum(),
        quotes: days.iter().map(|day| day.quotes).sum(),
        missing_days: gaps.iter().map(|(_, missing)| missing).sum(),
        longest_gap_ms: longest.map_or(0, |(a, b)| b.first_ms - a.last_ms),
        longest_gap_from_ms: longest.map(|(a, _)| a.last_ms),
        gaps,
    }
}
