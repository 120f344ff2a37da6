//! A market in memory: what a run reads, built once and shared by any number of runs.
//!
//! A snapshot keeps the inverse calls alone, in chain order, so that a band of days to expiry is one
//! range of them: the desk writes no puts, and a linear premium is USDC, which coin accounting must not
//! add up. Features are computed from the whole chain before the puts are dropped; they depend on no
//! setting, so runs share them too.

use super::RunError;
use crate::domain::chain::{Chain, Source};
use crate::domain::coin::Coin;
use crate::domain::context::{Features, History};
use crate::domain::hex::hex;
use crate::domain::instrument::Style;
use crate::market::features::features;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Snapshots of one underlying in the order of time, with the prices its contracts settle at.
#[derive(Clone, Debug)]
pub struct Data {
    pub coin: Coin,
    pub stamp: Stamp,
    snapshots: Vec<Snapshot>,
    deliveries: Series,
}

/// One instant: calls, and what else was known then.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub chain: Arc<Chain>,
    pub features: Features,
}

/// What a run says of its data: which they are, and where every kind of price came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stamp {
    /// Name of the chain store: `recorded`, `deribit`, `synthetic:SEED`.
    pub source: String,
    /// SHA-256 over the snapshots' own digests and the daily series: equal data, equal fingerprint.
    pub fingerprint: String,
    pub snapshots: u64,
    /// Puts included.
    pub quotes: u64,
    /// Share of the quotes by source; the shares add up to 1.
    pub shares: BTreeMap<String, f64>,
    /// Sources of the other prices: index (by snapshots), closes, volatility index, delivery prices; stored ones with
    /// whose they are and how many of each.
    pub prices: BTreeMap<String, String>,
}

/// (at_ms, value) a day, oldest first, from one source.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub points: Vec<(i64, f64)>,
    pub source: Source,
}

/// Daily series of one underlying, each point at the instant from which it is known.
#[derive(Clone, Debug)]
pub struct Daily {
    /// USD; what returns and averages are computed from.
    pub closes: Series,
    /// Fractions.
    pub dvol: Series,
    /// USD, by expiry.
    pub deliveries: Series,
}

/// Takes snapshots in the order of time.
#[derive(Debug)]
pub struct Builder {
    coin: Coin,
    daily: Daily,
    snapshots: Vec<Snapshot>,
    by_source: BTreeMap<Source, u64>,
    index_sources: BTreeMap<String, u64>,
    /// Whose the daily series are, in words.
    stores: BTreeMap<&'static str, String>,
    hash: Sha256,
}

impl Builder {
    pub fn new(coin: Coin, daily: Daily) -> Self {
        let mut hash = Sha256::new();
        hash.update(coin.as_str());
        for series in [&daily.closes, &daily.dvol, &daily.deliveries] {
            hash.update(series.source.as_str());
            for (at_ms, value) in &series.points {
                hash.update(at_ms.to_le_bytes());
                hash.update(value.to_bits().to_le_bytes());
            }
        }
        Self {
            coin,
            daily,
            snapshots: Vec::new(),
            by_source: BTreeMap::new(),
            index_sources: BTreeMap::new(),
            stores: BTreeMap::new(),
            hash,
        }
    }

    /// Tells whose the delivery prices and the volatility index are: (source, how many).
    #[must_use]
    pub fn told(mut self, deliveries: &[(String, i64)], dvol: &[(String, i64)]) -> Self {
        let words = |(source, count): &(String, i64)| format!("{source} ({count})");
        let all = |of: &[(String, i64)]| of.iter().map(words).collect::<Vec<_>>().join(", ");
        for (name, of) in [
            ("closes", deliveries),
            ("delivery", deliveries),
            ("volatility_index", dvol),
        ] {
            if !of.is_empty() {
                self.stores.insert(name, all(of));
            }
        }
        self
    }

    /// Adds a snapshot; `digest` stands for its quotes and `index_source` for its index.
    ///
    /// Panics when it is not later than the one before or of another coin: the caller reads in order.
    pub fn push(&mut self, chain: Chain, digest: &str, index_source: &str) {
        let features = self.features(&chain);
        self.push_with(chain, features, digest, index_source);
    }

