//! The account as it stands: summaries with fees and limits, positions, margins.

use super::number;
use super::{Direction, Kind};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One currency of `private/get_account_summary` (or of `get_account_summaries`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountSummary {
    pub currency: String,
    #[serde(with = "number")]
    pub balance: Decimal,
    #[serde(with = "number")]
    pub equity: Decimal,
    #[serde(with = "number")]
    pub margin_balance: Decimal,
    #[serde(with = "number")]
    pub available_funds: Decimal,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub available_withdrawal_funds: Option<Decimal>,
    #[serde(with = "number")]
    pub initial_margin: Decimal,
    #[serde(with = "number")]
    pub maintenance_margin: Decimal,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub projected_initial_margin: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub projected_maintenance_margin: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub options_value: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub options_delta: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub options_gamma: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub options_vega: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub options_theta: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub options_pl: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub options_session_rpl: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub options_session_upl: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub futures_pl: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub futures_session_rpl: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub futures_session_upl: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub session_rpl: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub session_upl: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub total_pl: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub delta_total: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub projected_delta_total: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub fee_balance: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub spot_reserve: Option<Decimal>,
    /// `segregated_sm`, `cross_pm` ..
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin_model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portfolio_margining_enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cross_collateral_enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fees: Option<Fees>,
    /// `reject_taker` or `cancel_maker`; with `extended`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_trading_reject_mode: Option<String>,
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub account_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<i64>,
}

/// `private/get_account_summaries`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountSummaries {
    pub id: i64,
    #[serde(rename = "type")]
    pub account_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_trading_reject_mode: Option<String>,
    pub summaries: Vec<AccountSummary>,
}

/// Request limits of the account, reviewed by the exchange every hour.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits_per_currency: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub non_matching_engine: Option<Limit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matching_engine: Option<MatchingLimits>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MatchingLimits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trading: Option<TradingLimits>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spot: Option<Limit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quotes: Option<Limit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_quotes: Option<Limit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guaranteed_quotes: Option<Limit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_all: Option<Limit>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TradingLimits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Limit>,
}

/// Requests at once and requests per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    pub burst: f64,
    pub rate: f64,
}

/// Fees in both of the wire's shapes: by index and kind in a summary, as a list among summaries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Fees {
    ByIndex(BTreeMap<String, BTreeMap<String, FeeRule>>),
    List(Vec<FeeEntry>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeeEntry {
    pub index_name: String,
    pub kind: Kind,
    pub value: FeeRule,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeeRule {
    pub default: FeeDefault,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub block_trade: Option<Decimal>,
}

/// `fixed`: the rate itself; `relative`: a multiplier of the standard rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeeDefault {
    #[serde(rename = "type")]
    pub fee_type: String,
    #[serde(with = "number")]
    pub maker: Decimal,
    #[serde(with = "number")]
    pub taker: Decimal,
}

/// An open position; one that is flat has size 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    pub instrument_name: String,
    pub kind: Kind,
    pub direction: Direction,
    /// Signed, negative when short: coin for options, USD for inverse futures.
    #[serde(with = "number")]
    pub size: Decimal,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub size_currency: Option<Decimal>,
    #[serde(with = "number")]
    pub average_price: Decimal,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub average_price_usd: Option<Decimal>,
    #[serde(with = "number")]
    pub mark_price: Decimal,
    pub index_price: f64,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub settlement_price: Option<Decimal>,
    /// Signed size x greek.
    #[serde(default)]
    pub delta: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gamma: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vega: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theta: Option<f64>,
    #[serde(with = "number")]
    pub floating_profit_loss: Decimal,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub floating_profit_loss_usd: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub realized_profit_loss: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub total_profit_loss: Option<Decimal>,
    #[serde(with = "number")]
    pub initial_margin: Decimal,
    #[serde(with = "number")]
    pub maintenance_margin: Decimal,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub open_orders_margin: Option<Decimal>,
    /// May be fractional.
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub leverage: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub estimated_liquidation_price: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub interest_value: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub realized_funding: Option<Decimal>,
}

/// `private/get_margins`: what an order would bind, and the band its price must lie in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Margins {
    #[serde(with = "number")]
    pub buy: Decimal,
    #[serde(with = "number")]
    pub sell: Decimal,
    #[serde(with = "number")]
    pub min_price: Decimal,
    #[serde(with = "number")]
    pub max_price: Decimal,
}
