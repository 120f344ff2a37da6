//! Prices of the moment: tickers, order books, book summaries.

use super::coins;
use crate::domain::chain::{Chain, Quote};
use crate::domain::instrument::Instrument;
use crate::domain::money;
use crate::domain::order::Side;
use crate::exchange::facts::Order;
use crate::exchange::sim::http::call::{Call, settlement_price};
use crate::exchange::sim::http::params::{paid_in, unknown_instrument};
use crate::exchange::sim::http::reply::{Answer, RpcError};
use crate::exchange::sim::http::shape::quote::{self, Shown};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Book summaries are published anew this often.
const SUMMARY_MS: i64 = 2_000;
const DEPTHS: [i64; 8] = [1, 5, 10, 20, 50, 100, 1_000, 10_000];

/// `public/ticker`.
pub(in super::super) async fn ticker(call: &Call<'_>) -> Answer {
    let contract = call.params.contract()?;
    let market = Market::of(call, &contract).await?;
    Ok(quote::ticker(&market.shown(call)))
}

/// `public/get_order_book`: the market's best prices and the account's own resting orders.
pub(in super::super) async fn order_book(call: &Call<'_>) -> Answer {
    let depth = call.params.whole("depth")?.unwrap_or(10);
    if !DEPTHS.contains(&depth) {
        return Err(RpcError::param(
            "depth",
            "must be one of 1, 5, 10, 20, 50, 100, 1000, 10000",
        ));
    }
    let contract = call.params.contract()?;
    let market = Market::of(call, &contract).await?;
    let own = call.ask(&[], |venue, _| Ok(venue.open_orders(contract.coin)));
    let own: Vec<Order> = own.await?;
    let own = own.iter().filter(|order| order.instrument == contract);
    let (bought, sold): (Vec<_>, Vec<_>) = own.partition(|order| order.side == Side::Buy);
    let shown = market.shown(call);
    let quote = shown.quote;
    let mut book = quote::ticker(&shown);
    let mut bids = levels(quote.bid, quote.bid_size, &bought);
    bids.reverse();
    book["bids"] = rows(&bids, depth);
    book["asks"] = rows(&levels(quote.ask, quote.ask_size, &sold), depth);
    book["change_id"] = json!(market.chain.at_ms);
    Ok(book)
}

/// Coin at each price, lowest first.
fn levels(best: Option<f64>, size: Option<f64>, own: &[&Order]) -> Vec<(Decimal, Decimal)> {
    let market = best.and_then(money::decimal);
    let shown = money::decimal(size.unwrap_or(quote::UNSIZED)).unwrap_or_default();
    let mut levels: BTreeMap<Decimal, Decimal> = BTreeMap::new();
    if let Some(price) = market {
        levels.insert(price, shown);
    }
    for order in own {
        *levels.entry(order.price).or_default() += order.remaining();
    }
    levels.into_iter().collect()
}

fn rows(levels: &[(Decimal, Decimal)], depth: i64) -> Value {
    let pairs = levels.iter().take(depth as usize);
    pairs
        .map(|(price, size)| json!([money::float(*price), money::float(*size)]))
        .collect()
}

/// `public/get_book_summary_by_currency`.
pub(in super::super) async fn summary_by_currency(call: &Call<'_>) -> Answer {
    let currency = call.params.needed_currency(&[])?;
    let wanted = call.params.wants_options()?;
    let last = last_prices(call).await?;
    let mut rows = Vec::new();
    for coin in coins(currency) {
        let chain = published(call, coin).await?;
        let shown = chain
            .quotes
            .iter()
            .filter(|quote| wanted && paid_in(&quote.instrument, currency))
            .filter(|quote| quote.instrument.expiry_ms > call.at_ms);
        rows.extend(shown.map(|quote| summary(&chain, quote, &last)));
    }
    Ok(Value::Array(rows))
}

/// `public/get_book_summary_by_instrument`: an array of one.
pub(in super::super) async fn summary_by_instrument(call: &Call<'_>) -> Answer {
    let contract = call.params.contract()?;
    let chain = published(call, contract.coin).await?;
    let quote = chain.quote(&contract).ok_or_else(unknown_instrument)?;
    let last = last_prices(call).await?;
    Ok(json!([summary(&chain, quote, &last)]))
}

/// The chain of the last publication.
async fn published(
    call: &Call<'_>,
    coin: crate::domain::coin::Coin,
) -> Result<Arc<Chain>, RpcError> {
    let at_ms = call.at_ms - call.trouble.stale_ms;
    call.chain_at(coin, at_ms - at_ms.rem_euclid(SUMMARY_MS))
        .await
}

fn summary(chain: &Chain, quote: &Quote, last: &BTreeMap<Instrument, f64>) -> Value {
    quote::summary(&Shown {
        chain,
        quote,
        at_ms: chain.at_ms,
        settlement_price: None,
        last_price: last.get(&quote.instrument).copied(),
    })
}

/// Price of the last trade of every contract on the tape.
async fn last_prices(call: &Call<'_>) -> Result<BTreeMap<Instrument, f64>, RpcError> {
    call.ask(&[], |venue, _| {
        let fills = venue.prints().map(|print| &print.trade.fill);
        Ok(fills
            .map(|fill| (fill.instrument, money::float(fill.price)))
            .collect())
    })
    .await
}

/// One contract's market.
struct Market {
    chain: Arc<Chain>,
    contract: Instrument,
    settlement_price: Option<f64>,
    last_price: Option<f64>,
}

impl Market {
    async fn of(call: &Call<'_>, contract: &Instrument) -> Result<Self, RpcError> {
        let chain = call.chain(contract.coin).await?;
        if contract.expiry_ms <= call.at_ms || chain.quote(contract).is_none() {
            return Err(unknown_instrument());
        }
        let settled = call.settled_chain(contract.coin).await?;
        Ok(Self {
            contract: *contract,
            settlement_price: settlement_price(settled.as_deref(), contract),
            last_price: last_prices(call).await?.get(contract).copied(),
            chain,
        })
    }

    fn shown(&self, call: &Call<'_>) -> Shown<'_> {
        Shown {
            quote: self.chain.quote(&self.contract).expect("looked up in `of`"),
            chain: &self.chain,
            at_ms: call.at_ms,
            settlement_price: self.settlement_price,
            last_price: self.last_price,
        }
    }
}
