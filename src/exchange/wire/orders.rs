//! Orders and the account's own trades.

use super::number::{self, NumberOrWord};
use super::{Direction, words};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

words! {
    OrderState { Open, Filled, Rejected, Cancelled, Untriggered, Triggered }
}

words! {
    OrderType { Limit, Market, MarketLimit, StopLimit, StopMarket, TakeLimit, TakeMarket, TrailingStop, Liquidation }
}

words! {
    TimeInForce { GoodTilCancelled, GoodTilDay, FillOrKill, ImmediateOrCancel }
}

/// One order. Ids are opaque texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub order_id: String,
    pub order_state: OrderState,
    pub order_type: OrderType,
    pub time_in_force: TimeInForce,
    pub instrument_name: String,
    pub direction: Direction,
    /// `market_price` on orders without a limit.
    pub price: NumberOrWord,
    #[serde(with = "number")]
    pub amount: Decimal,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub contracts: Option<Decimal>,
    /// Absent while a trigger waits.
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub filled_amount: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub average_price: Option<Decimal>,
    #[serde(default)]
    pub label: String,
    #[serde(default)]
    pub post_only: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reject_post_only: Option<bool>,
    #[serde(default)]
    pub reduce_only: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mmp: Option<bool>,
    /// True once edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_liquidation: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_reducing: Option<bool>,
    pub creation_timestamp: i64,
    pub last_update_timestamp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<String>,
    /// `usd` or `implv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advanced: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<i64>,
}

/// The reply of buy, sell and edit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Placed {
    pub order: Order,
    #[serde(default)]
    pub trades: Vec<UserTrade>,
}

/// One execution of the account's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserTrade {
    pub trade_id: String,
    pub trade_seq: i64,
    pub instrument_name: String,
    pub timestamp: i64,
    pub order_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_type: Option<OrderType>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    pub direction: Direction,
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
    /// Negative for a rebate.
    #[serde(with = "number")]
    pub fee: Decimal,
    pub fee_currency: String,
    /// `M` or `T`.
    pub liquidity: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<OrderState>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tick_direction: Option<i64>,
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
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub underlying_price: Option<Decimal>,
    /// Percent.
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub iv: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub profit_loss: Option<Decimal>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "flag"
    )]
    pub post_only: Option<bool>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "flag"
    )]
    pub reduce_only: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mmp: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_trade: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_reducing: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<i64>,
}

/// `private/get_user_trades_by_*`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserTrades {
    pub trades: Vec<UserTrade>,
    #[serde(default)]
    pub has_more: bool,
}

/// A boolean that the published document types as a text.
fn flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag {
        Bool(bool),
        Text(String),
    }
    Ok(
        Option::<Flag>::deserialize(deserializer)?.map(|flag| match flag {
            Flag::Bool(flag) => flag,
            Flag::Text(text) => text == "true",
        }),
    )
}
