//! A contract as `get_instruments` lists it.

use super::number;
use crate::domain::instrument::{Instrument, Style};
use crate::domain::money;
use crate::domain::portfolio::currency;
use crate::domain::tick_steps::tick_steps;
use crate::fills::min_size;
use crate::market::listing::{Cycle, cycle, listed_at_ms};
use chrono::DateTime;
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// The exchange's description of a contract at an instant.
pub(in super::super) fn instrument(contract: &Instrument, at_ms: i64) -> Value {
    let paid_in = currency(contract);
    let linear = contract.style == Style::Linear;
    let steps = tick_steps(contract.coin, contract.style);
    let units = |units: u32| f64::from(units) / f64::from(steps.per_unit);
    let open = at_ms < contract.expiry_ms;
    let price_index = contract.coin.as_str().to_ascii_lowercase();
    json!({
        "kind": "option",
        "instrument_name": contract.name(),
        "instrument_id": instrument_id(contract),
        "instrument_type": if linear { "linear" } else { "reversed" },
        "base_currency": contract.coin.as_str(),
        "quote_currency": paid_in,
        "counter_currency": if linear { "USDC" } else { "USD" },
        "settlement_currency": paid_in,
        "settlement_period": period(contract),
        "price_index": if linear { price_index + "_usdc" } else { price_index + "_usd" },
        "option_type": if contract.is_call() { "call" } else { "put" },
        "strike": contract.strike(),
        "expiration_timestamp": contract.expiry_ms,
        "creation_timestamp": listed_at_ms(contract.expiry_ms),
        "is_active": open,
        "state": if open { "open" } else { "delivered" },
        "tick_size": units(steps.fine),
        "tick_size_steps": [{"above_price": units(steps.above), "tick_size": units(steps.coarse)}],
        "contract_size": 1.0,
        "min_trade_amount": number(min_size(contract.coin, contract.style)),
        "maker_commission": 0.0003,
        "taker_commission": 0.0003,
        "block_trade_commission": 0.00015,
        "block_trade_min_trade_amount": if linear { 0.01 } else { 25.0 },
        "block_trade_tick_size": units(steps.fine),
    })
}

fn period(contract: &Instrument) -> &'static str {
    match cycle(contract.expiry_ms) {
        Cycle::Daily => "day",
        Cycle::Weekly => "week",
        Cycle::Monthly | Cycle::Quarterly => "month",
    }
}

/// A number that stays with a contract: hours of the expiry, strike, type and family in one.
fn instrument_id(contract: &Instrument) -> i64 {
    let hours = contract.expiry_ms / 3_600_000;
    let family = 2 * (contract.coin as i64) + i64::from(contract.style == Style::Linear);
    ((hours * 10_000_000 + i64::from(contract.strike_usd)) * 4 + family) * 2
        + i64::from(contract.is_call())
}

/// `25DEC26` of an expiry.
pub(in super::super) fn date(expiry_ms: i64) -> String {
    let day = DateTime::from_timestamp_millis(expiry_ms).unwrap_or_default();
    day.format("%-d%b%y").to_string().to_ascii_uppercase()
}

/// The future that an option's expiry is settled through and priced on: `BTC-25DEC26`.
pub(in super::super) fn future(contract: &Instrument) -> String {
    let linear = if contract.style == Style::Linear {
        "_USDC"
    } else {
        ""
    };
    format!("{}{linear}-{}", contract.coin, date(contract.expiry_ms))
}

/// An amount of coin in contracts: options trade in contracts of one coin.
pub(in super::super) fn contracts(amount: Decimal) -> Value {
    json!(money::float(amount))
}
