//! Parameters of the calls that change something; the reading ones are few enough to be written out.

use super::number;
use super::orders::{OrderType, TimeInForce};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Parameters of `private/buy` and `private/sell`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderParams {
    pub instrument_name: String,
    /// Coin of an option.
    #[serde(with = "number")]
    pub amount: Decimal,
    #[serde(rename = "type")]
    pub order_type: OrderType,
    #[serde(with = "number")]
    pub price: Decimal,
    pub label: String,
    pub time_in_force: TimeInForce,
    /// Always sent: the published default and the practised one differ.
    pub post_only: bool,
    pub reject_post_only: bool,
    pub reduce_only: bool,
    /// Server time in milliseconds after which the order is refused with 13888.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<i64>,
}

/// Parameters of `private/edit`; the flags are those the order has, since left out they would change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EditParams {
    pub order_id: String,
    /// The whole order's, the filled part included.
    #[serde(with = "number")]
    pub amount: Decimal,
    #[serde(with = "number")]
    pub price: Decimal,
    pub post_only: bool,
    pub reject_post_only: bool,
    pub reduce_only: bool,
}
