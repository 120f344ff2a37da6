//! Which market history is stored, day by day, what it lacks, and what fills that: the command line and the pages
//! show the same calendar.

mod missing;

pub use missing::{Fetched, Fill, Gap, Stretch, gaps};

use super::What;
use crate::db::{Db, fetched as stretches};
use crate::domain::coin::Coin;
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Everything stored, by source, from rows of the view `v_coverage`.
pub fn sources(rows: &[Value]) -> BTreeMap<Place, Source> {
    let mut sources: BTreeMap<Place, Source> = BTreeMap::new();
    for row in rows {
        let Some(day) = row["day"].as_str().and_then(|day| day.parse().ok()) else {
            continue;
        };
        let source = sources.entry(Place::of_row(row)).or_default();
        *source.days.entry(day).or_default() += row["snapshots"].as_i64().unwrap_or_default();
        source.quotes += row["quotes"].as_i64().unwrap_or_default();
    }
    sources
}

/// Which source of which kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    pub kind: String,
    pub source: String,
    pub underlying: String,
    pub resolution: Option<String>,
}

impl Place {
    fn of_row(row: &Value) -> Self {
        let word = |name: &str| row[name].as_str().map(str::to_owned);
        Self {
            kind: word("kind").unwrap_or_default(),
            source: word("source").unwrap_or_default(),
            underlying: word("underlying").unwrap_or_default(),
            resolution: word("resolution"),
        }
    }

    pub fn name(&self) -> String {
        let words = [&self.kind, &self.source, &self.underlying].map(String::as_str);
        [&words[..], self.resolution.as_deref().as_slice()]
            .concat()
            .join(" ")
    }
}

/// Everything stored of one source.
#[derive(Debug, Default)]
pub struct Source {
    /// Rows by day.
    pub days: BTreeMap<NaiveDate, i64>,
    pub quotes: i64,
}

impl Source {
    /// First and last day.
    pub fn ends(&self) -> (NaiveDate, NaiveDate) {
        let first = self.days.keys().next().copied().unwrap_or_default();
        let last = self.days.keys().next_back().copied().unwrap_or_default();
        (first, last)
    }

    /// Runs of days without anything: the first of them, and how many.
    fn gaps(&self) -> Vec<(NaiveDate, i64)> {
        let days: Vec<NaiveDate> = self.days.keys().copied().collect();
        let missing =
            |pair: &[NaiveDate]| (pair[0] + Days::new(1), (pair[1] - pair[0]).num_days() - 1);
        let gaps = days.windows(2).map(missing);
        gaps.filter(|(_, missing)| *missing > 0).collect()
    }
}

/// What was fetched whole from the exchange itself.
pub async fn fetched(db: &Db) -> anyhow::Result<Fetched> {
    let mut found = Fetched::new();
    for (what, coin) in What::ALL
        .into_iter()
        .flat_map(|what| Coin::ALL.map(|coin| (what, coin)))
    {
        let known = stretches::stretches(db, "deribit", what.kind(), coin).await?;
        found.insert((what.kind().to_owned(), coin), known);
    }
    Ok(found)
}
