//! The smallest order of a coin, tried dry: priced on the exchange's quotes, its margin asked for, never sent.

use super::Check;
use super::exchange::failed;
use crate::clock::Clock;
use crate::domain::chain::Quote;
use crate::domain::coin::Coin;
use crate::domain::money;
use crate::exchange::Exchange;
use crate::exchange::deribit::DeribitClient;
use crate::exchange::wire::account::AccountSummary;
use rust_decimal::Decimal;
use serde_json::json;

/// Days to expiry of the contract that it is tried with, at least.
const DTE_MIN: f64 = 1.0;

/// The smallest order that could be sold now: on the contract's tick, in its band, within its margin.
pub(super) async fn smallest(
    client: &DeribitClient,
    clock: &Clock,
    coin: Coin,
    summary: &AccountSummary,
) -> Check {
    let name = format!("smallest_order_{}", coin.as_str().to_lowercase());
    match dry_order(client, clock, coin).await {
        Err(error) => failed(
            name,
            &error.to_string(),
            "the desk could not sell now; try again, or look at the contract on the exchange's page",
        ),
        Ok(dry) => {
            let in_band = dry.min_price <= dry.price && dry.price <= dry.max_price;
            let ok = in_band && dry.margin <= summary.available_funds;
            let value = json!({ "instrument": dry.instrument, "size": dry.size, "price": dry.price,
                "margin": dry.margin });
            let limits = json!({ "available_funds": summary.available_funds,
                "min_price": dry.min_price, "max_price": dry.max_price });
            Check::new(name, ok, value, limits).or(format!(
                "the order would be refused: deposit {coin}, or free margin by closing positions"
            ))
        }
    }
}

struct DryOrder {
    instrument: String,
    size: Decimal,
    price: Decimal,
    /// What selling it would bind.
    margin: Decimal,
    min_price: Decimal,
    max_price: Decimal,
}

async fn dry_order(client: &DeribitClient, clock: &Clock, coin: Coin) -> anyhow::Result<DryOrder> {
    let now_ms = clock.now_ms();
    let exchange = Exchange::Deribit(client.clone());
    let chain = exchange.chain(coin, now_ms).await?;
    let calls = chain.quotes.iter().filter(|quote| {
        quote.instrument.is_call() && quote.instrument.dte(now_ms) >= DTE_MIN && quote.bid.is_some()
    });
    let nearest = calls.min_by(|a, b| apart(a).total_cmp(&apart(b)));
    let call = nearest.ok_or_else(|| anyhow::anyhow!("no call of {coin} has a bid"))?;
    let contract = client.get_instrument(&call.instrument.name()).await?;
    let size = contract.min_trade_amount;
    let price = call.bid.and_then(money::decimal).unwrap_or_default();
    let margins = client
        .get_margins(&contract.instrument_name, size, price)
        .await?;
    Ok(DryOrder {
        instrument: contract.instrument_name.clone(),
        size,
        price,
        margin: margins.sell,
        min_price: margins.min_price,
        max_price: margins.max_price,
    })
}

/// From a delta of a quarter: a call as the desk sells them.
fn apart(quote: &Quote) -> f64 {
    (quote.delta.unwrap_or(1.0) - 0.25).abs()
}
