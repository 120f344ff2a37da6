//! The quotes of one snapshot as columns, exactly as their file or our own recorder gave them.

use crate::domain::chain::{Chain, Quote, Source};
use crate::domain::coin::Coin;
use crate::domain::instrument::Instrument;
use crate::domain::pricing::black76;
use serde::Serialize;

/// Number columns in packed order. Volatilities are in the table's unit, see [`QuoteTable::percent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Column {
    UnderlyingPrice,
    IndexPrice,
    BidPrice,
    BidSize,
    AskPrice,
    AskSize,
    MarkPrice,
    MarkIv,
    BidIv,
    AskIv,
    Delta,
    Gamma,
    Vega,
    Theta,
    Rho,
    OpenInterest,
    Volume,
    VolumeUsd,
}

/// Names of the number columns in files, in packed order.
pub const COLUMNS: [&str; 18] = [
    "underlying_price",
    "index_price",
    "bid_price",
    "bid_size",
    "ask_price",
    "ask_size",
    "mark_price",
    "mark_iv",
    "bid_iv",
    "ask_iv",
    "delta",
    "gamma",
    "vega",
    "theta",
    "rho",
    "open_interest",
    "volume",
    "volume_usd",
];

/// Flag of rows whose greeks were read minutes after their prices (|Black delta - delta| > 0.05).
pub(super) const DESYNC: &str = "ticker_desync";

/// One row of a table: the contract, its numbers in [`COLUMNS`] order (NaN is null), two texts.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pub instrument: Instrument,
    pub numbers: [f64; 18],
    pub underlying_index: Option<&'a str>,
    pub flag: Option<&'a str>,
}

impl Entry<'_> {
    pub fn number(&self, column: Column) -> Option<f64> {
        Some(self.numbers[column as usize]).filter(|value| !value.is_nan())
    }

    /// Equal to the last bit; null equals null.
    pub fn same(&self, other: &Self) -> bool {
        let numbers = self.numbers.iter().zip(&other.numbers);
        self.instrument == other.instrument
            && self.underlying_index == other.underlying_index
            && self.flag == other.flag
            && numbers
                .into_iter()
                .all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
    }
}

/// All quotes of one underlying at one instant.
#[derive(Clone, Debug)]
pub struct QuoteTable {
    pub coin: Coin,
    pub at_ms: i64,
    /// Volatility columns are in percent (files) or fractions (recorded by this desk).
    pub percent: bool,
    pub(super) instruments: Vec<Instrument>,
    pub(super) numbers: [Vec<f64>; 18],
    /// Places in `texts`; [`NONE`] is null.
    pub(super) underlying_index: Vec<u16>,
    pub(super) flag: Vec<u16>,
    pub(super) texts: Vec<String>,
}

pub(super) const NONE: u16 = u16::MAX;

