//! One quote of a file: checked against its own name and against what a quote can be.

use super::time;
use crate::db::chains::{Column, Entry, STRIKE_MAX};
use crate::domain::coin::Coin;
use crate::domain::instrument::Instrument;

/// A row as the file gives it; numbers in the order of `chains::COLUMNS`, NaN is null.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawQuote<'a> {
    pub at_ms: Option<i64>,
    pub collection: &'a str,
    pub currency: &'a str,
    pub name: &'a str,
    pub expiry_ms: Option<i64>,
    pub strike: f64,
    pub option_type: &'a str,
    pub underlying_index: Option<&'a str>,
    pub numbers: [f64; 18],
    pub flag: Option<&'a str>,
}

/// A row that passed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checked<'a> {
    pub at_ms: i64,
    pub coin: Coin,
    pub collection: &'a str,
    pub entry: Entry<'a>,
}

/// Greatest volatility believed, percent.
const VOLATILITY_MAX: f64 = 1_000.0;
/// Longest text kept.
const TEXT_MAX: usize = 1_000;

impl<'a> RawQuote<'a> {
    /// The quote, or the name of the first rejection class it falls into.
    pub(super) fn check(&self) -> Result<Checked<'a>, &'static str> {
        let at_ms = self.at_ms.and_then(time::plausible).ok_or("bad_time")?;
        let coin: Coin = self.currency.parse().map_err(|_| "unknown_underlying")?;
        let instrument = self.instrument(coin)?;
        if instrument.expiry_ms <= at_ms {
            return Err("expired");
        }
        let entry = Entry {
            instrument,
            numbers: self.numbers,
            underlying_index: self.underlying_index,
            flag: self.flag,
        };
        check_numbers(&entry)?;
        let texts = [Some(self.collection), self.underlying_index, self.flag];
        if texts.iter().flatten().any(|text| text.len() > TEXT_MAX) {
            return Err("text_too_long");
        }
        Ok(Checked {
            at_ms,
            coin,
            collection: self.collection,
            entry,
        })
    }

    /// The contract of the name, when every other column says the same.
    fn instrument(&self, coin: Coin) -> Result<Instrument, &'static str> {
        let instrument: Instrument = self.name.parse().map_err(|_| "bad_instrument_name")?;
        if !canonical(self.name) {
            return Err("bad_instrument_name");
        }
        if instrument.coin != coin {
            return Err("underlying_mismatch");
        }
        if self.expiry_ms != Some(instrument.expiry_ms) {
            return Err("expiry_mismatch");
        }
        if self.strike != instrument.strike() {
            return Err("strike_mismatch");
        }
        if instrument.strike_usd > STRIKE_MAX {
            return Err("strike_out_of_range");
        }
        let said = if instrument.is_call() { "call" } else { "put" };
        if self.option_type != said {
            return Err("option_type_mismatch");
        }
        Ok(instrument)
    }
}

/// Names are kept as contracts and printed again, so day and strike must have no leading zero.
fn canonical(name: &str) -> bool {
    let mut parts = name.split('-').skip(1).take(2);
    parts.all(|part| !part.starts_with('0'))
}

