//! One line of a plain series: which series it belongs to, its instant, its values, or why not.

use super::text::{Columns, Layout};
use super::time;
use crate::db::series::{Point, Series};
use crate::domain::coin::Coin;
use crate::domain::instrument::{DAY_MS, EXPIRY_HOUR_MS};
use csv::StringRecord;
use std::path::Path;

/// How the lines of one file are read, with what only its name can say (symbol and venue).
pub(super) enum Shape {
    DeliveryPrices,
    VolatilityIndex(Coin),
    FundingRates { source: String, symbol: String },
    FutureMarks,
    PerpetualCandles,
    Candles(CandleFile),
}

pub(super) struct CandleFile {
    source: String,
    symbol: String,
    /// The column of the opening time.
    time: &'static str,
    /// Told by the file's name (`1m`, `1h`, `1d`).
    resolution_ms: i64,
}

impl Shape {
    /// The reason to skip the file when nothing in it says what its figures belong to.
    pub(super) fn of(layout: Layout, path: &Path, columns: &Columns) -> Result<Self, String> {
        let name = FileName::of(path);
        Ok(match layout {
            Layout::DeliveryPrices => Self::DeliveryPrices,
            Layout::FutureMarks => Self::FutureMarks,
            Layout::PerpetualCandles => Self::PerpetualCandles,
            Layout::VolatilityIndex => Self::VolatilityIndex(name.coin()?),
            Layout::FundingRates => Self::FundingRates {
                source: name.venue(),
                symbol: name.symbol()?,
            },
            Layout::Candles => Self::Candles(CandleFile {
                source: name.venue(),
                symbol: name.symbol()?,
                time: ["open_time", "date", "timestamp", "time"]
                    .into_iter()
                    .find(|name| columns.has(name))
                    .ok_or("candles without a column open_time, date, timestamp or time")?,
                resolution_ms: name.resolution_ms()?,
            }),
            Layout::Stocks => return Err(STOCKS.to_owned()),
            Layout::Chains | Layout::Tardis | Layout::OptionsDx => {
                return Err("chains are no plain series".to_owned());
            }
        })
    }
}

const STOCKS: &str = "an OptionsDX file with calls and puts side by side names no contract, and the desk trades \
    Deribit's BTC and ETH: its files for those have one row per contract and a column [INSTRUMENT_NAME]";

/// The words of a file's name: `btcusdt_binance_1h_2021-01-01.csv.gz`.
struct FileName(Vec<String>);

impl FileName {
    fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let stem = name.split('.').next().unwrap_or_default().to_lowercase();
        Self(stem.split('_').map(str::to_owned).collect())
    }

    fn coin(&self) -> Result<Coin, String> {
        let coin = self.0.iter().find_map(|word| {
            let head = word.get(..3)?;
            head.parse().ok()
        });
        coin.ok_or_else(|| {
            "neither its columns nor its name say BTC or ETH; rename it, for example dvol_btc_1d.csv"
                .to_owned()
        })
    }

    /// `BTC-PERPETUAL`, or the venue's own pair (`BTCUSDT`).
    fn symbol(&self) -> Result<String, String> {
        let coin = self.coin()?;
        if self
            .0
            .iter()
            .any(|word| word == "perp" || word == "perpetual")
        {
            return Ok(format!("{coin}-PERPETUAL"));
        }
        let pair = self
            .0
            .iter()
            .find(|word| word.starts_with(&coin.as_str().to_lowercase()));
        Ok(pair.map_or_else(|| coin.to_string(), |pair| pair.to_uppercase()))
    }

    /// The first plain word that is no symbol and no kind.
    fn venue(&self) -> String {
        let plain = |word: &&String| {
            word.bytes().all(|byte| byte.is_ascii_lowercase())
                && !["perp", "perpetual", "funding", "candles"].contains(&word.as_str())
                && word
                    .get(..3)
                    .is_none_or(|head| head.parse::<Coin>().is_err())
        };
        let venue = self.0.iter().find(plain).cloned();
        venue.unwrap_or_else(|| "unknown".to_owned())
    }

    fn resolution_ms(&self) -> Result<i64, String> {
        let known = [
            ("1m", 60_000),
            ("5m", 300_000),
            ("15m", 900_000),
            ("1h", 3_600_000),
            ("1d", DAY_MS),
        ];
        let found = known
            .iter()
            .find(|(word, _)| self.0.iter().any(|part| part == word));
        found
            .map(|(_, resolution_ms)| *resolution_ms)
            .ok_or_else(|| {
                "candles whose name does not say their resolution; add _1m_, _1h_ or _1d_ to it"
                    .to_owned()
            })
    }
}

