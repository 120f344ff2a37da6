//! The built-in exchange: a market that quotes, a venue that keeps the book, a keeper that saves it.
//!
//! Time moves forward only by what is asked: each call carries an instant, and everything between the
//! book's last instant and that one (resting orders, day ends, expiries) happens first, in order. The
//! same calls give the same book, whatever process makes them.

mod failing;
pub mod faults;
pub mod feed;
pub mod http;
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
use failing::Way;
use faults::{CallKind, Faults};
use keeper::Keeper;
use market::Market;
use quotes::Quotes;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use venue::{Cover, Retention, Venue};

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
    /// The last book that was read, as saved and as parsed: most calls find the one of the call before.
    book: Arc<Mutex<Option<(String, Venue)>>>,
    /// What goes wrong with calls of this process; the server over HTTP brings its own.
    faults: Option<Faults>,
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
            book: Arc::default(),
            faults: None,
        }
    }

    /// The same exchange with another memory.
    #[must_use]
    pub fn remembering(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// The same exchange, reached over a line and a venue that fail by a plan.
    #[must_use]
    pub fn failing(mut self, faults: Faults) -> Self {
        self.faults = Some(faults);
        self
    }

    pub fn market(&self) -> &Market {
        &self.market
    }

    /// The instant the saved book was last brought to; `None` when none was saved.
    pub async fn book_ms(&self) -> Result<Option<i64>> {
        let (version, venue) = self.load(0).await?;
        Ok((version > 0).then(|| venue.now_ms()))
    }

    /// Brings the book to an instant and saves it there, so that an exchange that is started again goes on
    /// from where it was left and not from its last trade.
    pub async fn keep_time(&self, at_ms: i64) -> Result<()> {
        let keep = |venue: &mut Venue, _: &Quotes| {
            venue.touch();
            Ok(())
        };
        self.ask(&[], at_ms, keep).await
    }

    /// What calls sold and offered take of the coin held; asks for no quotes of its own.
    pub async fn cover(&self, coin: Coin, at_ms: i64) -> Result<Cover> {
        self.ask(&[], at_ms, |venue, _| Ok(venue.cover(coin))).await
    }

    pub(super) async fn listings(&self, coin: Coin, at_ms: i64) -> Result<Vec<Instrument>> {
        let way = self.way(CallKind::Read, at_ms)?;
        let listings = self.market.listings(coin, way.at_ms).await;
        way.answer(listings)
    }

    pub(super) async fn chain(&self, coin: Coin, at_ms: i64) -> Result<Chain> {
        let way = self.way(CallKind::Quotes, at_ms)?;
        let chain = self.quoted(coin, way.at_ms).await?;
        let chain = chain.ok_or_else(|| market::none(coin, "quotes", way.at_ms))?;
        way.answer(Ok(way.shown(Arc::unwrap_or_clone(chain))))
    }

    pub(super) async fn index_price(&self, coin: Coin, at_ms: i64) -> Result<f64> {
        let way = self.way(CallKind::Read, at_ms)?;
        let index = self.market.index(coin, way.at_ms).await;
        way.answer(index)
    }

    pub(super) async fn history(&self, coin: Coin, at_ms: i64) -> Result<History> {
        // Not moved in time by a skewed clock: history is asked up to an instant and holds nothing later.
        let way = self.way(CallKind::Read, at_ms)?;
        let history = self.market.history(coin, at_ms).await;
        way.answer(history)
    }

    pub(super) async fn delivery_price(
        &self,
        coin: Coin,
        expiry_ms: i64,
        at_ms: i64,
    ) -> Result<Option<(Decimal, Source)>> {
        let way = self.way(CallKind::Read, at_ms)?;
        if at_ms < expiry_ms {
            return way.answer(Ok(None));
        }
        let price = self.market.delivery_price(coin, expiry_ms).await;
        way.answer(price)
    }

    pub(super) async fn account(&self, currency: &str, at_ms: i64) -> Result<Summary> {
        let summary = |venue: &mut Venue, quotes: &Quotes| Ok(venue.summary(currency, quotes));
        self.read(&coins_of(currency), at_ms, summary).await
    }

    pub(super) async fn positions(&self, coin: Coin, at_ms: i64) -> Result<Vec<Holding>> {
        let holdings = |venue: &mut Venue, quotes: &Quotes| Ok(venue.holdings(coin, quotes));
        self.read(&[coin], at_ms, holdings).await
    }

    pub(super) async fn open_orders(&self, coin: Coin, at_ms: i64) -> Result<Vec<Order>> {
        self.read(&[], at_ms, |venue, _| Ok(venue.open_orders(coin)))
            .await
    }

    pub(super) async fn place(&self, request: &OrderRequest, at_ms: i64) -> Result<Placed> {
        let way = self.way(CallKind::Place, at_ms)?;
        let shown = way.shown_size(request);
        let place = |venue: &mut Venue, quotes: &Quotes| match shown {
            Some(shown) => venue.place_cut(request, shown, quotes),
            None => venue.place(request, quotes),
        };
        self.write(way, &margin_coins(&request.instrument), place)
            .await
    }

    pub(super) async fn edit(
        &self,
        order_id: &str,
        size: Decimal,
        price: Decimal,
        at_ms: i64,
    ) -> Result<Placed> {
        let way = self.way(CallKind::Change, at_ms)?;
        let edit = |venue: &mut Venue, quotes: &Quotes| venue.edit(order_id, size, price, quotes);
        self.write(way, &Coin::ALL, edit).await
    }

    pub(super) async fn cancel(&self, order_id: &str, at_ms: i64) -> Result<Order> {
        let way = self.way(CallKind::Change, at_ms)?;
        self.write(way, &[], |venue, _| venue.cancel(order_id))
            .await
    }

    pub(super) async fn cancel_all(&self, coin: Coin, at_ms: i64) -> Result<Vec<Order>> {
        let way = self.way(CallKind::Change, at_ms)?;
        self.write(way, &[], |venue, _| Ok(venue.cancel_all(coin)))
            .await
    }

    pub(super) async fn order_by_label(
        &self,
        coin: Coin,
        label: &str,
        at_ms: i64,
    ) -> Result<Option<Order>> {
        let order = |venue: &mut Venue, _: &Quotes| Ok(venue.order_by_label(coin, label));
        self.read(&[], at_ms, order).await
    }

    pub(super) async fn fills_by_label(
        &self,
        coin: Coin,
        label: &str,
        at_ms: i64,
    ) -> Result<Vec<Trade>> {
        let trades = |venue: &mut Venue, _: &Quotes| Ok(venue.trades_by_label(coin, label));
        self.read(&[], at_ms, trades).await
    }

    pub(super) async fn deliveries(
        &self,
        coin: Coin,
        since_ms: i64,
        at_ms: i64,
    ) -> Result<Vec<Delivery>> {
        self.read(&[], at_ms, |venue, _| Ok(venue.deliveries(coin, since_ms)))
            .await
    }

    pub(super) async fn transaction_log(
        &self,
        currency: &str,
        since_ms: i64,
        at_ms: i64,
    ) -> Result<Vec<LogRow>> {
        self.read(&[], at_ms, |venue, _| Ok(venue.log(currency, since_ms)))
            .await
    }

    /// How the next call fares.
    fn way(&self, call: CallKind, at_ms: i64) -> Result<Way> {
        Way::of(self.faults.as_ref(), call, at_ms)
    }

    async fn read<T>(
        &self,
        coins: &[Coin],
        at_ms: i64,
        question: impl Fn(&mut Venue, &Quotes) -> Result<T>,
    ) -> Result<T> {
        let way = self.way(CallKind::Read, at_ms)?;
        way.answer(self.ask(coins, way.at_ms, question).await)
    }

    async fn write<T>(
        &self,
        way: Way,
        coins: &[Coin],
        command: impl Fn(&mut Venue, &Quotes) -> Result<T>,
    ) -> Result<T> {
        let first = self.ask(coins, way.at_ms, &command).await;
        if way.twice {
            // Only the first delivery is answered.
            self.ask(coins, way.at_ms, &command).await.ok();
        }
        way.answer(first)
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
            Some(kept) => Ok((kept.version, self.parsed(kept.state)?)),
        }
    }

    fn parsed(&self, state: String) -> Result<Venue> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, venue)) = &*book
            && *known == state
        {
            return Ok(venue.clone());
        }
        let venue = Venue::from_json(&state).map_err(|error| {
            ExchangeError::from_code(11_031, format!("the saved book is broken: {error}"))
        })?;
        *book = Some((state, venue.clone()));
        Ok(venue)
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
