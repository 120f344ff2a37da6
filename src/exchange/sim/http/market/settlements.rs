//! What expired: delivery prices by day, and the contracts that were settled at them.

use super::instruments::expired_at;
use super::{coins, indexed};
use crate::domain::coin::Coin;
use crate::domain::instrument::{DAY_MS, EXPIRY_HOUR_MS, Instrument};
use crate::exchange::sim::http::account::log::Page;
use crate::exchange::sim::http::call::Call;
use crate::exchange::sim::http::params::paid_in;
use crate::exchange::sim::http::reply::{Answer, RpcError};
use crate::exchange::sim::http::shape::number;
use crate::fills::payoff_per_coin;
use crate::market::listing::next_expiry_hour;
use chrono::DateTime;
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// Expiries are looked up so many days back.
const DAYS_BACK: i64 = 62;

/// `public/get_delivery_prices`: newest first.
pub(in super::super) async fn get_delivery_prices(call: &Call<'_>) -> Answer {
    let coin = indexed(call.params)?;
    let offset = call.params.whole("offset")?.unwrap_or(0).max(0) as usize;
    let count = call.params.count(10, 1_000)?;
    let history = call.house.sim.market().history(coin, call.at_ms).await?;
    let deliveries: Vec<(i64, f64)> = history
        .closes
        .into_iter()
        .filter(|(at_ms, _)| at_ms.rem_euclid(DAY_MS) == EXPIRY_HOUR_MS)
        .collect();
    let newest = deliveries.iter().rev().skip(offset).take(count);
    let rows = newest.map(|(at_ms, price)| {
        let day = DateTime::from_timestamp_millis(*at_ms).unwrap_or_default();
        json!({"date": day.format("%Y-%m-%d").to_string(), "delivery_price": price})
    });
    Ok(json!({"data": rows.collect::<Vec<_>>(), "records_total": deliveries.len()}))
}

/// `public/get_last_settlements_by_currency`.
pub(in super::super) async fn by_currency(call: &Call<'_>) -> Answer {
    let currency = call.params.needed_currency(&[])?;
    let page = Page::of(call)?;
    let mut rows = Vec::new();
    let mut expiry_ms = next_expiry_hour(page.until_ms.min(call.at_ms)) - DAY_MS;
    for _ in 0..DAYS_BACK {
        for coin in coins(currency) {
            let expired = expired_at(call, coin, expiry_ms).await?;
            let expired = expired.iter().filter(|one| paid_in(one, currency));
            rows.extend(settled(call, coin, expiry_ms, expired).await?);
        }
        if rows.len() >= page.enough() {
            break;
        }
        expiry_ms -= DAY_MS;
    }
    Ok(page.cut(rows))
}

/// `public/get_last_settlements_by_instrument`.
pub(in super::super) async fn by_instrument(call: &Call<'_>) -> Answer {
    let contract = call.params.contract()?;
    let page = Page::of(call)?;
    let over = contract.expiry_ms <= page.until_ms.min(call.at_ms);
    let expired = over.then_some(&contract).into_iter();
    let rows = settled(call, contract.coin, contract.expiry_ms, expired).await?;
    Ok(page.cut(rows))
}

/// The rows of contracts that expired together; none while their delivery price is not known.
async fn settled(
    call: &Call<'_>,
    coin: Coin,
    expiry_ms: i64,
    expired: impl Iterator<Item = &Instrument>,
) -> Result<Vec<Value>, RpcError> {
    let market = call.house.sim.market();
    let price = market.delivery_price(coin, expiry_ms).await?;
    let Some((price, _)) = price else {
        return Ok(Vec::new());
    };
    Ok(expired.map(|contract| row(contract, price)).collect())
}

/// Open interest and earnings of all accounts are not known here and stand at zero.
fn row(contract: &Instrument, price: Decimal) -> Value {
    json!({
        "type": "delivery",
        "timestamp": contract.expiry_ms,
        "instrument_name": contract.name(),
        "position": 0.0,
        "index_price": number(price),
        "mark_price": number(payoff_per_coin(contract, price).round_dp(8)),
        "profit_loss": 0.0,
        "session_profit_loss": 0.0,
        "funding": 0.0,
    })
}
