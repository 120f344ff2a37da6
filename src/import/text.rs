//! CSV, plain or compressed, a line at a time.

use super::collect::{Collector, Gather};
use super::hourly::Hourly;
use super::points::{self, Shape};
use super::quote::RawQuote;
use super::{Item, Outlet, ReadError, time, vendors};
use crate::db::chains::{COLUMNS, RECORDED};
use crate::db::series::{Point, Series};
use csv::StringRecord;
use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the columns of a file say it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Chains,
    /// Tardis `options_chain`: updates.
    Tardis,
    /// OptionsDX for Deribit: snapshots.
    OptionsDx,
    /// OptionsDX for stocks: refused with the reason.
    Stocks,
    DeliveryPrices,
    VolatilityIndex,
    FundingRates,
    FutureMarks,
    PerpetualCandles,
    Candles,
}

/// Layouts with the columns that tell them, the most particular first.
const LAYOUTS: [(Layout, &[&str]); 10] = [
    (Layout::Tardis, &vendors::TARDIS_COLUMNS),
    (Layout::OptionsDx, &vendors::OPTIONSDX_COLUMNS),
    (Layout::Stocks, &vendors::OPTIONSDX_STOCKS),
    (
        Layout::Chains,
        &[
            "ts",
            "currency",
            "instrument_name",
            "expiry",
            "strike",
            "option_type",
            "underlying_price",
            "bid_price",
            "ask_price",
        ],
    ),
    (
        Layout::DeliveryPrices,
        &["index_name", "date", "delivery_price"],
    ),
    (Layout::VolatilityIndex, &["date", "dvol_close"]),
    (Layout::FundingRates, &["time", "rate_pct"]),
    (
        Layout::FutureMarks,
        &[
            "timestamp",
            "futures_instrument_name",
            "snapshot_term_mark_price",
        ],
    ),
    (
        Layout::PerpetualCandles,
        &[
            "instrument_name",
            "candle_found",
            "candle_open_time_ms",
            "candle_close",
        ],
    ),
    (Layout::Candles, &["open", "high", "low", "close"]),
];

impl Layout {
    pub(super) fn of(names: &[&str]) -> Option<Self> {
        let known = LAYOUTS
            .iter()
            .find(|(_, wanted)| wanted.iter().all(|name| names.contains(name)));
        known.map(|(layout, _)| *layout)
    }

    /// The name in reports.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Chains | Self::Tardis | Self::OptionsDx | Self::Stocks => "chains",
            Self::DeliveryPrices => "delivery_prices",
            Self::VolatilityIndex => "volatility_index",
            Self::FundingRates => "funding_rates",
            Self::FutureMarks => "future_marks",
            Self::PerpetualCandles | Self::Candles => "candles",
        }
    }
}

/// A text file whose header is read.
pub(super) struct TextFile {
    pub layout: Layout,
    pub header: Vec<String>,
    pub lines: Box<dyn BufRead + Send>,
    /// Bytes taken from the disk so far, of `bytes`.
    pub read: Arc<AtomicU64>,
    pub bytes: u64,
}

impl TextFile {
    fn fraction(&self) -> f64 {
        self.read.load(Ordering::Relaxed) as f64 / self.bytes.max(1) as f64
    }
}

/// Where each column stands in a line.
pub(super) struct Columns(BTreeMap<String, usize>);

impl Columns {
    fn of(header: &[String]) -> Self {
        let places = header.iter().enumerate();
        Self(places.map(|(place, name)| (name.clone(), place)).collect())
    }

