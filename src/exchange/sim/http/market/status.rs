//! What the exchange says about itself: time, health, currencies, indices.

use super::{INDICES, indexed};
use crate::exchange::sim::http::call::Call;
use crate::exchange::sim::http::reply::{Answer, RpcError};
use serde_json::{Value, json};

/// `public/get_time`.
pub(in super::super) async fn get_time(call: &Call<'_>) -> Answer {
    Ok(json!(call.at_ms))
}

/// `public/test`; can be asked to fail.
pub(in super::super) async fn test(call: &Call<'_>) -> Answer {
    match call.params.choice("expected_result", &["exception"])? {
        Some(_) => Err(RpcError::new(10_001, "error")),
        None => Ok(json!({"version": crate::exchange::sim::http::VERSION})),
    }
}

/// `public/status`.
pub(in super::super) async fn status(_: &Call<'_>) -> Answer {
    Ok(json!({"locked": "false"}))
}

/// `public/get_currencies`.
pub(in super::super) async fn get_currencies(_: &Call<'_>) -> Answer {
    Ok(json!([
        currency("BTC", "Bitcoin", "BITCOIN", 8),
        currency("ETH", "Ethereum", "ETHER", 6),
        currency("USDC", "USD Coin", "ETHER", 6),
    ]))
}

fn currency(name: &str, long: &str, coin_type: &str, decimals: u32) -> Value {
    json!({
        "currency": name,
        "currency_long": long,
        "coin_type": coin_type,
        "min_confirmations": 1,
        "withdrawal_fee": 0.0,
        "min_withdrawal_fee": 0.0,
        "withdrawal_priorities": [],
        "in_cross_collateral_pool": false,
        "network_fee": 0.0,
        "network_currency": name,
        "decimals": decimals,
    })
}

/// `public/get_index_price_names`, and the same under its other name.
pub(in super::super) async fn get_index_price_names(call: &Call<'_>) -> Answer {
    let extended = call.params.is("extended")?;
    let names = INDICES.as_flattened().iter();
    let named = names.map(|name| {
        if extended {
            json!({
                "name": name,
                "future_combo_creation_enabled": false,
                "option_combo_creation_enabled": false,
            })
        } else {
            json!(name)
        }
    });
    Ok(named.collect())
}

/// `public/get_index_price`.
pub(in super::super) async fn get_index_price(call: &Call<'_>) -> Answer {
    let coin = indexed(call.params)?;
    let index = call.house.sim.market().index(coin, call.at_ms).await?;
    Ok(json!({"index_price": index, "estimated_delivery_price": index}))
}