impl QuoteTable {
    pub fn new(coin: Coin, at_ms: i64, percent: bool) -> Self {
        Self {
            coin,
            at_ms,
            percent,
            instruments: Vec::new(),
            numbers: Default::default(),
            underlying_index: Vec::new(),
            flag: Vec::new(),
            texts: Vec::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.instruments.len()
    }

    pub fn is_empty(&self) -> bool {
        self.instruments.is_empty()
    }

    pub fn push(&mut self, entry: &Entry<'_>) {
        self.instruments.push(entry.instrument);
        for (column, value) in self.numbers.iter_mut().zip(entry.numbers) {
            column.push(value);
        }
        let underlying_index = self.intern(entry.underlying_index);
        self.underlying_index.push(underlying_index);
        let flag = self.intern(entry.flag);
        self.flag.push(flag);
    }

    pub fn entry(&self, row: usize) -> Entry<'_> {
        Entry {
            instrument: self.instruments[row],
            numbers: std::array::from_fn(|column| self.numbers[column][row]),
            underlying_index: self.text(self.underlying_index[row]),
            flag: self.text(self.flag[row]),
        }
    }

    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        (0..self.len()).map(|row| self.entry(row))
    }

    /// Puts rows into chain order and drops second rows of one contract; gives (equal, differing) drops.
    pub fn settle_order(&mut self) -> (u64, u64) {
        if self.instruments.is_sorted_by(|a, b| a < b) {
            return (0, 0);
        }
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by_key(|row| (self.instruments[*row], *row));
        let mut sorted = Self::new(self.coin, self.at_ms, self.percent);
        let (mut equal, mut differing) = (0, 0);
        for row in order {
            let entry = self.entry(row);
            let last = sorted.len().checked_sub(1).map(|last| sorted.entry(last));
            match last.filter(|last| last.instrument == entry.instrument) {
                Some(last) if last.same(&entry) => equal += 1,
                Some(_) => differing += 1,
                None => sorted.push(&entry),
            }
        }
        *self = sorted;
        (equal, differing)
    }

    pub(super) fn text(&self, place: u16) -> Option<&str> {
        self.texts.get(usize::from(place)).map(String::as_str)
    }

    pub(super) fn intern(&mut self, text: Option<&str>) -> u16 {
        let Some(text) = text else {
            return NONE;
        };
        let known = self.texts.iter().rposition(|known| known == text);
        known.unwrap_or_else(|| {
            self.texts.push(text.to_owned());
            self.texts.len() - 1
        }) as u16
    }

    fn volatility_scale(&self) -> f64 {
        if self.percent { 100.0 } else { 1.0 }
    }

    /// The index of the snapshot and where it came from: the median index of its quotes (their files read
    /// it minutes apart, the median is robust to the drift); without any, the median forward of the
    /// nearest expiry, which hours before expiry is the index but for its carry, marked as model.
    pub fn index(&self) -> Option<(f64, Source)> {
        let index = &self.numbers[Column::IndexPrice as usize];
        if let Some(median) = median(index.iter().copied()) {
            return Some((median, Source::Recorded));
        }
        let nearest = self.instruments.iter().map(|one| one.expiry_ms).min()?;
        let forwards = self.numbers[Column::UnderlyingPrice as usize].iter();
        let near = forwards.zip(&self.instruments);
        let near = near.filter(|(_, instrument)| instrument.expiry_ms == nearest);
        Some((median(near.map(|(forward, _)| *forward))?, Source::Model))
    }

    /// The chain as the desk sees it: fractions, no quote is `None`. The delta of a row flagged
    /// [`DESYNC`] is recomputed from its mark volatility on its forward (Black-76), because the
    /// recorded one belongs to another instant than its prices.
    pub fn chain(&self, source: Source, index_price: f64) -> Chain {
        Chain {
            coin: self.coin,
            at_ms: self.at_ms,
            source,
            index_price,
            quotes: (0..self.len()).map(|row| self.quote(row)).collect(),
        }
    }

    fn quote(&self, row: usize) -> Quote {
        let number = |column: Column| {
            let value = self.numbers[column as usize][row];
            (!value.is_nan()).then_some(value)
        };
        let quote = Quote {
            instrument: self.instruments[row],
            underlying_price: self.numbers[Column::UnderlyingPrice as usize][row],
            bid: number(Column::BidPrice),
            ask: number(Column::AskPrice),
            bid_size: number(Column::BidSize),
            ask_size: number(Column::AskSize),
            mark: number(Column::MarkPrice),
            mark_iv: number(Column::MarkIv).map(|iv| iv / self.volatility_scale()),
            delta: number(Column::Delta),
            open_interest: number(Column::OpenInterest),
            volume: number(Column::Volume),
        };
        if self.flag[row] != NONE && self.text(self.flag[row]) == Some(DESYNC) {
            return resynchronised(quote, self.at_ms);
        }
        quote
    }

    /// A chain of our own as a table; nothing is lost that a [`Chain`] holds.
    pub fn of_chain(chain: &Chain) -> Self {
        let mut table = Self::new(chain.coin, chain.at_ms, false);
        for quote in &chain.quotes {
            table.push(&entry_of(quote, chain.index_price));
        }
        table.settle_order();
        table
    }

    /// A chain of our own with a word about each quote, in the chain's order.
    pub fn of_flagged(chain: &Chain, flags: impl Iterator<Item = &'static str>) -> Self {
        let mut table = Self::new(chain.coin, chain.at_ms, false);
        for (quote, flag) in chain.quotes.iter().zip(flags) {
            table.push(&Entry {
                flag: Some(flag),
                ..entry_of(quote, chain.index_price)
            });
        }
        table.settle_order();
        table
    }

    /// Rows for people and programs, every stored column with its unit as in [`QuoteRow`].
    pub fn rows(&self) -> Vec<QuoteRow> {
        self.entries()
            .map(|entry| QuoteRow::of(&entry, self.volatility_scale()))
            .collect()
    }
}

