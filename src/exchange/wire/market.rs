//! The market as it stands: instruments, books, summaries, indices.

use super::number::{self, NumberOrWord};
use super::{Kind, words};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

words! {
    /// Where a contract is in its life.
    State { Open, Settlement, Delivered, Inactive, Locked, Halted, Archivized, Closed }
}

words! {
    OptionType { Call, Put }
}

/// One contract of `public/get_instruments`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instrument {
    pub instrument_name: String,
    pub kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument_id: Option<i64>,
    /// `reversed` or `linear`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    pub is_active: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option_type: Option<OptionType>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub strike: Option<Decimal>,
    /// Milliseconds; 32503708800000 for a perpetual, absent on some combos.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_timestamp: Option<i64>,
    pub creation_timestamp: i64,
    pub base_currency: String,
    pub quote_currency: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter_currency: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement_currency: Option<String>,
    /// `day`, `week`, `month`, `perpetual`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement_period: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_index: Option<String>,
    /// The finest step, in force up to the first of the steps.
    #[serde(with = "number")]
    pub tick_size: Decimal,
    #[serde(default)]
    pub tick_size_steps: Vec<TickStep>,
    #[serde(with = "number")]
    pub contract_size: Decimal,
    #[serde(with = "number")]
    pub min_trade_amount: Decimal,
    #[serde(with = "number")]
    pub maker_commission: Decimal,
    #[serde(with = "number")]
    pub taker_commission: Decimal,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub block_trade_commission: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub block_trade_min_trade_amount: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub block_trade_tick_size: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_leverage: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_liquidation_commission: Option<Decimal>,
}

/// From `above_price` on, prices move in `tick_size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TickStep {
    #[serde(with = "number")]
    pub above_price: Decimal,
    #[serde(with = "number")]
    pub tick_size: Decimal,
}

impl Instrument {
    /// The price step at a price.
    pub fn tick(&self, price: Decimal) -> Decimal {
        let passed = self
            .tick_size_steps
            .iter()
            .filter(|step| price > step.above_price);
        let last = passed.max_by_key(|step| step.above_price);
        last.map_or(self.tick_size, |step| step.tick_size)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Greeks {
    pub delta: f64,
    /// Rounded to five decimals, often to a single digit.
    pub gamma: f64,
    /// USD per volatility point.
    pub vega: f64,
    /// USD per day.
    pub theta: f64,
    pub rho: f64,
}

/// The last 24 hours.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    #[serde(default)]
    pub high: Option<f64>,
    #[serde(default)]
    pub low: Option<f64>,
    /// Percent.
    #[serde(default)]
    pub price_change: Option<f64>,
    #[serde(default)]
    pub volume: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_usd: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_notional: Option<f64>,
}

/// `public/ticker`, and with the last three fields `public/get_order_book`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Book {
    pub instrument_name: String,
    pub timestamp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    #[serde(default)]
    pub stats: Stats,
    #[serde(default)]
    pub open_interest: Option<f64>,
    #[serde(default)]
    pub best_bid_price: Option<f64>,
    #[serde(default)]
    pub best_bid_amount: Option<f64>,
    #[serde(default)]
    pub best_ask_price: Option<f64>,
    #[serde(default)]
    pub best_ask_amount: Option<f64>,
    #[serde(default)]
    pub last_price: Option<f64>,
    pub mark_price: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_price: Option<f64>,
    /// Band of accepted prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_price: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_price: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement_price: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_price: Option<f64>,
    /// The running average, or `expired`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_delivery_price: Option<NumberOrWord>,
    /// Percent; 0 without a quote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark_iv: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bid_iv: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask_iv: Option<f64>,
    /// The forward of options, USD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub underlying_price: Option<f64>,
    /// A future, `SYN.BTC-5JUN26` when there is none, or `index_price`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub underlying_index: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interest_rate: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub greeks: Option<Greeks>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funding_8h: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_funding: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interest_value: Option<f64>,
    /// [price, amount], best first; only in order books.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bids: Option<Vec<(f64, f64)>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<Vec<(f64, f64)>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_id: Option<i64>,
}

/// One row of `public/get_book_summary_by_currency`: no sizes, no greeks, republished about every 2 s.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BookSummary {
    pub instrument_name: String,
    pub creation_timestamp: i64,
    #[serde(default)]
    pub bid_price: Option<f64>,
    #[serde(default)]
    pub ask_price: Option<f64>,
    #[serde(default)]
    pub mid_price: Option<f64>,
    #[serde(default)]
    pub mark_price: Option<f64>,
    /// Percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark_iv: Option<f64>,
    #[serde(default)]
    pub last: Option<f64>,
    #[serde(default)]
    pub high: Option<f64>,
    #[serde(default)]
    pub low: Option<f64>,
    #[serde(default)]
    pub price_change: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub underlying_price: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub underlying_index: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interest_rate: Option<f64>,
    #[serde(default)]
    pub open_interest: Option<f64>,
    /// 24 hours, coin.
    #[serde(default)]
    pub volume: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_usd: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_notional: Option<f64>,
    /// The index, except while an expiry's average forms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_delivery_price: Option<NumberOrWord>,
    #[serde(default)]
    pub base_currency: String,
    #[serde(default)]
    pub quote_currency: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_funding: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funding_8h: Option<f64>,
}

/// `public/get_index_price`, USD.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndexPrice {
    pub index_price: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_delivery_price: Option<NumberOrWord>,
}

/// `public/get_expirations`: by kind, or by currency and then by kind when one currency was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Expirations {
    ByKind(BTreeMap<String, Vec<String>>),
    ByCurrency(BTreeMap<String, BTreeMap<String, Vec<String>>>),
}

/// `public/get_combos`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Combo {
    pub id: String,
    pub instrument_id: i64,
    pub state: String,
    pub state_timestamp: i64,
    pub creation_timestamp: i64,
    pub legs: Vec<ComboLeg>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComboLeg {
    pub instrument_name: String,
    #[serde(with = "number")]
    pub amount: Decimal,
}

/// `public/test`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    pub version: String,
}

/// `public/status`: `locked` is `true`, `partial` or `false`, as a word or as a boolean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub locked: serde_json::Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_indices: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_currencies: Option<Vec<String>>,
}
