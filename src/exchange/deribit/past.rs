//! The public past, a page per call: trades, delivery prices, the volatility index, candles.

use super::market::{as_fraction, day_end_ms};
use super::{DeribitClient, Host, convert};
use crate::domain::coin::Coin;
use crate::domain::instrument::DAY_MS;
use crate::domain::money::float;
use crate::domain::tape::Print;
use crate::exchange::Result;
use crate::exchange::wire::history::{
    Candles, DeliveryPrices, PublicTrade, Trades, VolatilityIndex,
};
use crate::exchange::wire::number;
use serde_json::json;

/// Trades in one answer of the history host, and of any other.
const TRADES_HISTORY: u32 = 10_000;
const TRADES_ELSEWHERE: u32 = 1_000;
/// Delivery prices in one answer.
const DELIVERIES: i64 = 1_000;
const HOUR_MS: i64 = 3_600_000;

/// A page of the tape, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct TradesPage {
    pub prints: Vec<Print>,
    /// Rows that are no trade of an option of the desk.
    pub rejected: u64,
    /// Time of the last row, whatever it was.
    pub last_ms: Option<i64>,
    /// There are later ones.
    pub has_more: bool,
}

/// One candle; prices in USD, volume in coin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candle {
    pub at_ms: i64,
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    pub volume: Option<f64>,
}

impl DeribitClient {
    /// Where this client's market data is stored under: `deribit`, `deribit:test` ..
    pub fn source(&self) -> String {
        self.shared.settings.host.source()
    }

    /// True for the host that keeps every trade since the beginning.
    pub fn keeps_all_trades(&self) -> bool {
        self.shared.settings.host == Host::History
    }

    /// Option trades of a coin's inverse contracts in `[from_ms, to_ms]`, the oldest ones first. Any host but the history
    /// host shows nothing at all when `from_ms` is more than a day ago.
    pub async fn past_trades(&self, coin: Coin, from_ms: i64, to_ms: i64) -> Result<TradesPage> {
        let count = if self.keeps_all_trades() {
            TRADES_HISTORY
        } else {
            TRADES_ELSEWHERE
        };
        let params = json!({ "currency": coin.as_str(), "kind": "option", "start_timestamp": from_ms,
            "end_timestamp": to_ms, "count": count, "sorting": "asc" });
        let method = "public/get_last_trades_by_currency_and_time";
        let page: Trades = self.read(method, params).await?;
        let rows = page.trades.len();
        let last_ms = page.trades.iter().map(|trade| trade.timestamp).max();
        let prints: Vec<Print> = page.trades.iter().filter_map(print).collect();
        let ours = |print: &Print| print.instrument.coin == coin;
        let prints: Vec<Print> = prints.into_iter().filter(ours).collect();
        Ok(TradesPage {
            rejected: (rows - prints.len()) as u64,
            prints,
            last_ms,
            has_more: page.has_more,
        })
    }

    /// (08:00 UTC, USD) of delivery prices, newest first, so many back; empty beyond the first one.
    pub async fn past_deliveries(&self, coin: Coin, offset: i64) -> Result<Vec<(i64, f64)>> {
        let params =
            json!({ "index_name": coin.index_name(), "offset": offset, "count": DELIVERIES });
        let page: DeliveryPrices = self.read("public/get_delivery_prices", params).await?;
        let day = |row: &crate::exchange::wire::history::DeliveryPrice| {
            Some((day_end_ms(&row.date)?, float(row.delivery_price)))
        };
        Ok(page.data.iter().filter_map(day).collect())
    }

    /// (end of day, fraction) of the volatility index's daily closes for the days that open in
    /// `[from_ms, to_ms)`, newest answer first; with the end of the next page where there is one.
    pub async fn past_volatility(
        &self,
        coin: Coin,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<(Vec<(i64, f64)>, Option<i64>)> {
        let params = json!({ "currency": coin.as_str(), "start_timestamp": from_ms,
            "end_timestamp": to_ms - 1, "resolution": "1D" });
        let page: VolatilityIndex = self
            .read("public/get_volatility_index_data", params)
            .await?;
        let inside = page
            .data
            .iter()
            .filter(|day| (from_ms..to_ms).contains(&day.0));
        let days = inside.map(|day| (day.0 + DAY_MS, as_fraction(day.4)));
        let more = page
            .continuation
            .filter(|end_ms| *end_ms >= from_ms && *end_ms < to_ms);
        Ok((days.collect(), more.filter(|_| !page.data.is_empty())))
    }

    /// Hourly candles of a coin's perpetual future that open in `[from_ms, to_ms)`, oldest first.
    pub async fn past_candles(&self, coin: Coin, from_ms: i64, to_ms: i64) -> Result<Vec<Candle>> {
        let params = json!({ "instrument_name": perpetual(coin), "start_timestamp": from_ms,
            "end_timestamp": to_ms - 1, "resolution": "60" });
        let page: Candles = self
            .read("public/get_tradingview_chart_data", params)
            .await?;
        let candles = (0..page.ticks.len()).filter_map(|at| candle(&page, at));
        let inside = |candle: &Candle| {
            (from_ms..to_ms).contains(&candle.at_ms) && candle.at_ms % HOUR_MS == 0
        };
        Ok(candles.filter(inside).collect())
    }
}

/// The future whose candles stand for the coin's hourly price.
pub fn perpetual(coin: Coin) -> String {
    format!("{coin}-PERPETUAL")
}

/// `None` for a row that is no trade of a known option: the parent of a combination, another product.
fn print(trade: &PublicTrade) -> Option<Print> {
    let above_zero = |value: &f64| value.is_finite() && *value > 0.0;
    let optional = |value: Option<rust_decimal::Decimal>| value.map(float);
    Some(Print {
        trade_id: trade.trade_id.clone()?,
        at_ms: trade.timestamp,
        instrument: trade.instrument_name.parse().ok()?,
        side: convert::side(&trade.direction)?,
        price: Some(float(trade.price)).filter(above_zero)?,
        amount: Some(float(trade.amount)).filter(above_zero)?,
        iv: number::quoted(optional(trade.iv)).map(|percent| percent / 100.0),
        mark_price: optional(trade.mark_price),
        index_price: number::quoted(optional(trade.index_price)),
        is_block: trade.block_trade_id.is_some() || trade.combo_id.is_some(),
        is_liquidation: trade.liquidation.is_some(),
    })
}

/// `None` where a list of the answer is shorter than its times.
fn candle(page: &Candles, at: usize) -> Option<Candle> {
    Some(Candle {
        at_ms: *page.ticks.get(at)?,
        open: *page.open.get(at)?,
        high: *page.high.get(at)?,
        low: *page.low.get(at)?,
        close: *page.close.get(at)?,
        volume: page.volume.get(at).copied(),
    })
}
