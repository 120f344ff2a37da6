//! The synthetic market as data of a run: chains, daily prices and deliveries of one seed.

use super::data::{Builder, Daily, Data, Series};
use crate::domain::chain::Source;
use crate::domain::coin::Coin;
use crate::market::synthetic::Synthetic;

/// Snapshots of one coin every `interval_ms` in `[from_ms, to_ms]`, beginning at `from_ms`.
pub fn synthetic(seed: &str, coin: Coin, from_ms: i64, to_ms: i64, interval_ms: i64) -> Data {
    synthetic_while(seed, coin, (from_ms, to_ms), interval_ms, || true)
        .expect("nobody asked it to stop")
}

/// The same as long as `wanted` says so before each snapshot; `None` once it does not.
pub fn synthetic_while(
    seed: &str,
    coin: Coin,
    (from_ms, to_ms): (i64, i64),
    interval_ms: i64,
    wanted: impl Fn() -> bool,
) -> Option<Data> {
    let market = Synthetic::new(seed);
    let mut builder = Builder::new(coin, synthetic_daily(&market, coin, to_ms));
    let mut at_ms = from_ms;
    while at_ms <= to_ms {
        if !wanted() {
            return None;
        }
        // A chain is a function of the seed, which the store's name has, and of the instant.
        builder.push(market.chain(coin, at_ms), seed, Source::Synthetic.as_str());
        at_ms += interval_ms.max(1);
    }
    Some(builder.finish(&format!("synthetic:{seed}")))
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
