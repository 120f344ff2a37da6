//! What is listed: contracts, expiries, recently expired contracts.

use super::coins;
use crate::domain::coin::Coin;
use crate::domain::instrument::{DAY_MS, Instrument};
use crate::exchange::sim::http::call::Call;
use crate::exchange::sim::http::params::{needed, paid_in, unknown_instrument};
use crate::exchange::sim::http::reply::{Answer, RpcError};
use crate::exchange::sim::http::shape::instrument::{date, instrument};
use crate::market::listing::next_expiry_hour;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Expired contracts are shown for so many days.
const EXPIRED_DAYS: i64 = 3;

/// `public/get_instruments`.
pub(in super::super) async fn get_instruments(call: &Call<'_>) -> Answer {
    let currency = call.params.currency(&["any"])?.unwrap_or("any");
    let wanted = call.params.wants_options()?;
    let expired = call.params.is("expired")?;
    let mut rows = Vec::new();
    for coin in coins(currency) {
        let listed = if expired {
            recently_expired(call, coin).await?
        } else {
            call.listings(coin, call.at_ms).await?
        };
        let shown = listed
            .iter()
            .filter(|contract| wanted && paid_in(contract, currency));
        rows.extend(shown.map(|contract| instrument(contract, call.at_ms)));
    }
    Ok(Value::Array(rows))
}

/// `public/get_instrument`.
pub(in super::super) async fn get_instrument(call: &Call<'_>) -> Answer {
    let contract = known(call).await?;
    Ok(instrument(&contract, call.at_ms))
}

/// `public/get_contract_size`.
pub(in super::super) async fn get_contract_size(call: &Call<'_>) -> Answer {
    known(call).await?;
    Ok(json!({"contract_size": 1.0}))
}

/// `public/get_expirations`: by currency, or in one list for `any`.
pub(in super::super) async fn get_expirations(call: &Call<'_>) -> Answer {
    let currency = call.params.needed_currency(&["any", "grouped"])?;
    let kinds = ["future", "option", "any"];
    let kind = needed("kind", call.params.choice("kind", &kinds)?)?;
    let names = match currency {
        "any" => vec!["any"],
        "grouped" => vec!["BTC", "ETH"],
        one => vec![one],
    };
    let mut by_currency = Map::new();
    for name in names {
        let dates = expiries(call, name).await?;
        let mut kinds = Map::new();
        if kind != "option" {
            kinds.insert("future".to_owned(), json!([]));
        }
        if kind != "future" {
            kinds.insert("option".to_owned(), json!(dates));
        }
        if name == "any" {
            return Ok(Value::Object(kinds));
        }
        by_currency.insert(name.to_ascii_lowercase(), Value::Object(kinds));
    }
    Ok(Value::Object(by_currency))
}

async fn expiries(call: &Call<'_>, currency: &str) -> Result<Vec<String>, RpcError> {
    let mut found = BTreeSet::new();
    for coin in coins(currency) {
        let listed = call.listings(coin, call.at_ms).await?;
        let shown = listed.iter().filter(|one| paid_in(one, currency));
        found.extend(shown.map(|one| one.expiry_ms));
    }
    Ok(found.into_iter().map(date).collect())
}

/// The contract asked for, when it is listed or was until lately.
pub(super) async fn known(call: &Call<'_>) -> Result<Instrument, RpcError> {
    let contract = call.params.contract()?;
    let at_ms = call.at_ms.min(contract.expiry_ms - 1);
    if call.at_ms - contract.expiry_ms > EXPIRED_DAYS * DAY_MS {
        return Err(unknown_instrument());
    }
    let listed = call.listings(contract.coin, at_ms).await?;
    if listed.contains(&contract) {
        Ok(contract)
    } else {
        Err(unknown_instrument())
    }
}

async fn recently_expired(call: &Call<'_>, coin: Coin) -> Result<Vec<Instrument>, RpcError> {
    let mut found = Vec::new();
    for days in (1..=EXPIRED_DAYS).rev() {
        let expiry_ms = next_expiry_hour(call.at_ms) - days * DAY_MS;
        found.extend(expired_at(call, coin, expiry_ms).await?);
    }
    Ok(found)
}

/// Contracts that expired at an instant, as they were listed just before.
pub(super) async fn expired_at(
    call: &Call<'_>,
    coin: Coin,
    expiry_ms: i64,
) -> Result<Vec<Instrument>, RpcError> {
    // Where the market does not reach back so far, nothing was listed.
    let listed = call.listings(coin, expiry_ms - 1).await.unwrap_or_default();
    let expired = listed.into_iter().filter(|one| one.expiry_ms == expiry_ms);
    Ok(expired.collect())
}
