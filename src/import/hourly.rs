//! A stream of single updates as one chain an hour: of every contract the last word of that hour.
//!
//! The chain stands at its newest update, so it knows nothing later than its own instant; what a contract said
//! in an earlier hour is too old to be in it. One hour is held, whatever the file's size.

use super::collect::Gather;
use super::quote::{Checked, RawQuote};
use super::{Item, Outlet, Stopped};
use crate::db::chains::{COLUMNS, Entry, QuoteTable, ROWS_MAX, SnapshotRow};
use crate::domain::coin::Coin;
use crate::domain::instrument::Instrument;
use std::collections::BTreeMap;

const HOUR_MS: i64 = 3_600_000;

/// Rows seen and rejected so far, and the hour being read.
pub(super) struct Hourly<'a> {
    outlet: &'a mut Outlet,
    file: &'a str,
    source: &'static str,
    hour: i64,
    open: BTreeMap<Coin, BTreeMap<Instrument, Word>>,
}

/// The last update of a contract.
struct Word {
    at_ms: i64,
    numbers: [f64; COLUMNS.len()],
    underlying_index: Option<String>,
}

impl<'a> Hourly<'a> {
    pub(super) fn new(outlet: &'a mut Outlet, file: &'a str, source: &'static str) -> Self {
        Self {
            outlet,
            file,
            source,
            hour: 0,
            open: BTreeMap::new(),
        }
    }

    fn keep(&mut self, update: &Checked<'_>) {
        let chain = self.open.entry(update.coin).or_default();
        if let Some(word) = chain.get_mut(&update.entry.instrument) {
            self.outlet.tally.reject("superseded", 1);
            if update.at_ms >= word.at_ms {
                word.at_ms = update.at_ms;
                word.numbers = update.entry.numbers;
                if word.underlying_index.as_deref() != update.entry.underlying_index {
                    word.underlying_index = update.entry.underlying_index.map(str::to_owned);
                }
            }
        } else if chain.len() == ROWS_MAX {
            self.outlet.tally.reject("snapshot_too_large", 1);
        } else {
            let word = Word {
                at_ms: update.at_ms,
                numbers: update.entry.numbers,
                underlying_index: update.entry.underlying_index.map(str::to_owned),
            };
            chain.insert(update.entry.instrument, word);
        }
    }
}

impl Gather for Hourly<'_> {
    fn take(&mut self, raw: &RawQuote<'_>) -> Result<(), Stopped> {
        self.outlet.tally.rows += 1;
        let update = match raw.check() {
            Ok(update) => update,
            Err(class) => {
                self.outlet.tally.reject(class, 1);
                return Ok(());
            }
        };
        let hour = update.at_ms.div_euclid(HOUR_MS);
        if hour < self.hour {
            self.outlet.tally.reject("late_row", 1);
            return Ok(());
        }
        if hour > self.hour {
            self.flush()?;
            self.hour = hour;
        }
        self.keep(&update);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Stopped> {
        for (coin, words) in std::mem::take(&mut self.open) {
            let at_ms = words.values().map(|word| word.at_ms).max().unwrap_or(0);
            let mut quotes = QuoteTable::new(coin, at_ms, true);
            for (instrument, word) in &words {
                if instrument.expiry_ms <= at_ms {
                    self.outlet.tally.reject("expired", 1);
                } else {
                    quotes.push(&Entry {
                        instrument: *instrument,
                        numbers: word.numbers,
                        underlying_index: word.underlying_index.as_deref(),
                        flag: None,
                    });
                }
            }
            match SnapshotRow::imported(self.source, self.source, Some(self.file), &quotes) {
                Some(row) => self.outlet.send(Item::Snapshot(Box::new(row)))?,
                None => self.outlet.tally.reject("no_index", quotes.len() as u64),
            }
        }
        Ok(())
    }

    fn at_fraction(&mut self, fraction: f64) {
        self.outlet.fraction = fraction;
    }

    fn reject(&mut self, class: &str) {
        self.outlet.tally.rows += 1;
        self.outlet.tally.reject(class, 1);
    }
}