    /// What the daily series give at a chain's instant; the chain has its puts.
    pub fn features(&self, chain: &Chain) -> Features {
        features(&self.history(chain.at_ms), chain, chain.at_ms)
    }

    /// As [`Self::push`], with features that were kept instead of made.
    pub fn push_with(
        &mut self,
        mut chain: Chain,
        features: Features,
        digest: &str,
        index_source: &str,
    ) {
        assert_eq!(chain.coin, self.coin, "a snapshot of another underlying");
        let last = self.snapshots.last().map(|last| last.chain.at_ms);
        assert!(
            last < Some(chain.at_ms),
            "snapshots come in the order of time"
        );
        self.hash.update(chain.at_ms.to_le_bytes());
        self.hash.update(chain.index_price.to_bits().to_le_bytes());
        self.hash.update(digest);
        *self.by_source.entry(chain.source).or_default() += chain.quotes.len() as u64;
        let count = self.index_sources.entry(index_source.to_owned());
        *count.or_default() += 1;
        chain
            .quotes
            .retain(|quote| quote.instrument.is_call() && quote.instrument.style == Style::Inverse);
        chain.quotes.shrink_to_fit();
        self.snapshots.push(Snapshot {
            chain: Arc::new(chain),
            features,
        });
    }

    /// The data under the name of their store.
    pub fn finish(self, source: &str) -> Data {
        let quotes: u64 = self.by_source.values().sum();
        let share = |count: &u64| *count as f64 / quotes.max(1) as f64;
        let shares = self
            .by_source
            .iter()
            .map(|(source, count)| (source.as_str().to_owned(), share(count)));
        let index: Vec<String> = self
            .index_sources
            .iter()
            .map(|(source, count)| format!("{source} ({count})"))
            .collect();
        let of = |series: &Series| series.source.as_str().to_owned();
        let prices = [
            ("index", index.join(", ")),
            ("closes", of(&self.daily.closes)),
            ("volatility_index", of(&self.daily.dvol)),
            ("delivery", of(&self.daily.deliveries)),
        ];
        let told = |(name, source): (&str, String)| {
            let store = self.stores.get(name);
            let source = store.map_or(source.clone(), |of| format!("{source} of {of}"));
            (name.to_owned(), source)
        };
        Data {
            coin: self.coin,
            stamp: Stamp {
                source: source.to_owned(),
                fingerprint: hex(&self.hash.finalize()),
                snapshots: self.snapshots.len() as u64,
                quotes,
                shares: shares.collect(),
                prices: prices.map(told).into(),
            },
            snapshots: self.snapshots,
            deliveries: self.daily.deliveries,
        }
    }

    fn history(&self, as_of_ms: i64) -> History {
        let (closes, dvol) = (&self.daily.closes, &self.daily.dvol);
        History::cut(
            (&closes.points, closes.source),
            (&dvol.points, dvol.source),
            as_of_ms,
        )
    }
}

impl Data {
    pub fn snapshots(&self) -> &[Snapshot] {
        &self.snapshots
    }

    /// The snapshots of `[from_ms, to_ms]`.
    pub fn between(&self, from_ms: i64, to_ms: i64) -> &[Snapshot] {
        let place = |ms: i64, after: bool| {
            self.snapshots
                .partition_point(|one| one.chain.at_ms < ms || (after && one.chain.at_ms == ms))
        };
        let (start, end) = (place(from_ms, false), place(to_ms, true));
        &self.snapshots[start..end.max(start)]
    }

    /// What contracts of an expiry settle at, USD. A run never makes one up.
    pub fn delivery(&self, expiry_ms: i64) -> Result<f64, RunError> {
        let points = &self.deliveries.points;
        let found = points.binary_search_by_key(&expiry_ms, |(at_ms, _)| *at_ms);
        let missing = |_| RunError::NoDelivery(self.coin, expiry_ms);
        found.map(|at| points[at].1).map_err(missing)
    }
}
