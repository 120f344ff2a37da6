//! One call on its way to its method: who asks, when, and what the exchange shows this time.

use super::params::Params;
use super::reply::RpcError;
use super::{House, held};
use crate::domain::chain::{Chain, Quote};
use crate::domain::coin::Coin;
use crate::domain::instrument::{DAY_MS, Instrument};
use crate::exchange::sim::failing::without_quotes;
use crate::exchange::sim::market;
use crate::exchange::sim::quotes::Quotes;
use crate::exchange::sim::venue::Venue;
use crate::market::listing::next_expiry_hour;
use std::sync::Arc;

/// A call with everything its method needs.
pub(super) struct Call<'a> {
    pub(super) house: &'a House,
    pub(super) params: &'a Params,
    /// The `Authorization` header.
    pub(super) header: Option<&'a str>,
    /// The exchange's time on arrival.
    pub(super) at_ms: i64,
    /// What faults do to its inside.
    pub(super) trouble: Trouble,
}

/// Faults that change what a method does or shows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trouble {
    /// Quotes are so old.
    pub(super) stale_ms: i64,
    /// Share of the contracts that show no quotes.
    pub(super) quoteless: Option<f64>,
    /// Share of an order that may fill before the exchange cancels it.
    pub(super) cut: Option<f64>,
}

impl Call<'_> {
    /// Asks the book, with the quotes of some coins at hand.
    pub(super) async fn ask<T>(
        &self,
        coins: &[Coin],
        question: impl Fn(&mut Venue, &Quotes) -> crate::exchange::Result<T>,
    ) -> Result<T, RpcError> {
        Ok(self.house.sim.ask(coins, self.at_ms, question).await?)
    }

    /// The chain of a coin as this call is shown it.
    pub(super) async fn chain(&self, coin: Coin) -> Result<Arc<Chain>, RpcError> {
        self.chain_at(coin, self.at_ms - self.trouble.stale_ms)
            .await
    }

    /// The chain of a coin at an instant, under the same trouble.
    pub(super) async fn chain_at(&self, coin: Coin, at_ms: i64) -> Result<Arc<Chain>, RpcError> {
        let chain = self.house.sim.quoted(coin, at_ms).await?;
        let chain = chain.ok_or_else(|| market::none(coin, "quotes", at_ms))?;
        Ok(match self.trouble.quoteless {
            None => chain,
            Some(share) => Arc::new(without_quotes(Arc::unwrap_or_clone(chain), share)),
        })
    }

    /// Contracts listed at an instant.
    pub(super) async fn listings(
        &self,
        coin: Coin,
        at_ms: i64,
    ) -> Result<Vec<Instrument>, RpcError> {
        Ok(self.house.sim.market().listings(coin, at_ms).await?)
    }

    /// The chain of the last 08:00 UTC; `None` when the market does not reach back to it.
    pub(super) async fn settled_chain(&self, coin: Coin) -> Result<Option<Arc<Chain>>, RpcError> {
        let eight_ms = next_expiry_hour(self.at_ms) - DAY_MS;
        let known = held(&self.house.settled).get(&coin).cloned();
        if let Some((at_ms, chain)) = known
            && at_ms == eight_ms
        {
            return Ok(Some(chain));
        }
        let chain = self.house.sim.market().chain(coin, eight_ms).await?;
        if let Some(chain) = &chain {
            held(&self.house.settled).insert(coin, (eight_ms, chain.clone()));
        }
        Ok(chain)
    }
}

/// The mark of the last 08:00 UTC of a contract that was listed then.
pub(super) fn settlement_price(chain: Option<&Chain>, contract: &Instrument) -> Option<f64> {
    let quote: &Quote = chain?.quote(contract)?;
    quote.mark
}
