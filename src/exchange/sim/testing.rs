//! A market written by hand and the exchange over it, for tests.

use super::feed::{Answer, Feed};
use super::keeper::MemoryKeeper;
use super::market::Market;
use super::{Deposits, SimExchange};
use crate::domain::chain::{Chain, Quote, Source};
use crate::domain::coin::Coin;
use crate::domain::context::History;
use crate::domain::order::Side;
use crate::exchange::facts::{OrderRequest, PostOnly, TimeInForce};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::sync::Arc;

/// 2026-01-02 09:00 UTC, a Friday.
pub(crate) const START_MS: i64 = 1_767_344_400_000;
pub(crate) const MINUTE_MS: i64 = 60_000;
/// Expires 2026-01-09 08:00 UTC, a Friday: a weekly.
pub(crate) const CALL: &str = "BTC-9JAN26-100000-C";
pub(crate) const NEXT_CALL: &str = "BTC-16JAN26-100000-C";

pub(crate) fn decimal(text: &str) -> Decimal {
    text.parse().expect(text)
}

/// A quote with a size of `shown` coin on both sides.
pub(crate) fn quote(name: &str, bid: f64, ask: f64, shown: Option<f64>) -> Quote {
    Quote {
        instrument: name.parse().expect(name),
        underlying_price: 90_000.0,
        bid: (bid > 0.0).then_some(bid),
        ask: (ask > 0.0).then_some(ask),
        bid_size: shown,
        ask_size: shown,
        mark: Some(f64::midpoint(bid, ask)),
        mark_iv: Some(0.5),
        delta: Some(0.25),
        open_interest: Some(500.0),
        volume: Some(10.0),
    }
}

pub(crate) fn chain(at_ms: i64, mut quotes: Vec<Quote>) -> Chain {
    quotes.sort_by_key(|quote| quote.instrument);
    Chain {
        coin: quotes
            .first()
            .map_or(Coin::Btc, |quote| quote.instrument.coin),
        at_ms,
        source: Source::Recorded,
        index_price: 90_000.0,
        quotes,
    }
}

/// A good-til-cancelled limit order.
pub(crate) fn request(
    label: &str,
    name: &str,
    side: Side,
    size: &str,
    price: &str,
) -> OrderRequest {
    OrderRequest {
        label: label.to_owned(),
        instrument: name.parse().expect(name),
        side,
        size: decimal(size),
        price: decimal(price),
        time_in_force: TimeInForce::GoodTilCancelled,
        post_only: PostOnly::Off,
        reduce_only: false,
        valid_until_ms: None,
    }
}

/// Chains in order of time, and delivery prices.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) chains: Vec<Chain>,
    pub(crate) deliveries: BTreeMap<(Coin, i64), f64>,
}

impl Script {
    /// An exchange over the script with 2 BTC, 10 ETH and 50,000 USDC in a fresh account.
    pub(crate) fn exchange(self) -> SimExchange {
        self.exchange_with(&[("BTC", "2"), ("ETH", "10"), ("USDC", "50000")])
    }

    pub(crate) fn exchange_with(self, deposits: &[(&str, &str)]) -> SimExchange {
        let keeper = Arc::new(MemoryKeeper::default());
        SimExchange::new(Market::Replay(Arc::new(self)), keeper, account(deposits))
    }
}

pub(crate) fn account(deposits: &[(&str, &str)]) -> Deposits {
    let one = |(currency, amount): &(&str, &str)| ((*currency).to_owned(), decimal(amount));
    deposits.iter().map(one).collect()
}

impl Feed for Script {
    fn chain(&self, coin: Coin, at_ms: i64) -> Answer<'_, Option<Chain>> {
        let mut of_coin = self.chains.iter().filter(|chain| chain.coin == coin);
        let latest = of_coin.rfind(|chain| chain.at_ms <= at_ms).cloned();
        Box::pin(async move { Ok(latest) })
    }

    fn times(&self, coin: Coin, from_ms: i64, to_ms: i64) -> Answer<'_, Vec<i64>> {
        let of_coin = self.chains.iter().filter(|chain| chain.coin == coin);
        let times = of_coin.map(|chain| chain.at_ms);
        let times: Vec<i64> = times.filter(|at| (from_ms..=to_ms).contains(at)).collect();
        Box::pin(async move { Ok(times) })
    }

    fn history(&self, _coin: Coin, _as_of_ms: i64) -> Answer<'_, History> {
        let history = History {
            closes: Vec::new(),
            closes_source: Source::Missing,
            dvol: Vec::new(),
            dvol_source: Source::Missing,
        };
        Box::pin(async move { Ok(history) })
    }

    fn delivery_price(&self, coin: Coin, expiry_ms: i64) -> Answer<'_, Option<f64>> {
        let price = self.deliveries.get(&(coin, expiry_ms)).copied();
        Box::pin(async move { Ok(price) })
    }
}
