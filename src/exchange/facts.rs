//! What goes to the exchange and what comes back, in the desk's words; `wire` has the exchange's.

use crate::domain::account::Account;
use crate::domain::chain::Source;
use crate::domain::instrument::Instrument;
use crate::domain::money;
use crate::domain::order::{Fill, OrderState, Settlement, Side};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// How long an order may work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeInForce {
    GoodTilCancelled,
    /// Until the next 08:00 UTC.
    GoodTilDay,
    /// Fills what it can at once; the rest is cancelled.
    ImmediateOrCancel,
    /// Fills whole at once or not at all.
    FillOrKill,
}

/// What happens to an order that would take liquidity although it should only add some.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostOnly {
    Off,
    /// Moved to one tick behind the opposite best.
    Shift,
    /// Refused with 11054.
    Reject,
}

/// A limit order to send. The exchange has no market orders on options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRequest {
    /// At most 64 characters; the exchange never checks that it is unique, we make it so.
    pub label: String,
    pub instrument: Instrument,
    pub side: Side,
    /// Coin.
    pub size: Decimal,
    /// Quote currency per coin, on a tick.
    pub price: Decimal,
    pub time_in_force: TimeInForce,
    pub post_only: PostOnly,
    /// Never more than the position it reduces.
    pub reduce_only: bool,
    /// Refused with 13888 when it arrives later; bounds the time in which an outcome is unknown.
    pub valid_until_ms: Option<i64>,
}

/// An order as the exchange knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub order_id: String,
    pub label: String,
    pub instrument: Instrument,
    pub side: Side,
    /// Coin, the filled part included.
    pub size: Decimal,
    pub filled: Decimal,
    /// Size-weighted price of its fills; zero without any.
    pub average_price: Decimal,
    pub price: Decimal,
    /// Never `Intended`: that is a word of our rows.
    pub state: OrderState,
    pub time_in_force: TimeInForce,
    pub post_only: PostOnly,
    pub reduce_only: bool,
    /// `user_request`, `settlement`, `immediate_or_cancel` ..
    pub cancel_reason: Option<String>,
    pub created_ms: i64,
    pub updated_ms: i64,
}

impl Order {
    /// Coin that may still fill.
    pub fn remaining(&self) -> Decimal {
        self.size - self.filled
    }

    pub fn is_open(&self) -> bool {
        self.state == OrderState::Open
    }
}

/// One execution and the order it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    pub fill: Fill,
    pub order_id: String,
    pub label: String,
    /// True when the order was resting.
    pub maker: bool,
}

/// An accepted order with what it filled at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub order: Order,
    pub trades: Vec<Trade>,
}

/// One currency's account. The exchange's identities hold to 1e-8:
/// equity = balance + options value; margin balance = equity - options value; available funds =
/// margin balance - initial margin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub currency: String,
    /// Deposits, premiums, fees and settlements.
    pub balance: Decimal,
    /// Signed size x mark; negative when short.
    pub options_value: Decimal,
    pub equity: Decimal,
    pub margin_balance: Decimal,
    /// Positions and open orders.
    pub initial_margin: Decimal,
    pub maintenance_margin: Decimal,
    pub available_funds: Decimal,
    /// Signed size x delta of the options, coin.
    pub options_delta: Decimal,
    /// Net transaction deltas (delta - mark, coin) of the options.
    pub delta_total: Decimal,
}

impl Summary {
    /// The account as a context sees it.
    pub fn account(&self, source: Source) -> Account {
        Account {
            balance: self.balance,
            option_value: money::float(self.options_value),
            equity: money::float(self.equity),
            initial_margin: money::float(self.initial_margin),
            maintenance_margin: money::float(self.maintenance_margin),
            source,
        }
    }
}

/// An open position as the exchange values it. Greeks are signed size x greek of one coin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Holding {
    pub instrument: Instrument,
    /// Coin, negative when short.
    pub size: Decimal,
    pub average_price: Decimal,
    /// Quote currency per coin.
    pub mark_price: Decimal,
    pub index_price: f64,
    pub delta: f64,
    pub gamma: f64,
    /// USD per volatility point.
    pub vega: f64,
    /// USD per day.
    pub theta: f64,
    pub floating_profit_loss: Decimal,
    pub initial_margin: Decimal,
    pub maintenance_margin: Decimal,
}

/// The expiry of one position and where its price came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    pub settlement: Settlement,
    pub price_source: Source,
}

/// One change of a balance. An option that expires in the money writes two rows: the option becomes
/// the future of its expiry at the strike (fee here), then the future is delivered (payoff here).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRow {
    pub id: u64,
    pub currency: String,
    pub at_ms: i64,
    /// `deposit`, `trade`, `delivery`; classify by instrument and sign of `change`.
    pub kind: String,
    /// An option, or the name of a future (`BTC-25DEC26`); empty for deposits.
    pub instrument: String,
    /// Signed coin that changed hands.
    pub size: Decimal,
    pub price: Decimal,
    /// Fee, zero or above.
    pub commission: Decimal,
    /// Before the fee.
    pub cashflow: Decimal,
    /// cashflow - commission.
    pub change: Decimal,
    /// After the change.
    pub balance: Decimal,
    pub order_id: Option<String>,
    pub trade_id: Option<String>,
}
