//! Chain files of data vendors: their columns as a [`RawQuote`].
//!
//! Tardis `options_chain`: every update of every contract, microseconds, one row each. OptionsDX for Deribit: one
//! row per contract and snapshot, names in brackets, seconds, 0 where nothing was quoted.

use super::quote::RawQuote;
use super::text::Columns;
use super::time;
use crate::db::chains::{COLUMNS, Column};
use crate::domain::instrument::EXPIRY_HOUR_MS;
use csv::StringRecord;

/// Sources of the imported chains, so that vendors are not mixed with one another.
pub(super) const TARDIS: &str = "tardis";
pub(super) const OPTIONSDX: &str = "optionsdx";

/// Columns that tell a Tardis file.
pub(super) const TARDIS_COLUMNS: [&str; 10] = [
    "exchange",
    "symbol",
    "timestamp",
    "type",
    "strike_price",
    "expiration",
    "bid_price",
    "ask_price",
    "mark_iv",
    "underlying_price",
];
/// Columns that tell an OptionsDX file of Deribit's options.
pub(super) const OPTIONSDX_COLUMNS: [&str; 8] = [
    "[QUOTE_UNIXTIME]",
    "[INSTRUMENT_NAME]",
    "[UNDERLYING_PRICE]",
    "[EXPIRY_DATE]",
    "[OPTION_RIGHT]",
    "[STRIKE]",
    "[BID_PRICE]",
    "[ASK_PRICE]",
];
/// Columns that tell an OptionsDX file of stocks: a call and a put per row, no contract's name.
pub(super) const OPTIONSDX_STOCKS: [&str; 4] = [
    "[QUOTE_UNIXTIME]",
    "[UNDERLYING_LAST]",
    "[C_BID]",
    "[P_BID]",
];

/// Where each number stands in a Tardis file.
const TARDIS_NUMBERS: [(Column, &str); 14] = [
    (Column::UnderlyingPrice, "underlying_price"),
    (Column::BidPrice, "bid_price"),
    (Column::BidSize, "bid_amount"),
    (Column::AskPrice, "ask_price"),
    (Column::AskSize, "ask_amount"),
    (Column::MarkPrice, "mark_price"),
    (Column::MarkIv, "mark_iv"),
    (Column::BidIv, "bid_iv"),
    (Column::AskIv, "ask_iv"),
    (Column::Delta, "delta"),
    (Column::Gamma, "gamma"),
    (Column::Vega, "vega"),
    (Column::Theta, "theta"),
    (Column::OpenInterest, "open_interest"),
];
/// Where each number stands in an OptionsDX file.
const OPTIONSDX_NUMBERS: [(Column, &str); 12] = [
    (Column::UnderlyingPrice, "[UNDERLYING_PRICE]"),
    (Column::BidPrice, "[BID_PRICE]"),
    (Column::BidSize, "[BID_SIZE]"),
    (Column::AskPrice, "[ASK_PRICE]"),
    (Column::AskSize, "[ASK_SIZE]"),
    (Column::MarkIv, "[MARK_IV]"),
    (Column::Delta, "[DELTA]"),
    (Column::Gamma, "[GAMMA]"),
    (Column::Vega, "[VEGA]"),
    (Column::Theta, "[THETA]"),
    (Column::OpenInterest, "[OPEN_INTEREST]"),
    (Column::Volume, "[VOLUME]"),
];
/// Volatilities up to this are fractions, above it percent: no contract was ever below 5 % or above 500 %.
const FRACTION_MAX: f64 = 5.0;