fn check_numbers(entry: &Entry<'_>) -> Result<(), &'static str> {
    if entry.numbers.iter().any(|value| value.is_infinite()) {
        return Err("not_finite");
    }
    let number = |column| entry.number(column);
    if number(Column::UnderlyingPrice).is_none_or(|price| price <= 0.0) {
        return Err("no_underlying_price");
    }
    if NEVER_NEGATIVE
        .iter()
        .any(|column| number(*column).is_some_and(|value| value < 0.0))
    {
        return Err("negative_price");
    }
    let (bid, ask) = (number(Column::BidPrice), number(Column::AskPrice));
    if bid == Some(0.0) || ask == Some(0.0) || number(Column::IndexPrice) == Some(0.0) {
        return Err("zero_for_no_quote");
    }
    if bid.zip(ask).is_some_and(|(bid, ask)| bid > ask) {
        return Err("crossed_quote");
    }
    let volatility = |column| number(column).is_none_or(|iv| iv > 0.0 && iv <= VOLATILITY_MAX);
    if ![Column::MarkIv, Column::BidIv, Column::AskIv]
        .into_iter()
        .all(volatility)
    {
        return Err("volatility_out_of_range");
    }
    let sign = if entry.instrument.is_call() {
        1.0
    } else {
        -1.0
    };
    if number(Column::Delta).is_some_and(|delta| !(0.0..=1.0).contains(&(delta * sign))) {
        return Err("delta_out_of_range");
    }
    Ok(())
}

const NEVER_NEGATIVE: [Column; 10] = [
    Column::IndexPrice,
    Column::BidPrice,
    Column::BidSize,
    Column::AskPrice,
    Column::AskSize,
    Column::MarkPrice,
    Column::Gamma,
    Column::Vega,
    Column::OpenInterest,
    Column::Volume,
];

#[cfg(test)]
mod tests {
    use super::*;

    const AT_MS: i64 = 1_767_312_000_000;

    fn good() -> RawQuote<'static> {
        let mut numbers = [f64::NAN; 18];
        numbers[Column::UnderlyingPrice as usize] = 88_000.0;
        numbers[Column::BidPrice as usize] = 0.0125;
        numbers[Column::AskPrice as usize] = 0.013;
        numbers[Column::MarkIv as usize] = 45.6;
        numbers[Column::Delta as usize] = 0.3;
        RawQuote {
            at_ms: Some(AT_MS),
            collection: "test",
            currency: "BTC",
            name: "BTC-9JAN26-92000-C",
            expiry_ms: Some(1_767_945_600_000),
            strike: 92_000.0,
            option_type: "call",
            underlying_index: None,
            numbers,
            flag: None,
        }
    }

    fn class(change: impl Fn(&mut RawQuote<'static>)) -> &'static str {
        let mut quote = good();
        change(&mut quote);
        quote.check().err().unwrap_or("passed")
    }

    fn number(column: Column, value: f64) -> &'static str {
        class(|quote| quote.numbers[column as usize] = value)
    }

    #[test]
    fn every_class_has_a_row_that_falls_into_it() {
        assert_eq!(class(|_| ()), "passed");
        assert_eq!(class(|quote| quote.at_ms = None), "bad_time");
        assert_eq!(class(|quote| quote.at_ms = Some(12)), "bad_time");
        assert_eq!(class(|quote| quote.currency = "SOL"), "unknown_underlying");
        assert_eq!(
            class(|quote| quote.name = "BTC-PERPETUAL"),
            "bad_instrument_name"
        );
        assert_eq!(
            class(|quote| quote.name = "BTC-09JAN26-92000-C"),
            "bad_instrument_name"
        );
        assert_eq!(class(|quote| quote.currency = "ETH"), "underlying_mismatch");
        assert_eq!(
            class(|quote| quote.expiry_ms = Some(AT_MS)),
            "expiry_mismatch"
        );
        assert_eq!(class(|quote| quote.expiry_ms = None), "expiry_mismatch");
        assert_eq!(class(|quote| quote.strike = 92_500.0), "strike_mismatch");
        assert_eq!(class(|quote| quote.strike = f64::NAN), "strike_mismatch");
        assert_eq!(
            class(|quote| quote.option_type = "put"),
            "option_type_mismatch"
        );
        assert_eq!(class(|quote| quote.at_ms = quote.expiry_ms), "expired");
        assert_eq!(number(Column::Gamma, f64::INFINITY), "not_finite");
        assert_eq!(
            number(Column::UnderlyingPrice, f64::NAN),
            "no_underlying_price"
        );
        assert_eq!(number(Column::BidPrice, -0.01), "negative_price");
        assert_eq!(number(Column::OpenInterest, -1.0), "negative_price");
        assert_eq!(number(Column::AskPrice, 0.0), "zero_for_no_quote");
        assert_eq!(number(Column::BidPrice, 0.0135), "crossed_quote");
        assert_eq!(number(Column::MarkIv, 0.0), "volatility_out_of_range");
        assert_eq!(number(Column::BidIv, 4_500.0), "volatility_out_of_range");
        assert_eq!(number(Column::Delta, -0.3), "delta_out_of_range");
        assert_eq!(number(Column::Delta, 1.01), "delta_out_of_range");
        let long =
            |quote: &mut RawQuote<'static>| quote.flag = Some(Box::leak("x".repeat(1_001).into()));
        assert_eq!(class(long), "text_too_long");
    }
}
