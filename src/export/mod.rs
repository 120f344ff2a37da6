//! Exports: the rows of a select, in files that other programs load, with a manifest that proves them.
//!
//! ```text
//!  db::scan ─► (chat: rows grouped into conversations) ─► writer: text or columns ─► thread: compress, hash, write
//!     └──────► lint, first: types, leaks, duplicates        files are renamed when whole; each is a row
//! ```
//! Memory is constant: a few blocks wait between the threads, and a Parquet row group is bounded.

pub mod card;
mod chat;
mod dataset;
mod file;
pub mod folder;
pub mod lint;
mod number;
mod parquet;
pub mod preview;
mod prompt;
pub mod reading;
pub mod schema;
mod text;
pub mod writer;

use serde::{Deserialize, Serialize};

/// What a line of the export is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The rows of a query as they are.
    Rows,
    /// One row per decision step.
    Transitions,
    /// One row per call a step could choose from.
    Candidates,
    /// `{"messages": [system, user, assistant]}`.
    Chat,
    /// `{"prompt", "chosen", "rejected"}`.
    Preference,
}

impl Kind {
    pub const ALL: [Self; 5] = [
        Self::Rows,
        Self::Transitions,
        Self::Candidates,
        Self::Chat,
        Self::Preference,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Transitions => "transitions",
            Self::Candidates => "candidates",
            Self::Chat => "chat",
            Self::Preference => "preference",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Csv,
    Jsonl,
    Parquet,
}

impl Format {
    pub const ALL: [Self; 3] = [Self::Csv, Self::Jsonl, Self::Parquet];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }
}

/// Of whole text files; Parquet is compressed inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    #[default]
    None,
    Gzip,
    Zstd,
}

/// How rows become files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    pub format: Format,
    pub compression: Compression,
    pub rows_per_file: u64,
    /// Texts that a spreadsheet would run as formulas get an apostrophe in front.
    pub neutralise: bool,
}

impl Shape {
    /// `csv`, `jsonl.gz`, `parquet` ..
    pub fn extension(&self) -> String {
        let end = match (self.format, self.compression) {
            (Format::Parquet, _) | (_, Compression::None) => "",
            (_, Compression::Gzip) => ".gz",
            (_, Compression::Zstd) => ".zst",
        };
        format!("{}{end}", self.format.as_str())
    }
}
