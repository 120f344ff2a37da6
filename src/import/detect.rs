//! What a file is: told by its first bytes and its columns, never by its name.

use super::ReadError;
use super::text::{Layout, TextFile};
use ::parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file recognised as market data.
pub(super) enum Opened {
    Parquet(ParquetRecordBatchReaderBuilder<File>),
    Text(Box<TextFile>),
}

/// A header longer than this is not one.
const HEADER_MAX: u64 = 64 * 1024;

pub(super) fn open(path: &Path) -> Result<Opened, ReadError> {
    let mut file = File::open(path).map_err(damaged)?;
    let bytes = file.metadata().map_err(damaged)?.len();
    let mut first = [0; 4];
    let length = fill(&mut file, &mut first).map_err(damaged)?;
    file.rewind().map_err(damaged)?;
    match &first[..length] {
        b"PAR1" => parquet(file),
        [] => Err(skipped("it is empty")),
        [0x1F, 0x8B, ..] => text(file, bytes, |counted| {
            Box::new(MultiGzDecoder::new(counted))
        }),
        _ => text(file, bytes, |counted| Box::new(counted)),
    }
}

/// Counts the bytes taken from the disk, for the progress of compressed files.
pub(super) struct Counted {
    file: BufReader<File>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        Ok(length)
    }
}

fn parquet(file: File) -> Result<Opened, ReadError> {
    // Plain types from the file's own schema: dictionaries and large strings of a writer vanish.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
        .map_err(|error| ReadError::Damaged(format!("Parquet: {error}")))?;
    let names = builder.schema().fields().iter();
    let names: Vec<&str> = names.map(|field| field.name().as_str()).collect();
    match Layout::of(&names) {
        Some(Layout::Chains) => Ok(Opened::Parquet(builder)),
        Some(layout) => Err(skipped(&format!(
            "{} are read from CSV, not from Parquet",
            layout.kind()
        ))),
        None => Err(skipped("its columns are those of no known market data")),
    }
}

fn text(
    file: File,
    bytes: u64,
    decoder: impl FnOnce(Counted) -> Box<dyn Read + Send>,
) -> Result<Opened, ReadError> {
    let read = Arc::new(AtomicU64::new(0));
    let counted = Counted {
        file: BufReader::new(file),
        read: read.clone(),
    };
    let mut lines = BufReader::new(decoder(counted));
    let header = header(&mut lines)?;
    let names: Vec<&str> = header.iter().map(String::as_str).collect();
    let layout = Layout::of(&names)
        .ok_or_else(|| skipped("not market data: its first line is no known header"))?;
    Ok(Opened::Text(Box::new(TextFile {
        layout,
        header,
        lines: Box::new(lines),
        read,
        bytes,
    })))
}

/// The names of the first line; the rest stays in `lines`.
fn header(lines: &mut dyn BufRead) -> Result<Vec<String>, ReadError> {
    let mut line = Vec::new();
    let taken = lines.take(HEADER_MAX).read_until(b'\n', &mut line);
    taken.map_err(|error| skipped(&format!("not market data: {error}")))?;
    let line = String::from_utf8(line)
        .map_err(|_| skipped("not market data: neither Parquet nor gzip nor text"))?;
    let line = line.trim_start_matches('\u{feff}').trim_end();
    if line.contains('\0') {
        return Err(skipped(
            "not market data: neither Parquet nor gzip nor text",
        ));
    }
    Ok(line
        .split(',')
        .map(|name| name.trim().trim_matches('"').to_owned())
        .collect())
}

fn fill(file: &mut File, first: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < first.len() {
        match file.read(&mut first[length..])? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

fn damaged(error: impl std::fmt::Display) -> ReadError {
    ReadError::Damaged(error.to_string())
}

fn skipped(reason: &str) -> ReadError {
    ReadError::Skipped(reason.to_owned())
}