fn resynchronised(quote: Quote, at_ms: i64) -> Quote {
    let instrument = quote.instrument;
    let delta = quote.mark_iv.map(|vol| {
        let (forward, strike) = (quote.underlying_price, instrument.strike());
        let years = instrument.years(at_ms);
        black76(instrument.is_call(), forward, strike, vol, years).delta
    });
    Quote { delta, ..quote }
}

fn entry_of(quote: &Quote, index_price: f64) -> Entry<'static> {
    let mut numbers = [f64::NAN; 18];
    let mut set = |column: Column, value: Option<f64>| {
        numbers[column as usize] = value.unwrap_or(f64::NAN);
    };
    set(Column::UnderlyingPrice, Some(quote.underlying_price));
    set(Column::IndexPrice, Some(index_price));
    set(Column::BidPrice, quote.bid);
    set(Column::AskPrice, quote.ask);
    set(Column::BidSize, quote.bid_size);
    set(Column::AskSize, quote.ask_size);
    set(Column::MarkPrice, quote.mark);
    set(Column::MarkIv, quote.mark_iv);
    set(Column::Delta, quote.delta);
    set(Column::OpenInterest, quote.open_interest);
    set(Column::Volume, quote.volume);
    Entry {
        instrument: quote.instrument,
        numbers,
        underlying_index: None,
        flag: None,
    }
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut known: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
    known.sort_by(f64::total_cmp);
    known.get(known.len() / 2).copied()
}

/// One quote with every stored column. Prices are in the quote currency, volatilities are fractions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QuoteRow {
    pub instrument: Instrument,
    pub expiry_ms: i64,
    pub strike_usd: u32,
    /// `call` or `put`.
    pub option_type: &'static str,
    pub underlying_index: Option<String>,
    pub underlying_price: Option<f64>,
    pub index_price: Option<f64>,
    pub bid: Option<f64>,
    pub bid_size: Option<f64>,
    pub ask: Option<f64>,
    pub ask_size: Option<f64>,
    pub mark: Option<f64>,
    pub mark_iv: Option<f64>,
    pub bid_iv: Option<f64>,
    pub ask_iv: Option<f64>,
    pub delta: Option<f64>,
    pub gamma: Option<f64>,
    pub vega: Option<f64>,
    pub theta: Option<f64>,
    pub rho: Option<f64>,
    pub open_interest: Option<f64>,
    pub volume: Option<f64>,
    pub volume_usd: Option<f64>,
    pub flag: Option<String>,
}

impl QuoteRow {
    fn of(entry: &Entry<'_>, scale: f64) -> Self {
        let number = |column| entry.number(column);
        let fraction = |column| entry.number(column).map(|value| value / scale);
        Self {
            instrument: entry.instrument,
            expiry_ms: entry.instrument.expiry_ms,
            strike_usd: entry.instrument.strike_usd,
            option_type: if entry.instrument.is_call() {
                "call"
            } else {
                "put"
            },
            underlying_index: entry.underlying_index.map(str::to_owned),
            underlying_price: number(Column::UnderlyingPrice),
            index_price: number(Column::IndexPrice),
            bid: number(Column::BidPrice),
            bid_size: number(Column::BidSize),
            ask: number(Column::AskPrice),
            ask_size: number(Column::AskSize),
            mark: number(Column::MarkPrice),
            mark_iv: fraction(Column::MarkIv),
            bid_iv: fraction(Column::BidIv),
            ask_iv: fraction(Column::AskIv),
            delta: number(Column::Delta),
            gamma: number(Column::Gamma),
            vega: number(Column::Vega),
            theta: number(Column::Theta),
            rho: number(Column::Rho),
            open_interest: number(Column::OpenInterest),
            volume: number(Column::Volume),
            volume_usd: number(Column::VolumeUsd),
            flag: entry.flag.map(str::to_owned),
        }
    }
}
