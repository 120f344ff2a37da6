//! The synthetic market as data of a run: chains, daily prices and deliveries of one seed.

use super::data::{Builder, Daily, Data, Series};
use crate::domain::chain::Source;
use crate::domain::coin::Coin;
use crate::market::synthetic::Synthetic;

/// Snapshots of one coin every `interval_ms` in `[from_ms, to_ms]`, beginning at `from_ms`.
pub fn synthetic(seed: &str, coin: Coin, from_ms: i64, to_ms: i64, interval_ms: i64) -> Data {
    let market = Synthetic::new(seed);
    let mut builder = Builder::new(coin, synthetic_daily(&market, coin, to_ms));
    let mut at_ms = from_ms;
    while at_ms <= to_ms {
        // A chain is a function of the seed, which the store's name has, and of the instant.
        builder.push(market.chain(coin, at_ms), seed, Source::Synthetic.as_str());
        at_ms += interval_ms.max(1);
    }
    builder.finish(&format!("synthetic:{seed}"))
}

/// The daily series of a synthetic market up to an instant.
pub fn synthetic_daily(market: &Synthetic, coin: Coin, to_ms: i64) -> Daily {
    let history = market.history(coin, to_ms);
    let series = |points: Vec<(i64, f64)>| Series {
        points,
        source: Source::Synthetic,
    };
    Daily {
        deliveries: series(history.closes.clone()),
        closes: series(history.closes),
        dvol: series(history.dvol),
    }
}
