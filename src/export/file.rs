//! The thread that writes: compresses, hashes and counts what passes, and renames a file once it is whole.

use super::parquet::Encoder;
use super::schema::Column;
use super::{Compression, Format, Shape};
use crate::domain::hex::hex;
use arrow_array::RecordBatch;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// What the formatting thread hands over.
pub(super) enum Block {
    Open(PathBuf),
    Text(Vec<u8>),
    Batch(RecordBatch),
    /// The open file is whole: its rows and the key of the last one.
    Close(u64, Option<String>),
}

/// A file that is in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    pub path: PathBuf,
    pub rows: u64,
    pub bytes: u64,
    pub sha256: String,
    pub last_key: Option<String>,
}

/// Takes each finished file; called on the writing thread.
pub(super) type OnFinished = Box<dyn FnMut(Finished) + Send>;

/// Blocks that may wait to be written.
const BLOCKS: usize = 4;

pub(super) fn start(
    shape: Shape,
    columns: Vec<Column>,
    finished: OnFinished,
) -> (SyncSender<Block>, JoinHandle<io::Result<()>>) {
    let (blocks, taken) = sync_channel(BLOCKS);
    let write = move || write(&taken, &shape, &columns, finished);
    (blocks, std::thread::spawn(write))
}

fn write(
    blocks: &Receiver<Block>,
    shape: &Shape,
    columns: &[Column],
    mut finished: OnFinished,
) -> io::Result<()> {
    let mut open: Option<Open> = None;
    for block in blocks {
        match (block, open.as_mut()) {
            (Block::Open(path), _) => open = Some(Open::new(path, shape, columns)?),
            (Block::Text(text), Some(open)) => open.text(&text)?,
            (Block::Batch(batch), Some(open)) => open.batch(&batch)?,
            (Block::Close(rows, key), Some(_)) => {
                if let Some(open) = open.take() {
                    finished(open.close(rows, key)?);
                }
            }
            (_, None) => return Err(io::Error::other("no file is open")),
        }
    }
    // What is open now was cut off: its temporary file stays for nobody.
    if let Some(open) = open {
        std::fs::remove_file(open.temporary)?;
    }
    Ok(())
}

struct Open {
    path: PathBuf,
    temporary: PathBuf,
    body: Body,
}

enum Body {
    Plain(Hashing),
    Gzip(flate2::write::GzEncoder<Hashing>),
    Zstd(zstd::Encoder<'static, Hashing>),
    Parquet(Box<Encoder<Hashing>>),
}

impl Open {
    fn new(path: PathBuf, shape: &Shape, columns: &[Column]) -> io::Result<Self> {
        let temporary = temporary(&path);
        let file = Hashing::new(File::create(&temporary)?);
        let body = match (shape.format, shape.compression) {
            (Format::Parquet, _) => Body::Parquet(Box::new(Encoder::new(file, columns)?)),
            (_, Compression::None) => Body::Plain(file),
            (_, Compression::Gzip) => {
                let level = flate2::Compression::default();
                Body::Gzip(flate2::write::GzEncoder::new(file, level))
            }
            (_, Compression::Zstd) => Body::Zstd(zstd::Encoder::new(file, 3)?),
        };
        Ok(Self {
            path,
            temporary,
            body,
        })
    }

    fn text(&mut self, text: &[u8]) -> io::Result<()> {
        match &mut self.body {
            Body::Plain(file) => file.write_all(text),
            Body::Gzip(file) => file.write_all(text),
            Body::Zstd(file) => file.write_all(text),
            Body::Parquet(_) => Err(io::Error::other("text for a Parquet file")),
        }
    }

    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        match &mut self.body {
            Body::Parquet(file) => file.write(batch),
            _ => Err(io::Error::other("columns for a text file")),
        }
    }

    /// On disk before it has its name: a name never stands for half a file.
    fn close(self, rows: u64, last_key: Option<String>) -> io::Result<Finished> {
        let file = match self.body {
            Body::Plain(file) => file,
            Body::Gzip(file) => file.finish()?,
            Body::Zstd(file) => file.finish()?,
            Body::Parquet(file) => file.finish()?,
        };
        file.file.sync_all()?;
        std::fs::rename(&self.temporary, &self.path)?;
        Ok(Finished {
            path: self.path,
            rows,
            bytes: file.bytes,
            sha256: hex(&file.hash.finalize()),
            last_key,
        })
    }
}

/// Where a file grows until it is whole.
pub fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    path.with_file_name(name)
}

/// The digest and size of a file that is there.
pub fn digest(path: &Path) -> io::Result<(String, u64)> {
    let mut sink = Hashing::new(io::sink());
    io::copy(&mut File::open(path)?, &mut sink)?;
    Ok((hex(&sink.hash.finalize()), sink.bytes))
}

/// Counts and hashes what passes.
struct Hashing<W = File> {
    file: W,
    hash: Sha256,
    bytes: u64,
}

impl<W> Hashing<W> {
    fn new(file: W) -> Self {
        Self {
            file,
            hash: Sha256::new(),
            bytes: 0,
        }
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
