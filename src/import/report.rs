//! What an import did, file by file: the document `thetaq import --json` prints.

use super::ReadError;
use crate::db::chains::Stored;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One file. `rows` = `inserted` + `existing` + all `rejected`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileReport {
    pub path: String,
    /// `chains`, `delivery_prices`, `candles`, `future_marks`, `funding_rates`, `volatility_index`;
    /// `skipped` when it is no market data, `failed` when it could not be read at all.
    pub kind: String,
    pub rows: u64,
    pub inserted: u64,
    /// Already there, equal to the last bit.
    pub existing: u64,
    /// Rows left out, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Why the file was skipped.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub skipped: Option<String>,
    /// Why reading stopped before its end; rows before that are stored.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
}

/// All files of one import with their sums.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub files: Vec<FileReport>,
    pub inserted: u64,
    pub existing: u64,
    pub rejected: u64,
    pub seconds: f64,
}

impl Report {
    pub(super) fn of(files: Vec<FileReport>, seconds: f64) -> Self {
        Self {
            inserted: files.iter().map(|file| file.inserted).sum(),
            existing: files.iter().map(|file| file.existing).sum(),
            rejected: files.iter().flat_map(|file| file.rejected.values()).sum(),
            files,
            seconds,
        }
    }

    /// True when some file could not be read to its end.
    pub fn has_errors(&self) -> bool {
        self.files.iter().any(|file| file.error.is_some())
    }
}

/// Counts of one file while it is read.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub rows: u64,
    pub rejected: BTreeMap<String, u64>,
}

impl Tally {
    pub(super) fn reject(&mut self, class: &str, rows: u64) {
        if rows > 0 {
            *self.rejected.entry(class.to_owned()).or_default() += rows;
        }
    }
}

impl FileReport {
    pub(super) fn of(
        path: String,
        kind: &str,
        mut tally: Tally,
        stored: Stored,
        outcome: Result<(), ReadError>,
    ) -> Self {
        tally.reject("differs_from_stored", stored.differing);
        let (skipped, error) = match outcome {
            Ok(()) => (None, None),
            Err(ReadError::Skipped(reason)) => (Some(reason), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let kind = match (&skipped, &error) {
            (Some(_), _) => "skipped",
            (None, Some(_)) if tally.rows == 0 => "failed",
            _ => kind,
        };
        Self {
            path,
            kind: kind.to_owned(),
            rows: tally.rows,
            inserted: stored.inserted,
            existing: stored.existing,
            rejected: tally.rejected,
            skipped,
            error,
        }
    }

    pub(super) fn failed(path: String, error: String) -> Self {
        Self {
            path,
            kind: "failed".to_owned(),
            error: Some(error),
            ..Self::default()
        }
    }
}
