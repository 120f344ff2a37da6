//! Where quotes, index and delivery prices of the built-in exchange come from.

use super::feed::Feed;
use crate::clock::iso;
use crate::domain::chain::{Chain, Quote, Source};
use crate::domain::coin::Coin;
use crate::domain::context::History;
use crate::domain::instrument::Instrument;
use crate::domain::money;
use crate::exchange::Result;
use crate::exchange::error::ExchangeError;
use crate::market::synthetic::Synthetic;
use rust_decimal::Decimal;
use std::sync::Arc;

/// A source of prices that answers for any instant and never looks past it.
#[derive(Clone, Debug)]
pub enum Market {
    /// Made from a seed, for any instant.
    Synthetic(Synthetic),
    /// Recorded chains; between two snapshots the earlier one stands.
    Replay(Arc<dyn Feed>),
}

impl Market {
    /// Listens to the source, for a clock that follows its time.
    pub async fn hear(&self) -> Result<()> {
        match self {
            Self::Synthetic(_) => Ok(()),
            Self::Replay(feed) => feed.hear().await.map_err(unreadable),
        }
    }

    /// The newest quotes at or before an instant.
    pub async fn chain(&self, coin: Coin, at_ms: i64) -> Result<Option<Arc<Chain>>> {
        match self {
            Self::Synthetic(synthetic) => Ok(Some(Arc::new(synthetic.chain(coin, at_ms)))),
            Self::Replay(feed) => {
                let chain = feed.chain(coin, at_ms).await.map_err(unreadable)?;
                Ok(chain.map(Arc::new))
            }
        }
    }

    /// One contract's quote, at less cost than the whole chain where the market can.
    pub async fn quote(&self, contract: &Instrument, at_ms: i64) -> Result<Option<Quote>> {
        let chain = match self {
            Self::Synthetic(synthetic) => {
                let (coin, dte) = (contract.coin, contract.dte(at_ms));
                let calls = contract.is_call();
                Some(Arc::new(synthetic.chain_band(coin, at_ms, dte, dte, calls)))
            }
            Self::Replay(_) => self.chain(contract.coin, at_ms).await?,
        };
        Ok(chain.and_then(|chain| chain.quote(contract).copied()))
    }

    /// USD.
    pub async fn index(&self, coin: Coin, at_ms: i64) -> Result<f64> {
        match self {
            Self::Synthetic(synthetic) => Ok(synthetic.index(coin, at_ms)),
            Self::Replay(feed) => {
                let index = feed.index(coin, at_ms).await.map_err(unreadable)?;
                index.ok_or_else(|| none(coin, "index", at_ms))
            }
        }
    }

    pub async fn history(&self, coin: Coin, as_of_ms: i64) -> Result<History> {
        match self {
            Self::Synthetic(synthetic) => Ok(synthetic.history(coin, as_of_ms)),
            Self::Replay(feed) => feed.history(coin, as_of_ms).await.map_err(unreadable),
        }
    }

    /// Contracts listed at an instant that have not expired, in chain order.
    pub async fn listings(&self, coin: Coin, at_ms: i64) -> Result<Vec<Instrument>> {
        match self {
            Self::Synthetic(synthetic) => Ok(synthetic.listings(coin, at_ms)),
            Self::Replay(_) => {
                let chain = self.chain(coin, at_ms).await?;
                let chain = chain.ok_or_else(|| none(coin, "quotes", at_ms))?;
                let listed = chain.quotes.iter().map(|quote| quote.instrument);
                Ok(listed.filter(|listed| listed.expiry_ms > at_ms).collect())
            }
        }
    }

    /// Instants in `[from_ms, to_ms]` at which the book may have changed, oldest first.
    pub async fn instants(&self, coin: Coin, from_ms: i64, to_ms: i64) -> Result<Vec<i64>> {
        if from_ms > to_ms {
            return Ok(Vec::new());
        }
        match self {
            Self::Synthetic(_) => Ok(grid(from_ms, to_ms)),
            Self::Replay(feed) => {
                let times = feed.times(coin, from_ms, to_ms).await;
                times.map_err(unreadable)
            }
        }
    }

    /// USD and its source; `None` while nobody knows it.
    pub async fn delivery_price(
        &self,
        coin: Coin,
        expiry_ms: i64,
    ) -> Result<Option<(Decimal, Source)>> {
        match self {
            Self::Synthetic(synthetic) => {
                let price = money::decimal(synthetic.delivery_price(coin, expiry_ms));
                Ok(price.map(|price| (price, Source::Synthetic)))
            }
            Self::Replay(feed) => {
                let price = feed.delivery_price(coin, expiry_ms).await;
                let price = price.map_err(unreadable)?.and_then(money::decimal);
                Ok(price.map(|price| (price, Source::DeliveryPrice)))
            }
        }
    }
}

/// Every five minutes of the clock; over long gaps wider, so that no call looks at more than a day's worth.
fn grid(from_ms: i64, to_ms: i64) -> Vec<i64> {
    let step_ms = GRID_MS * ((to_ms - from_ms) / (GRID_MS * GRID_MAX) + 1);
    let first_ms = (from_ms + step_ms - 1).div_euclid(step_ms) * step_ms;
    (first_ms..=to_ms).step_by(step_ms as usize).collect()
}

/// How often resting orders look at the synthetic market.
const GRID_MS: i64 = 300_000;
const GRID_MAX: i64 = 288;

#[expect(
    clippy::needless_pass_by_value,
    reason = "map_err hands the error over"
)]
fn unreadable(error: anyhow::Error) -> ExchangeError {
    ExchangeError::unavailable(format!("market data: {error:#}"))
}

/// The market has nothing to show at an instant.
pub(super) fn none(coin: Coin, what: &str, at_ms: i64) -> ExchangeError {
    ExchangeError::unavailable(format!(
        "market data: no {what} of {coin} at or before {}; import chains that reach back to it",
        iso(at_ms)
    ))
}
