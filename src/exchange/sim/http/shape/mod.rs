//! The JSON of the exchange's objects.

pub(super) mod account;
pub(super) mod instrument;
pub(super) mod order;
pub(super) mod quote;
pub(super) mod trade;

use crate::domain::money;
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// A decimal as a JSON number.
pub(super) fn number(amount: Decimal) -> Value {
    json!(money::float(amount))
}

/// A float to so many decimals, as the exchange rounds what it prints.
pub(super) fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (value * scale).round() / scale
}