/// The series and the point of a line, or the name of its rejection class.
pub(super) fn parse(
    shape: &mut Shape,
    columns: &Columns,
    line: &StringRecord,
) -> Result<(Series, Point), &'static str> {
    let row = Row { columns, line };
    match shape {
        Shape::DeliveryPrices => delivery_price(&row),
        Shape::VolatilityIndex(coin) => volatility_index(&row, *coin),
        Shape::FundingRates { source, symbol } => funding_rate(&row, source, symbol),
        Shape::FutureMarks => future_mark(&row),
        Shape::PerpetualCandles => perpetual_candle(&row),
        Shape::Candles(file) => candle(&row, file),
    }
}

struct Row<'a> {
    columns: &'a Columns,
    line: &'a StringRecord,
}

impl Row<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.columns.text(self.line, name)
    }

    fn time(&self, name: &str) -> Result<i64, &'static str> {
        self.text(name).and_then(time::parse).ok_or("bad_time")
    }

    fn number(&self, name: &str) -> Result<Option<f64>, &'static str> {
        self.columns.number(self.line, name)
    }

    /// A price above zero.
    fn price(&self, name: &str) -> Result<f64, &'static str> {
        match self.number(name)? {
            None => Err("missing_price"),
            Some(price) if price <= 0.0 => Err("negative_price"),
            Some(price) => Ok(price),
        }
    }

    fn yes(&self, name: &str) -> bool {
        self.text(name)
            .is_some_and(|text| text.eq_ignore_ascii_case("true") || text == "1")
    }

    /// open, high, low, close, volume of columns with a common prefix.
    fn candle(&self, prefix: &str) -> Result<[Option<f64>; 5], &'static str> {
        let price = |name: &str| self.price(&format!("{prefix}{name}"));
        let [open, high, low, close] = [
            price("open")?,
            price("high")?,
            price("low")?,
            price("close")?,
        ];
        let inside = |price: f64| (low..=high).contains(&price);
        if !inside(open) || !inside(close) {
            return Err("outside_its_range");
        }
        let volume = self.number(&format!("{prefix}volume"))?;
        if volume.is_some_and(|volume| volume < 0.0) {
            return Err("negative_volume");
        }
        Ok([Some(open), Some(high), Some(low), Some(close), volume])
    }
}

