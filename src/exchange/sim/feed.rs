//! Where a replayed market takes its prices from; the database implements it over imported chains.

use crate::domain::chain::Chain;
use crate::domain::coin::Coin;
use crate::domain::context::History;
use futures::future::BoxFuture;
use std::fmt;

/// What a feed answers; an error means it could not be read, never that there is nothing.
pub type Answer<'a, T> = BoxFuture<'a, anyhow::Result<T>>;

/// Recorded market data. Nothing it gives may be later than the instant it is asked for.
///
/// A trait although we own its implementations: the exchange may not import the database.
pub trait Feed: fmt::Debug + Send + Sync {
    /// The newest whole snapshot at or before `at_ms`.
    fn chain(&self, coin: Coin, at_ms: i64) -> Answer<'_, Option<Chain>>;

    /// Instants of snapshots in `[from_ms, to_ms]`, oldest first.
    fn times(&self, coin: Coin, from_ms: i64, to_ms: i64) -> Answer<'_, Vec<i64>>;

    /// Daily closes and volatility index up to `as_of_ms`.
    fn history(&self, coin: Coin, as_of_ms: i64) -> Answer<'_, History>;

    /// The exchange's delivery price of an expiry, USD; `None` when not recorded.
    fn delivery_price(&self, coin: Coin, expiry_ms: i64) -> Answer<'_, Option<f64>>;

    /// Listens to where the prices come from, for a clock that follows its time; most have none of their own.
    fn hear(&self) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    /// The newest index at or before `at_ms`, USD; by default that of the chain.
    fn index(&self, coin: Coin, at_ms: i64) -> Answer<'_, Option<f64>> {
        Box::pin(async move {
            let chain = self.chain(coin, at_ms).await?;
            Ok(chain.map(|chain| chain.index_price))
        })
    }
}
