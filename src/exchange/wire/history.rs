//! The market's past: trades, candles, delivery prices, the volatility index.

use super::Direction;
use super::number;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// `public/get_delivery_prices`, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveryPrices {
    pub data: Vec<DeliveryPrice>,
    pub records_total: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryPrice {
    /// `2026-01-30`: the day of an 08:00 UTC.
    pub date: String,
    #[serde(with = "number")]
    pub delivery_price: Decimal,
}

/// `public/get_volatility_index_data`: (start ms, open, high, low, close), in percent or as fractions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VolatilityIndex {
    pub data: Vec<(i64, f64, f64, f64, f64)>,
    /// The `end_timestamp` of the next page.
    #[serde(default)]
    pub continuation: Option<i64>,
}

/// `public/get_tradingview_chart_data`, one entry per candle in every list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candles {
    /// `ok` or `no_data`.
    pub status: String,
    #[serde(default)]
    pub ticks: Vec<i64>,
    #[serde(default)]
    pub open: Vec<f64>,
    #[serde(default)]
    pub high: Vec<f64>,
    #[serde(default)]
    pub low: Vec<f64>,
    #[serde(default)]
    pub close: Vec<f64>,
    /// Base currency.
    #[serde(default)]
    pub volume: Vec<f64>,
    /// Quote currency.
    #[serde(default)]
    pub cost: Vec<f64>,
}

/// `public/get_last_trades_by_*`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trades {
    pub trades: Vec<PublicTrade>,
    pub has_more: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublicTrade {
    /// Absent on the parent row of a combo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trade_id: Option<String>,
    pub trade_seq: i64,
    pub instrument_name: String,
    pub timestamp: i64,
    /// Of the taker.
    pub direction: Direction,
    pub tick_direction: i64,
    #[serde(with = "number")]
    pub price: Decimal,
    #[serde(with = "number")]
    pub amount: Decimal,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub contracts: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub index_price: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub mark_price: Option<Decimal>,
    /// Percent.
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub iv: Option<Decimal>,
    /// `M`, `T` or `MT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liquidation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_trade_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub combo_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub combo_trade_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<Self>,
}
