//! The built-in exchange: a market that quotes, a venue that keeps the book, a keeper that saves it.
//!
//! Time moves forward only by what is asked: each call carries an instant, and everything between the
//! book's last instant and that one (resting orders, day ends, expiries) happens first, in order. The
//! same calls give the same book, whatever process makes them.

pub mod feed;
pub mod keeper;
pub mod market;
pub mod quotes;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod venue;

use super::Result;
use super::error::ExchangeError;
use super::facts::{Delivery, Holding, LogRow, Order, OrderRequest, Placed, Summary, Trade};
use crate::domain::chain::{Chain, Source};
use crate::domain::coin::Coin;
use crate::domain::context::History;
use crate::domain::instrument::Instrument;
use keeper::Keeper;
use market::Market;
use quotes::Quotes;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use venue::{Retention, Venue};

/// Money put into a fresh account: currency (`BTC`, `ETH`, `USDC`) to amount.
pub type Deposits = BTreeMap<String, Decimal>;

/// The instant a chain was asked for, and the chain.
type LastChains = BTreeMap<Coin, (i64, Arc<Chain>)>;

/// Times a command is tried again because another process saved the book first.
const RACES_MAX: usize = 100;

/// One simulated exchange with one account; clones share the book.
#[derive(Clone, Debug)]
pub struct SimExchange {
    market: Market,
    keeper: Arc<dyn Keeper>,
    deposits: Arc<Deposits>,
    retention: Retention,
    /// One command at a time in this process; other processes are kept apart by the keeper's versions.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// The last chain of each coin: the calls of one tick ask for the same instant.
    chains: Arc<Mutex<LastChains>>,
}

impl SimExchange {
    /// An exchange over a market whose book lives with `keeper`; `deposits` open a book never saved.
    pub fn new(market: Market, keeper: Arc<dyn Keeper>, deposits: Deposits) -> Self {
        Self {
            market,
            keeper,
            deposits: Arc::new(deposits),
            retention: Retention::default(),
            turn: Arc::default(),
            chains: Arc::default(),
        }
    }