    /// The cell, trimmed; empty or absent is `None`.
    pub(super) fn text<'a>(&self, line: &'a StringRecord, name: &str) -> Option<&'a str> {
        let cell = line.get(*self.0.get(name)?)?.trim();
        (!cell.is_empty()).then_some(cell)
    }

    /// The number; empty is `None`, anything else that is no finite number is an error.
    pub(super) fn number(
        &self,
        line: &StringRecord,
        name: &str,
    ) -> Result<Option<f64>, &'static str> {
        let Some(cell) = self.text(line, name) else {
            return Ok(None);
        };
        let value: f64 = cell.parse().map_err(|_| "bad_number")?;
        if value.is_finite() {
            Ok(Some(value))
        } else {
            Err("bad_number")
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// Lines between two looks at how far the file is.
const STRIDE: u64 = 512;

pub(super) fn read(
    mut file: TextFile,
    path: &Path,
    name: &str,
    outlet: &mut Outlet,
) -> Result<(), ReadError> {
    let lines = std::mem::replace(&mut file.lines, Box::new(std::io::empty()));
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(false)
        .from_reader(lines);
    let columns = Columns::of(&file.header);
    let mut lines = Numbered {
        file: &file,
        columns: &columns,
        reader: &mut reader,
    };
    match file.layout {
        Layout::Chains => {
            return lines.quotes(raw_quote, &mut Collector::new(outlet, name, RECORDED));
        }
        Layout::OptionsDx => {
            let mut collector = Collector::new(outlet, name, vendors::OPTIONSDX);
            return lines.quotes(vendors::optionsdx, &mut collector);
        }
        Layout::Tardis => {
            return lines.quotes(
                vendors::tardis,
                &mut Hourly::new(outlet, name, vendors::TARDIS),
            );
        }
        _ => {}
    }
    let shape = Shape::of(file.layout, path, &columns).map_err(ReadError::Skipped)?;
    series(&file, &columns, &mut reader, shape, outlet)
}

type Lines = csv::Reader<Box<dyn BufRead + Send>>;

/// The next line into `line`: `Ok(Some(true))` is a good one, `Some(false)` one with another number of
/// cells, `None` the end.
fn next(
    reader: &mut Lines,
    line: &mut StringRecord,
    width: usize,
) -> Result<Option<bool>, ReadError> {
    match reader.read_record(line) {
        Ok(false) => Ok(None),
        Ok(true) => Ok(Some(line.len() == width)),
        Err(error) => match error.kind() {
            csv::ErrorKind::UnequalLengths { .. } | csv::ErrorKind::Utf8 { .. } => Ok(Some(false)),
            _ => Err(ReadError::Damaged(format!("CSV: {error}"))),
        },
    }
}

/// How a line of a layout is read.
type ReadQuote = for<'a> fn(&Columns, &'a StringRecord) -> Result<RawQuote<'a>, &'static str>;

/// The lines of a file of quotes.
struct Numbered<'a> {
    file: &'a TextFile,
    columns: &'a Columns,
    reader: &'a mut Lines,
}

impl Numbered<'_> {
    fn quotes(&mut self, read: ReadQuote, gather: &mut dyn Gather) -> Result<(), ReadError> {
        let mut line = StringRecord::new();
        let mut rows = 0_u64;
        loop {
            match next(self.reader, &mut line, self.file.header.len()) {
                Ok(None) => return Ok(gather.flush()?),
                Ok(Some(true)) => match read(self.columns, &line) {
                    Ok(raw) => gather.take(&raw)?,
                    Err(class) => gather.reject(class),
                },
                Ok(Some(false)) => gather.reject("bad_line"),
                Err(error) => {
                    gather.flush()?;
                    return Err(error);
                }
            }
            rows += 1;
            if rows.is_multiple_of(STRIDE) {
                gather.at_fraction(self.file.fraction());
            }
        }
    }
}

fn raw_quote<'a>(columns: &Columns, line: &'a StringRecord) -> Result<RawQuote<'a>, &'static str> {
    let text = |name| columns.text(line, name);
    let mut numbers = [f64::NAN; COLUMNS.len()];
    for (number, name) in numbers.iter_mut().zip(COLUMNS) {
        *number = columns.number(line, name)?.unwrap_or(f64::NAN);
    }
    Ok(RawQuote {
        at_ms: text("ts").and_then(time::parse),
        collection: text("source").unwrap_or("unknown"),
        currency: text("currency").unwrap_or_default(),
        name: text("instrument_name").unwrap_or_default(),
        expiry_ms: text("expiry").and_then(time::parse),
        strike: columns.number(line, "strike")?.unwrap_or(f64::NAN),
        option_type: text("option_type").unwrap_or_default(),
        underlying_index: text("underlying_index"),
        numbers,
        flag: text("flag"),
    })
}

/// Points handed on at once, per series.
const POINTS: usize = 1_000;

fn series(
    file: &TextFile,
    columns: &Columns,
    reader: &mut Lines,
    mut shape: Shape,
    outlet: &mut Outlet,
) -> Result<(), ReadError> {
    let mut open: BTreeMap<Series, Vec<Point>> = BTreeMap::new();
    let mut line = StringRecord::new();
    let mut held = 0;
    let outcome = loop {
        let parsed = match next(reader, &mut line, file.header.len()) {
            Ok(None) => break Ok(()),
            Ok(Some(true)) => points::parse(&mut shape, columns, &line),
            Ok(Some(false)) => Err("bad_line"),
            Err(error) => break Err(error),
        };
        outlet.tally.rows += 1;
        match parsed {
            Ok((series, point)) => {
                open.entry(series).or_default().push(point);
                held += 1;
            }
            Err(class) => outlet.tally.reject(class, 1),
        }
        if held == POINTS {
            outlet.fraction = file.fraction();
            send(&mut open, outlet)?;
            held = 0;
        }
    };
    send(&mut open, outlet)?;
    outcome
}

fn send(open: &mut BTreeMap<Series, Vec<Point>>, outlet: &mut Outlet) -> Result<(), ReadError> {
    for (series, points) in std::mem::take(open) {
        outlet.send(Item::Points(series, points))?;
    }
    Ok(())
}
