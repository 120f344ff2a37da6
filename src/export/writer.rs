//! Takes rows and makes files of them: formats here, and leaves the rest to the thread of [`super::file`].

use super::file::{self, Block};
use super::parquet::Builder;
use super::schema::Column;
use super::text::Lines;
use super::{Format, Shape};
use crate::db::scan::{self, Cell, Halt, Sink};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;

pub use super::file::{Finished, digest, temporary};

/// What one run of the writer makes: the files of one part from some number on.
#[derive(Clone, Debug)]
pub struct Plan {
    pub shape: Shape,
    pub columns: Vec<Column>,
    pub folder: PathBuf,
    /// `data`, `train`, `validation`, `test`.
    pub part: String,
    /// Number of the first file.
    pub first: u64,
    /// How many of the first cells are the key by which an export goes on; 0 when there is none.
    pub key: usize,
    /// How many of the first cells are not printed: the key, and what only the linter reads.
    pub hidden: usize,
}

impl Plan {
    /// `train-00002.jsonl.gz`.
    pub fn name(&self, number: u64) -> String {
        format!("{}-{number:05}.{}", self.part, self.shape.extension())
    }
}

/// Rows so far, readable from other threads.
#[derive(Clone, Debug, Default)]
pub struct Count(Arc<AtomicU64>);

impl Count {
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A [`Sink`] that writes.
pub struct Writer {
    plan: Plan,
    body: Body,
    /// Gone once the thread has ended.
    blocks: Option<SyncSender<Block>>,
    thread: Option<JoinHandle<io::Result<()>>>,
    count: Count,
    number: u64,
    rows: u64,
    key: Vec<i64>,
}

enum Body {
    Text(Lines, Vec<u8>),
    Columns(Builder),
}

/// Bytes handed to the writing thread at once.
const BLOCK_BYTES: usize = 512 << 10;

impl Writer {
    /// `finished` takes each whole file, on the writing thread.
    pub fn new(plan: Plan, count: Count, finished: Box<dyn FnMut(Finished) + Send>) -> Self {
        let body = match plan.shape.format {
            Format::Parquet => Body::Columns(Builder::new(&plan.columns)),
            Format::Csv | Format::Jsonl => {
                Body::Text(Lines::new(&plan.columns, &plan.shape), Vec::new())
            }
        };
        let (blocks, thread) = file::start(plan.shape, plan.columns.clone(), finished);
        Self {
            number: plan.first,
            plan,
            body,
            blocks: Some(blocks),
            thread: Some(thread),
            count,
            rows: 0,
            key: Vec::new(),
        }
    }

    /// Ends the last file. A part without any row is one empty file, with the header where there is one.
    pub fn finish(mut self) -> io::Result<()> {
        if self.rows > 0 || self.number == 0 {
            if self.rows == 0 {
                self.open()?;
            }
            self.close()?;
        }
        self.end()
    }

    fn open(&mut self) -> io::Result<()> {
        let path = self.plan.folder.join(self.plan.name(self.number));
        self.send(Block::Open(path))?;
        if let Body::Text(lines, text) = &mut self.body {
            lines.header(text);
        }
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        self.flush()?;
        let key = (self.plan.key > 0).then(|| serde_json::Value::from(self.key.clone()));
        self.send(Block::Close(self.rows, key.map(|key| key.to_string())))?;
        (self.rows, self.number) = (0, self.number + 1);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let block = match &mut self.body {
            Body::Text(_, text) if text.is_empty() => None,
            Body::Text(_, text) => {
                let next = Vec::with_capacity(BLOCK_BYTES + 8_192);
                Some(Block::Text(std::mem::replace(text, next)))
            }
            Body::Columns(builder) => builder.take()?.map(Block::Batch),
        };
        block.map_or(Ok(()), |block| self.send(block))
    }

    fn send(&mut self, block: Block) -> io::Result<()> {
        let sent = self.blocks.as_ref().map(|blocks| blocks.send(block));
        match sent {
            Some(Ok(())) => Ok(()),
            // The thread is gone: what it ended with says why.
            _ => self
                .end()
                .and(Err(io::Error::other("the writing thread has ended"))),
        }
    }

    fn end(&mut self) -> io::Result<()> {
        self.blocks = None;
        let ended = self.thread.take().map(JoinHandle::join);
        match ended {
            None | Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(error))) => Err(error),
            Some(Err(_)) => Err(io::Error::other("the writing thread panicked")),
        }
    }

    fn note_key(&mut self, row: &[Cell<'_>]) {
        self.key.clear();
        self.key
            .extend(row.iter().take(self.plan.key).map(|cell| match cell {
                Cell::Int(number) => *number,
                _ => 0,
            }));
    }
}

impl Sink for Writer {
    fn begin(&mut self, columns: &[scan::Column]) -> Result<(), Halt> {
        if columns.len() == self.plan.columns.len() + self.plan.hidden {
            return Ok(());
        }
        let error = "the query has other columns than at its first attempt; export it anew";
        Err(io::Error::other(error).into())
    }

    fn row(&mut self, row: &[Cell<'_>]) -> Result<(), Halt> {
        if self.rows == 0 {
            self.open()?;
        }
        let shown = &row[self.plan.hidden..];
        let full = match &mut self.body {
            Body::Text(lines, text) => {
                lines.row(text, shown)?;
                text.len() >= BLOCK_BYTES
            }
            Body::Columns(builder) => builder.row(shown)?,
        };
        self.note_key(row);
        self.rows += 1;
        self.count.0.fetch_add(1, Ordering::Relaxed);
        if self.rows == self.plan.shape.rows_per_file {
            self.close()?;
        } else if full {
            self.flush()?;
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // The thread removes what it was writing.
        drop(self.end());
    }
}
