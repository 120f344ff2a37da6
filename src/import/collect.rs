//! Gathers checked quotes into whole snapshots: one instant is held at a time, then handed on.

use super::quote::{Checked, RawQuote};
use super::{Item, Outlet, Stopped};
use crate::db::chains::{QuoteTable, ROWS_MAX, SnapshotRow};
use crate::domain::coin::Coin;
use std::collections::BTreeMap;

/// Where the quotes of a file go, row by row.
pub(super) trait Gather {
    /// Takes one row; a new instant hands on what was gathered before.
    fn take(&mut self, raw: &RawQuote<'_>) -> Result<(), Stopped>;
    /// Hands on what is open; call once more at the end of the file.
    fn flush(&mut self) -> Result<(), Stopped>;
    /// Counts a row that could not even be read.
    fn reject(&mut self, class: &str);
    /// Notes how much of the file is read, 0..1.
    fn at_fraction(&mut self, fraction: f64);
}

/// Rows seen and rejected so far, and the snapshots of the instant being read.
pub(super) struct Collector<'a> {
    outlet: &'a mut Outlet,
    file: &'a str,
    source: &'static str,
    at_ms: i64,
    open: BTreeMap<(String, Coin), QuoteTable>,
}

impl<'a> Collector<'a> {
    /// Snapshots are stored under `source`.
    pub(super) fn new(outlet: &'a mut Outlet, file: &'a str, source: &'static str) -> Self {
        Self {
            outlet,
            file,
            source,
            at_ms: 0,
            open: BTreeMap::new(),
        }
    }

    fn add(&mut self, quote: &Checked<'_>) -> Result<(), Stopped> {
        if quote.at_ms != self.at_ms {
            self.flush()?;
            self.at_ms = quote.at_ms;
        }
        let table = self.table(quote);
        if table.len() == ROWS_MAX {
            self.outlet.tally.reject("snapshot_too_large", 1);
        } else {
            table.push(&quote.entry);
        }
        Ok(())
    }

    fn table(&mut self, quote: &Checked<'_>) -> &mut QuoteTable {
        let key = (quote.collection.to_owned(), quote.coin);
        let fresh = || QuoteTable::new(quote.coin, quote.at_ms, true);
        self.open.entry(key).or_insert_with(fresh)
    }
}

impl Gather for Collector<'_> {
    fn take(&mut self, raw: &RawQuote<'_>) -> Result<(), Stopped> {
        self.outlet.tally.rows += 1;
        match raw.check() {
            Ok(quote) => self.add(&quote),
            Err(class) => {
                self.outlet.tally.reject(class, 1);
                Ok(())
            }
        }
    }

    fn flush(&mut self) -> Result<(), Stopped> {
        for ((collection, _), mut quotes) in std::mem::take(&mut self.open) {
            let (equal, differing) = quotes.settle_order();
            self.outlet.tally.reject("duplicate_row", equal);
            self.outlet.tally.reject("conflicting_row", differing);
            match SnapshotRow::imported(self.source, &collection, Some(self.file), &quotes) {
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
