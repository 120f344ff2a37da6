//! Paper trading: quotes, index, history and delivery prices of a real exchange, public calls alone, under
//! the account, the matching and the margin of the built-in one. No private call can be made: the client
//! has no credentials.

use super::Result;
use super::deribit::{DeribitClient, Host, Settings};
use super::sim::feed::{Answer, Feed};
use crate::clock::Clock;
use crate::domain::chain::Chain;
use crate::domain::coin::Coin;
use crate::domain::context::History;
use crate::domain::money;

/// The market a paper desk trades on.
#[derive(Debug)]
pub struct PublicFeed {
    client: DeribitClient,
    clock: Clock,
}

impl PublicFeed {
    /// Reads a host's public data; connects to nothing yet.
    pub fn new(host: Host, clock: &Clock) -> Result<Self> {
        Ok(Self {
            client: DeribitClient::new(Settings::new(host, None), clock)?,
            clock: clock.clone(),
        })
    }
}

impl Feed for PublicFeed {
    fn chain(&self, coin: Coin, at_ms: i64) -> Answer<'_, Option<Chain>> {
        Box::pin(async move { Ok(Some(self.client.chain(coin, at_ms).await?)) })
    }

    fn hear(&self) -> Answer<'_, ()> {
        Box::pin(async move { Ok(self.client.hear().await?) })
    }

    /// Only the present is quoted: nothing is known of the time between two looks.
    fn times(&self, _: Coin, _: i64, _: i64) -> Answer<'_, Vec<i64>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn history(&self, coin: Coin, as_of_ms: i64) -> Answer<'_, History> {
        Box::pin(async move { Ok(self.client.history(coin, as_of_ms).await?) })
    }

    fn delivery_price(&self, coin: Coin, expiry_ms: i64) -> Answer<'_, Option<f64>> {
        let now_ms = self.clock.now_ms();
        Box::pin(async move {
            let price = self.client.delivery_price(coin, expiry_ms, now_ms).await?;
            Ok(price.map(|(price, _)| money::float(price)))
        })
    }

    fn index(&self, coin: Coin, at_ms: i64) -> Answer<'_, Option<f64>> {
        Box::pin(async move { Ok(Some(self.client.index_price(coin, at_ms).await?)) })
    }
}
