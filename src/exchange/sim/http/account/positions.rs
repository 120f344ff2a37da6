//! What is held, and what margin an order or a position takes.

use crate::domain::chain::Chain;
use crate::domain::coin::Coin;
use crate::domain::instrument::Instrument;
use crate::domain::order::Side;
use crate::domain::portfolio::currency;
use crate::exchange::error::ExchangeError;
use crate::exchange::facts::Holding;
use crate::exchange::sim::http::call::{Call, settlement_price};
use crate::exchange::sim::http::market::coins;
use crate::exchange::sim::http::params::{needed, paid_in, unknown_instrument};
use crate::exchange::sim::http::reply::{Answer, RpcError};
use crate::exchange::sim::http::shape::{account, number};
use crate::exchange::sim::quotes::Quotes;
use crate::exchange::sim::venue::Venue;
use crate::exchange::sim::venue::band::band;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// `private/get_positions`.
pub(in super::super) async fn get_positions(call: &Call<'_>) -> Answer {
    let asked = call.params.currency(&["any"])?.unwrap_or("any");
    let wanted = call.params.wants_options()?;
    let coins = coins(asked);
    let settled = settled(call, &coins).await?;
    let shown = |venue: &mut Venue, quotes: &Quotes| {
        let mut rows = Vec::new();
        for held in coins.iter().flat_map(|coin| venue.holdings(*coin, quotes)) {
            if wanted && paid_in(&held.instrument, asked) {
                rows.push(row(venue, &held, quotes, &settled));
            }
        }
        Ok(Value::Array(rows))
    };
    call.ask(&coins, shown).await
}

/// `private/get_position`: of size zero when nothing is held.
pub(in super::super) async fn get_position(call: &Call<'_>) -> Answer {
    let contract = call.params.contract()?;
    let coins = [contract.coin];
    let settled = settled(call, &coins).await?;
    let shown = |venue: &mut Venue, quotes: &Quotes| {
        let all = venue.holdings(contract.coin, quotes);
        let held = all.into_iter().find(|held| held.instrument == contract);
        let known = held.is_some() || quotes.quote(&contract).is_some();
        let held = held.unwrap_or_else(|| flat(&contract, venue, quotes));
        Ok(known.then(|| row(venue, &held, quotes, &settled)))
    };
    call.ask(&coins, shown)
        .await?
        .ok_or_else(unknown_instrument)
}

/// `private/get_margins`: what a purchase or a sale would tie up, and between which prices.
pub(in super::super) async fn get_margins(call: &Call<'_>) -> Answer {
    let contract = call.params.contract()?;
    let amount = positive("amount", call.params.decimal("amount")?)?;
    let price = positive("price", call.params.decimal("price")?)?;
    let margins = |venue: &mut Venue, quotes: &Quotes| {
        let Some(quote) = quotes.quote(&contract) else {
            return Ok(None);
        };
        let (buy, sell) = venue.margins_of(&contract, amount, price, quotes);
        let (low, high) = band(quote, venue.now_ms()).unwrap_or((Decimal::ZERO, Decimal::ONE));
        Ok(Some(json!({
            "buy": number(buy),
            "sell": number(sell),
            "min_price": number(low),
            "max_price": number(high),
        })))
    };
    let margins = call.ask(&[contract.coin], margins).await?;
    margins.ok_or_else(unknown_instrument)
}

/// `private/get_order_margin_by_ids`.
pub(in super::super) async fn get_order_margin_by_ids(call: &Call<'_>) -> Answer {
    let ids = call.params.texts("ids")?;
    let margins = |venue: &mut Venue, quotes: &Quotes| {
        let rows = ids.iter().map(|id| {
            let booked = venue.booking(id);
            let order = booked.map(|booked| &booked.order);
            let order = order.ok_or_else(|| ExchangeError::from_code(10_004, "order_not_found"))?;
            let size = order.remaining();
            let (buy, sell) = venue.margins_of(&order.instrument, size, order.price, quotes);
            let margin = if order.side == Side::Buy { buy } else { sell };
            let margin = if order.is_open() {
                margin
            } else {
                Decimal::ZERO
            };
            Ok(json!({
                "order_id": id,
                "initial_margin": number(margin),
                "initial_margin_currency": currency(&order.instrument),
            }))
        });
        rows.collect::<crate::exchange::Result<Value>>()
    };
    call.ask(&Coin::ALL, margins).await
}

fn positive(name: &str, value: Option<Decimal>) -> Result<Decimal, RpcError> {
    let value = needed(name, value)?;
    let above = Some(value).filter(|value| *value > Decimal::ZERO);
    above.ok_or_else(|| RpcError::param(name, "must be above zero"))
}

/// Chains of the last settlement.
type Settled = BTreeMap<Coin, Arc<Chain>>;

async fn settled(call: &Call<'_>, coins: &[Coin]) -> Result<Settled, RpcError> {
    let mut settled = Settled::new();
    for coin in coins {
        if let Some(chain) = call.settled_chain(*coin).await? {
            settled.insert(*coin, chain);
        }
    }
    Ok(settled)
}

fn row(venue: &Venue, held: &Holding, quotes: &Quotes, settled: &Settled) -> Value {
    let chain = settled.get(&held.instrument.coin).map(AsRef::as_ref);
    let price = settlement_price(chain, &held.instrument);
    account::position(venue, held, quotes, price)
}

fn flat(contract: &Instrument, venue: &Venue, quotes: &Quotes) -> Holding {
    Holding {
        instrument: *contract,
        size: Decimal::ZERO,
        average_price: Decimal::ZERO,
        mark_price: venue.mark_of(contract, quotes),
        index_price: quotes.index(contract.coin),
        delta: 0.0,
        gamma: 0.0,
        vega: 0.0,
        theta: 0.0,
        floating_profit_loss: Decimal::ZERO,
        initial_margin: Decimal::ZERO,
        maintenance_margin: Decimal::ZERO,
    }
}