/// A row of Tardis `options_chain`.
pub(super) fn tardis<'a>(
    columns: &Columns,
    line: &'a StringRecord,
) -> Result<RawQuote<'a>, &'static str> {
    let text = |name| columns.text(line, name);
    if text("exchange") != Some("deribit") {
        return Err("other_exchange");
    }
    let mut numbers = read(columns, line, &TARDIS_NUMBERS)?;
    numbers[Column::Rho as usize] = columns.number(line, "rho")?.unwrap_or(f64::NAN);
    unquoted(&mut numbers);
    let name = text("symbol").unwrap_or_default();
    Ok(RawQuote {
        at_ms: text("timestamp").and_then(microseconds),
        collection: TARDIS,
        currency: currency(name),
        name,
        expiry_ms: text("expiration").and_then(microseconds),
        strike: columns.number(line, "strike_price")?.unwrap_or(f64::NAN),
        option_type: text("type").unwrap_or_default(),
        underlying_index: text("underlying_index"),
        numbers,
        flag: None,
    })
}

/// A row of an OptionsDX file. Its day of expiry is compared with the name; the hour is the exchange's own.
pub(super) fn optionsdx<'a>(
    columns: &Columns,
    line: &'a StringRecord,
) -> Result<RawQuote<'a>, &'static str> {
    let text = |name| columns.text(line, name);
    let mut numbers = read(columns, line, &OPTIONSDX_NUMBERS)?;
    numbers[Column::Rho as usize] = columns.number(line, "[RHO]")?.unwrap_or(f64::NAN);
    let iv = &mut numbers[Column::MarkIv as usize];
    if *iv <= FRACTION_MAX {
        *iv *= 100.0;
    }
    unquoted(&mut numbers);
    let name = text("[INSTRUMENT_NAME]").unwrap_or_default();
    let day = text("[EXPIRY_DATE]").and_then(|day| time::parse(day.get(..10)?));
    Ok(RawQuote {
        at_ms: text("[QUOTE_UNIXTIME]").and_then(seconds),
        collection: OPTIONSDX,
        currency: currency(name),
        name,
        expiry_ms: day.map(|day_ms| day_ms + EXPIRY_HOUR_MS),
        strike: columns.number(line, "[STRIKE]")?.unwrap_or(f64::NAN),
        option_type: match text("[OPTION_RIGHT]").unwrap_or_default() {
            "c" | "C" | "call" | "Call" | "CALL" => "call",
            "p" | "P" | "put" | "Put" | "PUT" => "put",
            other => other,
        },
        underlying_index: text("[UNDERLYING_INDEX]"),
        numbers,
        flag: None,
    })
}

fn read(
    columns: &Columns,
    line: &StringRecord,
    places: &[(Column, &str)],
) -> Result<[f64; COLUMNS.len()], &'static str> {
    let mut numbers = [f64::NAN; COLUMNS.len()];
    for (column, name) in places {
        numbers[*column as usize] = columns.number(line, name)?.unwrap_or(f64::NAN);
    }
    Ok(numbers)
}

/// Both vendors may write 0 for a side that nobody quotes and for the volatility of such a side.
fn unquoted(numbers: &mut [f64; COLUMNS.len()]) {
    let sides = [
        (Column::BidPrice, Column::BidSize, Column::BidIv),
        (Column::AskPrice, Column::AskSize, Column::AskIv),
    ];
    for (price, size, iv) in sides {
        if numbers[price as usize] == 0.0 {
            numbers[price as usize] = f64::NAN;
        }
        if numbers[price as usize].is_nan() {
            numbers[size as usize] = f64::NAN;
            numbers[iv as usize] = f64::NAN;
        }
    }
    for iv in [Column::MarkIv, Column::BidIv, Column::AskIv] {
        if numbers[iv as usize] == 0.0 {
            numbers[iv as usize] = f64::NAN;
        }
    }
}

/// `BTC` of `BTC-9JUN20-9875-P` and of `BTC_USDC-29MAY26-70000-C`.
fn currency(name: &str) -> &str {
    name.split(['-', '_']).next().unwrap_or_default()
}

fn microseconds(text: &str) -> Option<i64> {
    Some(text.parse::<i64>().ok()?.div_euclid(1_000))
}

fn seconds(text: &str) -> Option<i64> {
    text.parse::<i64>().ok()?.checked_mul(1_000)
}
