//! What happened to the account: the transaction log and settlements.

use super::number;
use super::words;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

words! {
    /// Why a balance changed.
    LogType { Trade, Deposit, Withdrawal, Settlement, Delivery, Transfer, Swap, Correction }
}

/// `private/get_transaction_log`, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransactionLog {
    pub logs: Vec<LogEntry>,
    #[serde(default)]
    pub continuation: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    pub id: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_seq: Option<i64>,
    pub currency: String,
    pub timestamp: i64,
    #[serde(rename = "type")]
    pub log_type: LogType,
    #[serde(default)]
    pub instrument_name: Option<String>,
    /// `open sell`, `close buy`, `short`, `-` ..
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<String>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub amount: Option<Decimal>,
    #[serde(default, with = "number::option")]
    pub price: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_currency: Option<String>,
    /// After the change, signed.
    #[serde(default, with = "number::option")]
    pub position: Option<Decimal>,
    #[serde(default, with = "number::option")]
    pub commission: Option<Decimal>,
    #[serde(default, with = "number::option")]
    pub cashflow: Option<Decimal>,
    #[serde(default, with = "number::option")]
    pub change: Option<Decimal>,
    #[serde(default, with = "number::option")]
    pub balance: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub equity: Option<Decimal>,
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
    pub index_price: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub settlement_price: Option<Decimal>,
    #[serde(default)]
    pub trade_id: Option<String>,
    #[serde(default)]
    pub order_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_role: Option<String>,
    #[serde(default, with = "number::option")]
    pub interest_pl: Option<Decimal>,
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
    /// An object or a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info: Option<serde_json::Value>,
}

/// `private/get_settlement_history_by_*` and `public/get_last_settlements_by_*`, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settlements {
    pub settlements: Vec<Settlement>,
    #[serde(default)]
    pub continuation: Option<String>,
}

words! {
    SettlementType { Settlement, Delivery, Bankruptcy }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settlement {
    #[serde(rename = "type")]
    pub settlement_type: SettlementType,
    pub timestamp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument_name: Option<String>,
    /// Signed size that was settled.
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub position: Option<Decimal>,
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
    pub index_price: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub profit_loss: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub session_profit_loss: Option<Decimal>,
    #[serde(
        default,
        with = "number::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub funding: Option<Decimal>,
}
