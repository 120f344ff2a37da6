//! Orders, fills and settlements: the facts that positions and cash are folded from.

use super::instrument::Instrument;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Buy,
    Sell,
}

impl Side {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }

    /// +1 for a buy, -1 for a sell.
    pub fn sign(self) -> Decimal {
        match self {
            Self::Buy => Decimal::ONE,
            Self::Sell => Decimal::NEGATIVE_ONE,
        }
    }
}

/// Why an order exists; the closing legs reduce risk and are never refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leg {
    Open,
    Close,
    RollClose,
    RollOpen,
}

impl Leg {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Close => "close",
            Self::RollClose => "roll_close",
            Self::RollOpen => "roll_open",
        }
    }

    /// Closing legs buy back and are sent reduce-only.
    pub fn side(self) -> Side {
        match self {
            Self::Open | Self::RollOpen => Side::Sell,
            Self::Close | Self::RollClose => Side::Buy,
        }
    }
}

/// One order to be sent: made from a decision, not yet allowed until risk wraps it in `Approved`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub instrument: Instrument,
    pub leg: Leg,
    /// Coin, above zero.
    pub size: Decimal,
    /// The roll chain this leg belongs to: the id of the decision that opened it.
    pub chain: String,
}

/// Life of an order in our rows. `Simulated` fills never left this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Written before it was sent; the outcome is not known yet.
    Intended,
    Open,
    Filled,
    Cancelled,
    Rejected,
}

impl OrderState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Open => "open",
            Self::Filled => "filled",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
        }
    }

    pub fn is_final(self) -> bool {
        matches!(self, Self::Filled | Self::Cancelled | Self::Rejected)
    }
}

/// One execution. Cash of the fill = -(side sign) x size x price - fee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    pub instrument: Instrument,
    pub side: Side,
    /// Coin, above zero.
    pub size: Decimal,
    /// Quote currency (coin when inverse, USDC when linear) per 1 coin.
    pub price: Decimal,
    /// Quote currency, for the whole fill, zero or above.
    pub fee: Decimal,
    /// USD index at the time of the fill.
    pub index_price: Decimal,
    pub at_ms: i64,
    /// The exchange's id of the execution; unique per desk.
    pub trade_id: String,
}

impl Fill {
    /// Change of the quote-currency balance: premium received or paid, less the fee, to 1e-8.
    pub fn cash(&self) -> Decimal {
        (-self.side.sign() * self.size * self.price).round_dp(super::money::SCALE) - self.fee
    }
}

/// The expiry of one position: worthless or assigned, at the exchange's delivery price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    pub instrument: Instrument,
    /// Signed coin: negative for a short.
    pub size: Decimal,
    /// USD.
    pub delivery_price: Decimal,
    /// Quote currency, signed: what the position paid or received, before the fee, to 1e-8.
    pub payoff: Decimal,
    pub fee: Decimal,
    pub at_ms: i64,
}

impl Settlement {
    pub fn cash(&self) -> Decimal {
        self.payoff - self.fee
    }
}
