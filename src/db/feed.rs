//! Imported chains as the market of a replay: the exchange's `Feed` over the database.

use super::{Db, chains, history};
use crate::domain::chain::Chain;
use crate::domain::coin::Coin;
use crate::domain::context::History;
use crate::exchange::sim::feed::{Answer, Feed};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Decoded chains kept per coin: a tick, its trade and its settlement ask for the same one.
const KEPT: usize = 4;

/// One source of recorded chains with a small cache; clones share it.
#[derive(Clone, Debug)]
pub struct DbFeed {
    db: Db,
    source: String,
    cache: Arc<Mutex<Cache>>,
}

#[derive(Debug, Default)]
struct Cache {
    /// Newest last.
    chains: BTreeMap<Coin, Vec<Chain>>,
    series: BTreeMap<Coin, Arc<Series>>,
}

/// Whole daily series, reloaded when their counts change.
#[derive(Debug)]
struct Series {
    counts: (i64, i64),
    closes: Vec<(i64, f64)>,
    dvol: Vec<(i64, f64)>,
}

impl DbFeed {
    /// Replays `source`, usually [`chains::RECORDED`].
    pub fn new(db: Db, source: &str) -> Self {
        Self {
            db,
            source: source.to_owned(),
            cache: Arc::default(),
        }
    }

    async fn load_chain(&self, coin: Coin, at_ms: i64) -> sqlx::Result<Option<Chain>> {
        let Some(held_ms) = chains::newest_time(&self.db, &self.source, coin, at_ms).await? else {
            return Ok(None);
        };
        if let Some(chain) = self.cached(coin, held_ms) {
            return Ok(Some(chain));
        }
        let chain = chains::load(&self.db, &self.source, coin, held_ms).await?;
        if let Some(chain) = &chain {
            self.keep(chain.clone());
        }
        Ok(chain)
    }

    fn cached(&self, coin: Coin, at_ms: i64) -> Option<Chain> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = cache.chains.get(&coin)?;
        kept.iter().find(|chain| chain.at_ms == at_ms).cloned()
    }

    fn keep(&self, chain: Chain) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = cache.chains.entry(chain.coin).or_default();
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push(chain);
    }

    async fn series(&self, coin: Coin) -> sqlx::Result<Arc<Series>> {
        let counts = history::counts(&self.db, coin).await?;
        let known = {
            let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            cache.series.get(&coin).cloned()
        };
        if let Some(series) = known.filter(|series| series.counts == counts) {
            return Ok(series);
        }
        let series = Arc::new(Series {
            counts,
            closes: history::closes(&self.db, coin, i64::MAX).await?,
            dvol: history::volatility_index(&self.db, coin, i64::MAX).await?,
        });
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.series.insert(coin, series.clone());
        Ok(series)
    }
}

impl Feed for DbFeed {
    fn chain(&self, coin: Coin, at_ms: i64) -> Answer<'_, Option<Chain>> {
        Box::pin(async move { Ok(self.load_chain(coin, at_ms).await?) })
    }

    fn times(&self, coin: Coin, from_ms: i64, to_ms: i64) -> Answer<'_, Vec<i64>> {
        Box::pin(
            async move { Ok(chains::times(&self.db, &self.source, coin, from_ms, to_ms).await?) },
        )
    }

    fn history(&self, coin: Coin, as_of_ms: i64) -> Answer<'_, History> {
        Box::pin(async move {
            let series = self.series(coin).await?;
            Ok(history::cut(&series.closes, &series.dvol, as_of_ms))
        })
    }

    fn delivery_price(&self, coin: Coin, expiry_ms: i64) -> Answer<'_, Option<f64>> {
        Box::pin(async move { Ok(history::delivery_price(&self.db, coin, expiry_ms).await?) })
    }
}
