//! The built-in exchange: a market that quotes, a venue that keeps the book, a keeper that saves it.
//!
//! Time moves forward only by what is asked: each call carries an instant, and everything between the
//! book's last instant and that one (resting orders, day ends, expiries) happens first, in order. The
//! same calls give the same book, whatever process makes them.

pub mod feed;
pub mod keeper;
pub mod market;

use super::Result;
use super::error::ExchangeError;
use super::facts::{Delivery, Holding, LogRow, Order, OrderRequest, Placed, Summary, Trade};
use crate::domain::chain::{Chain, Source};
use crate::domain::coin::Coin;
use crate::domain::context::History;
use crate::domain::instrument::Instrument;
use keeper::Keeper;
use market::Market;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Money put into a fresh account: currency (`BTC`, `ETH`, `USDC`) to amount.
pub type Deposits = BTreeMap<String, Decimal>;

/// One simulated exchange with one account; clones share the book.
#[derive(Clone, Debug)]
pub struct SimExchange {
    market: Market,
    keeper: Arc<dyn Keeper>,
    deposits: Arc<Deposits>,
}

impl SimExchange {
    /// An exchange over a market whose book lives with `keeper`; `deposits` open a book never saved.
    pub fn new(market: Market, keeper: Arc<dyn Keeper>, deposits: Deposits) -> Self {
        Self {
            market,
            keeper,
            deposits: Arc::new(deposits),
        }
    }

    pub fn market(&self) -> &Market {
        &self.market
    }

    pub(super) async fn listings(&self, coin: Coin, at_ms: i64) -> Result<Vec<Instrument>> {
        self.market.listings(coin, at_ms).await
    }

    pub(super) async fn chain(&self, coin: Coin, at_ms: i64) -> Result<Chain> {
        Ok(Arc::unwrap_or_clone(self.market.chain(coin, at_ms).await?))
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
}

impl SimExchange {
    pub(super) async fn account(&self, _currency: &str, _at_ms: i64) -> Result<Summary> {
        Err(self.unbuilt())
    }
    pub(super) async fn positions(&self, _coin: Coin, _at_ms: i64) -> Result<Vec<Holding>> {
        Err(self.unbuilt())
    }
    pub(super) async fn open_orders(&self, _coin: Coin, _at_ms: i64) -> Result<Vec<Order>> {
        Err(self.unbuilt())
    }
    pub(super) async fn place(&self, _request: &OrderRequest, _at_ms: i64) -> Result<Placed> {
        Err(self.unbuilt())
    }
    pub(super) async fn edit(
        &self,
        _order_id: &str,
        _size: Decimal,
        _price: Decimal,
        _at_ms: i64,
    ) -> Result<Placed> {
        Err(self.unbuilt())
    }
    pub(super) async fn cancel(&self, _order_id: &str, _at_ms: i64) -> Result<Order> {
        Err(self.unbuilt())
    }
    pub(super) async fn cancel_all(&self, _coin: Coin, _at_ms: i64) -> Result<Vec<Order>> {
        Err(self.unbuilt())
    }
    pub(super) async fn order_by_label(
        &self,
        _coin: Coin,
        _label: &str,
        _at_ms: i64,
    ) -> Result<Option<Order>> {
        Err(self.unbuilt())
    }
    pub(super) async fn fills_by_label(
        &self,
        _coin: Coin,
        _label: &str,
        _at_ms: i64,
    ) -> Result<Vec<Trade>> {
        Err(self.unbuilt())
    }
    pub(super) async fn deliveries(
        &self,
        _coin: Coin,
        _since_ms: i64,
        _at_ms: i64,
    ) -> Result<Vec<Delivery>> {
        Err(self.unbuilt())
    }
    pub(super) async fn transaction_log(
        &self,
        _currency: &str,
        _since_ms: i64,
        _at_ms: i64,
    ) -> Result<Vec<LogRow>> {
        Err(self.unbuilt())
    }
    fn unbuilt(&self) -> ExchangeError {
        let (keeper, deposits) = (&self.keeper, &self.deposits);
        ExchangeError::unavailable(format!("venue is not built yet: {keeper:?} {deposits:?}"))
    }
}
