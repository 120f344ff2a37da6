//! Market history out of files: chains, delivery prices, candles, futures, funding, volatility index.
//!
//! ```text
//! paths -> walk -> detect (by content) -> parquet | text (vendors) -> quote, points (checks)
//!       -> collect | hourly -> sink -> rows
//! ```
//!
//! A file is read on a thread of its own, a row group or a line at a time, and handed on through a
//! channel of a few items, so memory does not grow with the file. Each batch is one transaction; what is
//! there already is left alone, so an import that was cut off is repeated and finishes.

mod collect;
mod detect;
mod hourly;
mod parquet;
mod points;
mod quote;
mod report;
mod sink;
mod text;
mod time;
mod vendors;
mod walk;

pub use report::{FileReport, Report};

use crate::clock::Stopwatch;
use crate::db::chains::SnapshotRow;
use crate::db::series::{Point, Series};
use crate::db::{self, Db};
use futures::future::BoxFuture;
use report::Tally;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;
use walk::Found;

/// Told how far an import is; may ask it to stop.
pub trait Progress: Send {
    /// `fraction` of all bytes (0..1), `note` for people. An error stops the import; what is
    /// committed stays.
    fn report<'a>(&'a mut self, fraction: f64, note: &'a str)
    -> BoxFuture<'a, Result<(), Stopped>>;
}

/// The import was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the import was stopped; what it had stored stays, repeat it to finish")]
pub struct Stopped;

/// Nobody watches.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {
    fn report<'a>(&'a mut self, _: f64, _: &'a str) -> BoxFuture<'a, Result<(), Stopped>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Why an import ended early. A bad file never ends it: its report says what was wrong.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("import: {0}")]
    Database(#[from] db::Error),
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Imports files and folders (recursively). Repeating it stores nothing twice.
pub async fn import(
    db: &Db,
    paths: &[PathBuf],
    progress: &mut dyn Progress,
) -> Result<Report, ImportError> {
    let watch = Stopwatch::start();
    let (found, mut files) = walk::walk(paths);
    let bytes: u64 = found.iter().map(|file| file.bytes).sum();
    let mut done = 0;
    for file in found {
        let mut span = Span {
            progress: &mut *progress,
            start: done as f64 / bytes.max(1) as f64,
            width: file.bytes as f64 / bytes.max(1) as f64,
        };
        done += file.bytes;
        files.push(import_file(db, file, &mut span).await?);
    }
    Ok(Report::of(files, watch.elapsed().as_secs_f64()))
}

/// What a reader hands on.
#[derive(Debug)]
enum Item {
    Snapshot(Box<SnapshotRow>),
    Points(Series, Vec<Point>),
}

/// The share of the whole import that one file is.
struct Span<'a> {
    progress: &'a mut dyn Progress,
    start: f64,
    width: f64,
}

impl Span<'_> {
    async fn report(&mut self, fraction: f64, note: &str) -> Result<(), Stopped> {
        let whole = (self.start + self.width * fraction).clamp(0.0, 1.0);
        self.progress.report(whole, note).await
    }
}

/// Items read ahead of the database.
const AHEAD: usize = 16;

/// A reader's end of the channel, with its counts.
struct Outlet {
    sender: mpsc::Sender<(f64, Item)>,
    tally: Tally,
    /// How much of the file is read, 0..1.
    fraction: f64,
}

impl Outlet {
    fn send(&mut self, item: Item) -> Result<(), Stopped> {
        let sent = self.sender.blocking_send((self.fraction, item));
        sent.map_err(|_| Stopped)
    }
}

async fn import_file(db: &Db, file: Found, span: &mut Span<'_>) -> Result<FileReport, ImportError> {
    let shown = file.path.display().to_string();
    span.report(0.0, &shown).await?;
    let (sender, receiver) = mpsc::channel(AHEAD);
    let (path, name) = (file.path, shown.clone());
    let reader = tokio::task::spawn_blocking(move || read(&path, &name, sender));
    let stored = sink::drain(db, &shown, receiver, span).await;
    let read = reader.await;
    let stored = stored?;
    Ok(match read {
        Ok((kind, tally, outcome)) => FileReport::of(shown, kind, tally, stored, outcome),
        Err(panic) => FileReport::of(
            shown,
            "failed",
            Tally::default(),
            stored,
            Err(ReadError::Damaged(format!("its reader gave up: {panic}"))),
        ),
    })
}

/// Why a file was not read to its end.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    /// Not an error of the run: the file is something else.
    #[error("{0}")]
    Skipped(String),
    #[error("{0}")]
    Damaged(String),
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

type Read = (&'static str, Tally, Result<(), ReadError>);

fn read(path: &Path, name: &str, sender: mpsc::Sender<(f64, Item)>) -> Read {
    let mut outlet = Outlet {
        sender,
        tally: Tally::default(),
        fraction: 0.0,
    };
    match detect::open(path) {
        Err(error) => ("skipped", outlet.tally, Err(error)),
        Ok(detect::Opened::Parquet(reader)) => {
            let outcome = parquet::read(reader, name, &mut outlet);
            ("chains", outlet.tally, outcome)
        }
        Ok(detect::Opened::Text(text)) => {
            let kind = text.layout.kind();
            let outcome = text::read(*text, path, name, &mut outlet);
            (kind, outlet.tally, outcome)
        }
    }
}