    /// The same exchange with another memory.
    #[must_use]
    pub fn remembering(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    pub fn market(&self) -> &Market {
        &self.market
    }

    pub(super) async fn listings(&self, coin: Coin, at_ms: i64) -> Result<Vec<Instrument>> {
        self.market.listings(coin, at_ms).await
    }

    pub(super) async fn chain(&self, coin: Coin, at_ms: i64) -> Result<Chain> {
        let chain = self.quoted(coin, at_ms).await?;
        let chain = chain.ok_or_else(|| market::none(coin, "quotes", at_ms))?;
        Ok(Arc::unwrap_or_clone(chain))
    }

    pub(super) async fn index_price(&self, coin: Coin, at_ms: i64) -> Result<f64> {
        self.market.index(coin, at_ms).await
    }

    pub(super) async fn history(&self, coin: Coin, at_ms: i64) -> Result<History> {
        self.market.history(coin, at_ms).await
    }

    pub(super) async fn delivery_price(
        &self,
        coin: Coin,
        expiry_ms: i64,
        at_ms: i64,
    ) -> Result<Option<(Decimal, Source)>> {
        if at_ms < expiry_ms {
            return Ok(None);
        }
        self.market.delivery_price(coin, expiry_ms).await
    }

    pub(super) async fn account(&self, currency: &str, at_ms: i64) -> Result<Summary> {
        let summary = |venue: &mut Venue, quotes: &Quotes| Ok(venue.summary(currency, quotes));
        self.ask(&coins_of(currency), at_ms, summary).await
    }

    pub(super) async fn positions(&self, coin: Coin, at_ms: i64) -> Result<Vec<Holding>> {
        let holdings = |venue: &mut Venue, quotes: &Quotes| Ok(venue.holdings(coin, quotes));
        self.ask(&[coin], at_ms, holdings).await
    }

    pub(super) async fn open_orders(&self, coin: Coin, at_ms: i64) -> Result<Vec<Order>> {
        self.ask(&[], at_ms, |venue, _| Ok(venue.open_orders(coin)))
            .await
    }

    pub(super) async fn place(&self, request: &OrderRequest, at_ms: i64) -> Result<Placed> {
        let coins = margin_coins(&request.instrument);
        self.ask(&coins, at_ms, |venue, quotes| venue.place(request, quotes))
            .await
    }

    pub(super) async fn edit(
        &self,
        order_id: &str,
        size: Decimal,
        price: Decimal,
        at_ms: i64,
    ) -> Result<Placed> {
        let edit = |venue: &mut Venue, quotes: &Quotes| venue.edit(order_id, size, price, quotes);
        self.ask(&Coin::ALL, at_ms, edit).await
    }

    pub(super) async fn cancel(&self, order_id: &str, at_ms: i64) -> Result<Order> {
        self.ask(&[], at_ms, |venue, _| venue.cancel(order_id))
            .await
    }

    pub(super) async fn cancel_all(&self, coin: Coin, at_ms: i64) -> Result<Vec<Order>> {
        self.ask(&[], at_ms, |venue, _| Ok(venue.cancel_all(coin)))
            .await
    }

    pub(super) async fn order_by_label(
        &self,
        coin: Coin,
        label: &str,
        at_ms: i64,
    ) -> Result<Option<Order>> {
        let order = |venue: &mut Venue, _: &Quotes| Ok(venue.order_by_label(coin, label));
        self.ask(&[], at_ms, order).await
    }

    pub(super) async fn fills_by_label(
        &self,
        coin: Coin,
        label: &str,
        at_ms: i64,
    ) -> Result<Vec<Trade>> {
        let trades = |venue: &mut Venue, _: &Quotes| Ok(venue.trades_by_label(coin, label));
        self.ask(&[], at_ms, trades).await
    }

    pub(super) async fn deliveries(
        &self,
        coin: Coin,
        since_ms: i64,
        at_ms: i64,
    ) -> Result<Vec<Delivery>> {
        self.ask(&[], at_ms, |venue, _| Ok(venue.deliveries(coin, since_ms)))
            .await
    }

    pub(super) async fn transaction_log(
        &self,
        currency: &str,
        since_ms: i64,
        at_ms: i64,
    ) -> Result<Vec<LogRow>> {
        self.ask(&[], at_ms, |venue, _| Ok(venue.log(currency, since_ms)))
            .await
    }

    /// Loads the book, brings it to `at_ms`, asks it, and saves it if anything happened; begins anew
    /// when another process saved it in between.
    async fn ask<T>(
        &self,
        coins: &[Coin],
        at_ms: i64,
        question: impl Fn(&mut Venue, &Quotes) -> Result<T>,
    ) -> Result<T> {
        let _one_at_a_time = self.turn.lock().await;
        for _ in 0..RACES_MAX {
            let (version, mut venue) = self.load(at_ms).await?;
            self.advance(&mut venue, at_ms).await?;
            let quotes = self.quotes(coins, venue.now_ms()).await?;
            let answer = question(&mut venue, &quotes);
            if !venue.is_touched() || self.save(version, &mut venue).await? {
                return answer;
            }
        }
        Err(ExchangeError::from_code(
            10_040,
            "retry: other processes kept changing the book",
        ))
    }

    async fn load(&self, at_ms: i64) -> Result<(i64, Venue)> {
        let kept = self.keeper.load().await;
        let kept = kept.map_err(|error| ExchangeError::unavailable(format!("book: {error:#}")))?;
        match kept {
            None => Ok((0, Venue::open(at_ms, &self.deposits))),
            Some(kept) => Venue::from_json(&kept.state)
                .map(|venue| (kept.version, venue))
                .map_err(|error| {
                    ExchangeError::from_code(11_031, format!("the saved book is broken: {error}"))
                }),
        }
    }

    async fn save(&self, version: i64, venue: &mut Venue) -> Result<bool> {
        venue.trim(&self.retention);
        let saved = self
            .keeper
            .store(version, venue.to_json(), venue.now_ms())
            .await;
        saved.map_err(|error| ExchangeError::from_code(0, format!("book not saved: {error:#}")))
    }

    /// Lets everything up to `at_ms` happen: resting orders meet the market, days end, contracts expire.
    async fn advance(&self, venue: &mut Venue, at_ms: i64) -> Result<()> {
        self.deliver(venue).await?;
        for (instant_ms, coin) in self.matching_instants(venue, at_ms).await? {
            self.end_days(venue, instant_ms).await?;
            venue.pass_to(instant_ms);
            if !venue.coins_with_open_orders().contains(&coin) {
                continue;
            }
            if let Some(chain) = self.quoted(coin, instant_ms).await? {
                venue.match_resting(&chain);
            }
        }
        self.end_days(venue, at_ms).await?;
        venue.pass_to(at_ms);
        Ok(())
    }

    /// Instants after the book's at which resting orders look at the market, the last one included.
    async fn matching_instants(&self, venue: &Venue, at_ms: i64) -> Result<Vec<(i64, Coin)>> {
        let mut instants = Vec::new();
        for coin in venue.coins_with_open_orders() {
            let market = &self.market;
            let between = market.instants(coin, venue.now_ms() + 1, at_ms).await?;
            instants.extend(between.into_iter().map(|instant_ms| (instant_ms, coin)));
            if at_ms > venue.now_ms() {
                instants.push((at_ms, coin));
            }
        }
        instants.sort_unstable();
        instants.dedup();
        Ok(instants)
    }

    async fn end_days(&self, venue: &mut Venue, until_ms: i64) -> Result<()> {
        while let Some(day_end_ms) = venue.next_day_end(until_ms) {
            venue.end_day(day_end_ms);
            self.deliver(venue).await?;
        }
        Ok(())
    }

    /// Settles what has expired and whose delivery price is known; the rest waits for the next call.
    async fn deliver(&self, venue: &mut Venue) -> Result<()> {
        for (coin, expiry_ms) in venue.undelivered() {
            if let Some((price, source)) = self.market.delivery_price(coin, expiry_ms).await? {
                venue.deliver(coin, expiry_ms, price, source);
            }
        }
        Ok(())
    }

    async fn quotes(&self, coins: &[Coin], at_ms: i64) -> Result<Quotes> {
        let mut chains = Vec::new();
        for coin in coins {
            chains.extend(self.quoted(*coin, at_ms).await?);
        }
        Ok(Quotes::of(chains))
    }

    /// The newest chain at or before an instant; `None` when the market has none.
    async fn quoted(&self, coin: Coin, at_ms: i64) -> Result<Option<Arc<Chain>>> {
        if let Some((asked_ms, chain)) = self.remembered().get(&coin)
            && *asked_ms == at_ms
        {
            return Ok(Some(chain.clone()));
        }
        let chain = self.market.chain(coin, at_ms).await?;
        if let Some(chain) = &chain {
            self.remembered().insert(coin, (at_ms, chain.clone()));
        }
        Ok(chain)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, LastChains> {
        self.chains.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Coins whose quotes value an account.
fn coins_of(currency: &str) -> Vec<Coin> {
    let own = Coin::ALL.iter().filter(|coin| coin.as_str() == currency);
    let own: Vec<Coin> = own.copied().collect();
    if own.is_empty() {
        Coin::ALL.to_vec()
    } else {
        own
    }
}

/// Coins whose quotes the margin of an order depends on.
fn margin_coins(instrument: &Instrument) -> Vec<Coin> {
    coins_of(crate::domain::portfolio::currency(instrument))
}
