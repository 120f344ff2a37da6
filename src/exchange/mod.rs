//! The exchange as the desk sees it: one enum, one set of methods, errors by what to do next.
//!
//! Every method takes `at_ms`, desk time: a simulated exchange moves its own clock there first, so
//! fills and expiries up to that instant have happened; a real one has its own present, and `at_ms` only
//! bounds what is asked of its past. Never call it while holding a database transaction: the built-in
//! exchange saves its book in the same database, and a real one may take seconds to answer.

pub mod deribit;
pub mod error;
pub mod facts;
pub mod paper;
pub mod sim;
pub mod wire;

use crate::domain::chain::{Chain, Source};
use crate::domain::coin::Coin;
use crate::domain::context::History;
use crate::domain::instrument::Instrument;
use deribit::DeribitClient;
use error::ExchangeError;
use facts::{Delivery, Holding, LogRow, Order, OrderRequest, Placed, Summary, Trade};
use rust_decimal::Decimal;
use sim::SimExchange;

/// What a call to the exchange gives.
pub type Result<T> = std::result::Result<T, ExchangeError>;

/// The exchange of a desk; cheap to clone.
#[derive(Clone, Debug)]
pub enum Exchange {
    /// Built in: quotes of the synthetic market or of recorded chains, accounts and matching of ours.
    Sim(SimExchange),
    /// Deribit over HTTP: test, production, or anything that speaks its API. It shows its present only.
    Deribit(DeribitClient),
}

impl Exchange {
    /// Listens to an exchange that may live in a time of its own: a clock that follows it hears how that
    /// runs. Nothing happens on Deribit's hosts, which live in real time.
    pub async fn hear(&self) -> Result<()> {
        match self {
            Self::Sim(sim) => sim.market().hear().await,
            Self::Deribit(client) => client.hear().await,
        }
    }

    /// Option contracts of a coin that are listed at an instant, in chain order.
    pub async fn listings(&self, coin: Coin, at_ms: i64) -> Result<Vec<Instrument>> {
        match self {
            Self::Sim(sim) => sim.listings(coin, at_ms).await,
            Self::Deribit(client) => client.listings(coin, at_ms).await,
        }
    }

    /// The latest quotes at or before `at_ms`; the chain's own `at_ms` says how old they are.
    pub async fn chain(&self, coin: Coin, at_ms: i64) -> Result<Chain> {
        match self {
            Self::Sim(sim) => sim.chain(coin, at_ms).await,
            Self::Deribit(client) => client.chain(coin, at_ms).await,
        }
    }

    /// The coin's index, USD.
    pub async fn index_price(&self, coin: Coin, at_ms: i64) -> Result<f64> {
        match self {
            Self::Sim(sim) => sim.index_price(coin, at_ms).await,
            Self::Deribit(client) => client.index_price(coin, at_ms).await,
        }
    }

    /// Daily closes and the volatility index, nothing later than `at_ms`.
    pub async fn history(&self, coin: Coin, at_ms: i64) -> Result<History> {
        match self {
            Self::Sim(sim) => sim.history(coin, at_ms).await,
            Self::Deribit(client) => client.history(coin, at_ms).await,
        }
    }

    /// Balance, equity and margin of the coin's own account.
    pub async fn account(&self, coin: Coin, at_ms: i64) -> Result<Summary> {
        match self {
            Self::Sim(sim) => sim.account(coin.as_str(), at_ms).await,
            Self::Deribit(client) => client.account(coin).await,
        }
    }

    /// Open positions of a coin, both styles, in chain order.
    pub async fn positions(&self, coin: Coin, at_ms: i64) -> Result<Vec<Holding>> {
        match self {
            Self::Sim(sim) => sim.positions(coin, at_ms).await,
            Self::Deribit(client) => client.positions(coin).await,
        }
    }

    /// Orders that may still fill, oldest first.
    pub async fn open_orders(&self, coin: Coin, at_ms: i64) -> Result<Vec<Order>> {
        match self {
            Self::Sim(sim) => sim.open_orders(coin, at_ms).await,
            Self::Deribit(client) => client.open_orders(coin).await,
        }
    }

    /// Sends an order; what it filled at once comes back with it.
    pub async fn place(&self, request: &OrderRequest, at_ms: i64) -> Result<Placed> {
        match self {
            Self::Sim(sim) => sim.place(request, at_ms).await,
            Self::Deribit(client) => client.place(request).await,
        }
    }

    /// Changes size (the whole order's, filled part included) and price of an open order.
    pub async fn edit(
        &self,
        order_id: &str,
        size: Decimal,
        price: Decimal,
        at_ms: i64,
    ) -> Result<Placed> {
        match self {
            Self::Sim(sim) => sim.edit(order_id, size, price, at_ms).await,
            Self::Deribit(client) => client.edit(order_id, size, price).await,
        }
    }

    /// Cancels one order; [`ExchangeError::Gone`] when it is final already.
    pub async fn cancel(&self, order_id: &str, at_ms: i64) -> Result<Order> {
        match self {
            Self::Sim(sim) => sim.cancel(order_id, at_ms).await,
            Self::Deribit(client) => client.cancel(order_id).await,
        }
    }

    /// Cancels every open order of a coin, both styles.
    pub async fn cancel_all(&self, coin: Coin, at_ms: i64) -> Result<Vec<Order>> {
        match self {
            Self::Sim(sim) => sim.cancel_all(coin, at_ms).await,
            Self::Deribit(client) => client.cancel_all(coin).await,
        }
    }

    /// The newest order with a label, final ones included while the exchange still shows them.
    pub async fn order_by_label(
        &self,
        coin: Coin,
        label: &str,
        at_ms: i64,
    ) -> Result<Option<Order>> {
        match self {
            Self::Sim(sim) => sim.order_by_label(coin, label, at_ms).await,
            Self::Deribit(client) => client.order_by_label(coin, label).await,
        }
    }

    /// Executions of all orders with a label, oldest first.
    pub async fn fills_by_label(&self, coin: Coin, label: &str, at_ms: i64) -> Result<Vec<Trade>> {
        match self {
            Self::Sim(sim) => sim.fills_by_label(coin, label, at_ms).await,
            Self::Deribit(client) => client.fills_by_label(coin, label, at_ms).await,
        }
    }

    /// Expiries of positions after `since_ms`, oldest first.
    pub async fn deliveries(&self, coin: Coin, since_ms: i64, at_ms: i64) -> Result<Vec<Delivery>> {
        match self {
            Self::Sim(sim) => sim.deliveries(coin, since_ms, at_ms).await,
            Self::Deribit(client) => client.deliveries(coin, since_ms, at_ms).await,
        }
    }

    /// The price options of an expiry settle at, USD, and where it came from; `None` while not known.
    pub async fn delivery_price(
        &self,
        coin: Coin,
        expiry_ms: i64,
        at_ms: i64,
    ) -> Result<Option<(Decimal, Source)>> {
        match self {
            Self::Sim(sim) => sim.delivery_price(coin, expiry_ms, at_ms).await,
            Self::Deribit(client) => client.delivery_price(coin, expiry_ms, at_ms).await,
        }
    }

    /// Every change of a currency's balance after `since_ms`, oldest first.
    pub async fn transaction_log(
        &self,
        currency: &str,
        since_ms: i64,
        at_ms: i64,
    ) -> Result<Vec<LogRow>> {
        match self {
            Self::Sim(sim) => sim.transaction_log(currency, since_ms, at_ms).await,
            Self::Deribit(client) => client.transaction_log(currency, since_ms, at_ms).await,
        }
    }
}
