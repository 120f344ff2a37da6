//! What the desk owns on one underlying, in that underlying's coin.

use super::chain::Source;
use super::instrument::Instrument;
use super::order::Side;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Balance, equity and margin in coin (BTC or ETH). Equity = balance + option value at mark.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    pub balance: Decimal,
    /// Negative when the desk is short.
    pub option_value: f64,
    pub equity: f64,
    pub initial_margin: f64,
    pub maintenance_margin: f64,
    pub source: Source,
}

/// A holding of one contract; `size` is signed, negative for a short call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    pub instrument: Instrument,
    pub size: Decimal,
    /// Quote currency per coin, size-weighted over the fills that opened it.
    pub average_price: Decimal,
    /// Fees of the opening fills still held, quote currency.
    pub fees: Decimal,
    pub opened_ms: i64,
    /// The decision that opened the roll chain this position belongs to.
    pub chain: String,
    /// Times the chain has been rolled so far.
    pub rolls: u32,
}

/// An order that may still fill: it counts against cover and exposure until it is final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkingOrder {
    pub label: String,
    pub instrument: Instrument,
    pub side: Side,
    /// Coin still unfilled.
    pub remaining: Decimal,
}
