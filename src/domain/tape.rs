//! Trades of the public tape: who paid what for which contract, and what the exchange thought of it then.

use super::instrument::Instrument;
use super::order::Side;
use serde::Serialize;

/// One trade as everybody sees it. The price is in the contract's quote currency per 1 coin (coin when
/// inverse, USDC when linear).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Print {
    /// The exchange's own id, unique within a currency.
    pub trade_id: String,
    pub at_ms: i64,
    pub instrument: Instrument,
    /// Of the taker.
    pub side: Side,
    pub price: f64,
    /// Coin.
    pub amount: f64,
    /// Black volatility of the price, a fraction; `None` where the exchange gave none.
    pub iv: Option<f64>,
    /// The exchange's mark at that moment, in the unit of the price.
    pub mark_price: Option<f64>,
    /// USD.
    pub index_price: Option<f64>,
    /// Agreed outside of the book, or a leg of a combination: the price was made for several trades at once.
    pub is_block: bool,
    /// One side was liquidated.
    pub is_liquidation: bool,
}