fn delivery_price(row: &Row<'_>) -> Result<(Series, Point), &'static str> {
    let index_name = row.text("index_name").ok_or("unknown_underlying")?;
    let known = Coin::ALL.iter().any(|coin| coin.index_name() == index_name);
    if !known {
        return Err("unknown_underlying");
    }
    let series = Series::DeliveryPrices {
        index_name: index_name.to_owned(),
    };
    let at_ms = day(row, "date")? + EXPIRY_HOUR_MS;
    Ok((
        series,
        Point::new(at_ms, [Some(row.price("delivery_price")?)]),
    ))
}

/// A daily close is known when its day is over: the point stands at the next 00:00 UTC.
fn volatility_index(row: &Row<'_>, coin: Coin) -> Result<(Series, Point), &'static str> {
    let percent = row.price("dvol_close")?;
    if percent > 1_000.0 {
        return Err("volatility_out_of_range");
    }
    let series = Series::VolatilityIndex { underlying: coin };
    let at_ms = day(row, "date")? + DAY_MS;
    Ok((series, Point::new(at_ms, [Some(percent / 100.0)])))
}

fn funding_rate(
    row: &Row<'_>,
    source: &str,
    symbol: &str,
) -> Result<(Series, Point), &'static str> {
    let percent = row.number("rate_pct")?.ok_or("missing_rate")?;
    if percent.abs() > 10.0 {
        return Err("rate_out_of_range");
    }
    let series = Series::FundingRates {
        source: source.to_owned(),
        symbol: symbol.to_owned(),
    };
    Ok((
        series,
        Point::new(row.time("time")?, [Some(percent / 100.0)]),
    ))
}

fn future_mark(row: &Row<'_>) -> Result<(Series, Point), &'static str> {
    let symbol = symbol(row, "futures_instrument_name")?;
    let at_ms = row.time("timestamp")?;
    let mark = row.price("snapshot_term_mark_price")?;
    let least = row.number("snapshot_term_mark_min")?;
    let most = row.number("snapshot_term_mark_max")?;
    let [open, high, low, close, volume] = if row.yes("term_candle_found") {
        row.candle("term_candle_")?
    } else {
        [None; 5]
    };
    let values = [Some(mark), least, most, open, high, low, close, volume];
    Ok((Series::FutureMarks { symbol }, Point::new(at_ms, values)))
}

fn perpetual_candle(row: &Row<'_>) -> Result<(Series, Point), &'static str> {
    if !row.yes("candle_found") {
        return Err("no_candle");
    }
    let series = Series::Candles {
        source: "deribit".to_owned(),
        symbol: symbol(row, "instrument_name")?,
        resolution_ms: 60_000,
    };
    let at_ms = row.time("candle_open_time_ms")?;
    Ok((series, Point::new(at_ms, row.candle("candle_")?)))
}

fn candle(row: &Row<'_>, file: &CandleFile) -> Result<(Series, Point), &'static str> {
    let at_ms = row.time(file.time)?;
    if at_ms % file.resolution_ms != 0 {
        return Err("off_its_grid");
    }
    let series = Series::Candles {
        source: file.source.clone(),
        symbol: file.symbol.clone(),
        resolution_ms: file.resolution_ms,
    };
    Ok((series, Point::new(at_ms, row.candle("")?)))
}

/// A future of a coin of the desk: `BTC-25DEC26`, `ETH-PERPETUAL`.
fn symbol(row: &Row<'_>, name: &str) -> Result<String, &'static str> {
    let symbol = row.text(name).ok_or("bad_instrument_name")?;
    let coin = symbol.split('-').next().unwrap_or_default();
    if coin.parse::<Coin>().is_err() {
        return Err("unknown_underlying");
    }
    Ok(symbol.to_owned())
}

/// A date: its 00:00 UTC.
fn day(row: &Row<'_>, name: &str) -> Result<i64, &'static str> {
    let at_ms = row.time(name)?;
    if at_ms % DAY_MS == 0 {
        Ok(at_ms)
    } else {
        Err("bad_time")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> FileName {
        FileName::of(Path::new(text))
    }

    #[test]
    fn names_say_what_columns_cannot() {
        let hourly = name("data/btcusdt_binance_1h_2021-01-01_2025-02-09.csv.gz");
        assert_eq!(hourly.symbol().as_deref(), Ok("BTCUSDT"));
        assert_eq!(
            (hourly.venue().as_str(), hourly.resolution_ms()),
            ("binance", Ok(3_600_000))
        );
        let perpetual = name("btc_perp_1m_2021-12-31_2022-02-01_nautilus.csv.gz");
        assert_eq!(perpetual.symbol().as_deref(), Ok("BTC-PERPETUAL"));
        assert_eq!(
            (perpetual.venue().as_str(), perpetual.resolution_ms()),
            ("nautilus", Ok(60_000))
        );
        assert_eq!(
            name("btc_perp_funding_8h_nonderibit_2022.csv").venue(),
            "nonderibit"
        );
        assert_eq!(name("dvol_eth_1d.csv").coin(), Ok(Coin::Eth));
        assert!(name("dvol.csv").coin().is_err());
        assert!(name("prices_btc.csv").resolution_ms().is_err());
    }
}
