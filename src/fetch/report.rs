//! What a fetch did, the document `thetaq fetch-history --json` prints, and how far it is.

use super::What;
use super::page::Page;
use crate::clock::Stopwatch;
use crate::db::chains::Stored;
use crate::domain::coin::Coin;
use chrono::DateTime;
use serde::{Deserialize, Serialize};

/// One fetch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What trades and candles are stored under: `deribit`, or `deribit:HOST`.
    pub source: String,
    pub underlying: Coin,
    pub parts: Vec<Part>,
    /// Chains made from the trades, when they were asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rebuilt: Option<RebuiltReport>,
    pub seconds: f64,
}

/// Chains made from trades.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebuiltReport {
    /// The source of the chains: `rebuilt`, or `rebuilt:HOST`.
    pub source: String,
    pub step_ms: i64,
    pub chains: u64,
    /// Instants that had one already.
    pub existing: u64,
    /// Instants at which nobody traded within the hour, or nothing told a volatility.
    pub without: u64,
    pub quotes: u64,
    /// Quotes with a trade of their strike within the hour; the rest are the surface's.
    pub from_prints: u64,
}

impl RebuiltReport {
    pub(super) fn new(source: &str, step_ms: i64) -> Self {
        Self {
            source: source.to_owned(),
            step_ms,
            chains: 0,
            existing: 0,
            without: 0,
            quotes: 0,
            from_prints: 0,
        }
    }
}

/// One kind of history. `rows` = `inserted` + `existing` + `differing`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub what: What,
    /// What was complete on the exchange of the stretch asked for.
    pub from_ms: i64,
    /// Exclusive.
    pub to_ms: i64,
    /// Answers stored by this attempt; none when everything was there.
    pub pages: u64,
    pub rows: u64,
    pub inserted: u64,
    /// There already.
    pub existing: u64,
    /// The database holds another value of that instant, from a file for example; it was left.
    pub differing: u64,
    /// Rows of the exchange that are no history of the desk.
    pub rejected: u64,
}

impl Part {
    pub(super) fn new(what: What, (from_ms, to_ms): (i64, i64)) -> Self {
        Self {
            what,
            from_ms,
            to_ms: to_ms.max(from_ms),
            pages: 0,
            rows: 0,
            inserted: 0,
            existing: 0,
            differing: 0,
            rejected: 0,
        }
    }

    pub(super) fn add(&mut self, page: &Page, stored: Stored) {
        self.pages += 1;
        self.rows += page.rows.len() as u64;
        self.inserted += stored.inserted;
        self.existing += stored.existing;
        self.differing += stored.differing;
        self.rejected += page.rejected;
    }
}

/// How much of the work is done: time covered, weighed by what an hour of each kind costs.
pub(super) struct Meter {
    watch: Stopwatch,
    total: f64,
    done: f64,
    rows: usize,
}

impl Meter {
    pub(super) fn new<'a>(work: impl Iterator<Item = (What, &'a [(i64, i64)])>) -> Self {
        let cost = |(what, gaps): (What, &[(i64, i64)])| {
            let spans = gaps.iter().map(|(from_ms, to_ms)| (to_ms - from_ms) as f64);
            spans.sum::<f64>() * weight(what)
        };
        Self {
            watch: Stopwatch::start(),
            total: work.map(cost).sum::<f64>().max(1.0),
            done: 0.0,
            rows: 0,
        }
    }

    pub(super) fn passed(&mut self, what: What, span_ms: i64, rows: usize) {
        self.done += span_ms as f64 * weight(what);
        self.rows += rows;
    }

    /// 0 to 1.
    pub(super) fn fraction(&self) -> f64 {
        (self.done / self.total).min(1.0)
    }

    /// `trades from 2026-01-14 03:00, 12400 rows, 1900 rows/s, 3 min left`.
    pub(super) fn note(&self, what: What, at_ms: i64) -> String {
        let at = DateTime::from_timestamp_millis(at_ms).unwrap_or_default();
        let (seconds, done) = (self.watch.elapsed().as_secs_f64(), self.fraction());
        let rows = match self.rows {
            0 => String::new(),
            rows => format!(", {rows} rows, {:.0} rows/s", rows as f64 / seconds),
        };
        let left = left(done, seconds);
        format!(
            "{} from {}{rows}{left}",
            what.as_str(),
            at.format("%Y-%m-%d %H:%M")
        )
    }
}

/// `, 3 min left` of work of which so much is done, 0 to 1, after so many seconds; nothing at its
/// start and at its end.
pub(crate) fn left(done: f64, seconds: f64) -> String {
    match done {
        0.0 | 1.0 => String::new(),
        done => format!(", {} left", span(seconds * (1.0 - done) / done)),
    }
}

/// Hours of trades are many pages, hours of anything else a part of one.
fn weight(what: What) -> f64 {
    match what {
        What::Trades => 30.0,
        What::Candles => 2.0,
        What::Deliveries | What::Dvol => 1.0,
    }
}

fn span(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 90.0 => format!("{seconds:.0} s"),
        seconds if seconds < 5_400.0 => format!("{:.0} min", seconds / 60.0),
        seconds => format!("{:.1} h", seconds / 3_600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meter_weighs_trades_and_names_where_it_is() {
        let gaps = [(0, 3_600_000)];
        let mut meter =
            Meter::new([(What::Dvol, &gaps[..]), (What::Trades, &gaps[..])].into_iter());
        meter.passed(What::Dvol, 3_600_000, 4);
        assert!((meter.fraction() - 1.0 / 31.0).abs() < 1e-12);
        meter.passed(What::Trades, 1_800_000, 6);
        let note = meter.note(What::Trades, 1_768_359_600_000);
        assert!(
            note.starts_with("trades from 2026-01-14 03:00, 10 rows, "),
            "{note}"
        );
        assert!(note.ends_with(" left"), "{note}");
        assert_eq!(
            (span(20.0), span(600.0), span(9_000.0)),
            ("20 s".into(), "10 min".into(), "2.5 h".into())
        );
    }
}
