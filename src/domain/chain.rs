//! Quotes of one instant: what the market showed, and where each price came from.

use super::coin::Coin;
use super::instrument::{DAY_MS, Instrument};
use serde::{Deserialize, Serialize};

/// Where a number came from. Sources are never mixed silently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A quote read from the exchange at the time.
    Live,
    /// A recorded chain, imported from files or recorded by this desk.
    Recorded,
    /// The exchange's own delivery price (30-minute average at 08:00 UTC).
    DeliveryPrice,
    /// Daily or hourly candles of another venue.
    Candle,
    /// The exchange's volatility index history.
    VolatilityIndex,
    /// The synthetic market.
    Synthetic,
    /// Computed from a model where no quote exists.
    Model,
    /// Known to nobody: the value is null.
    Missing,
}

impl Source {
    /// The name in rows and on pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Recorded => "recorded",
            Self::DeliveryPrice => "delivery_price",
            Self::Candle => "candle",
            Self::VolatilityIndex => "volatility_index",
            Self::Synthetic => "synthetic",
            Self::Model => "model",
            Self::Missing => "missing",
        }
    }
}

/// One contract's quote. Prices are in the contract's quote currency (coin when inverse, USDC when
/// linear) per 1 coin; volatilities are fractions (0.45); `None` is "no quote", never 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    pub instrument: Instrument,
    /// The forward of this expiry, USD.
    pub underlying_price: f64,
    pub bid: Option<f64>,
    pub ask: Option<f64>,
    pub bid_size: Option<f64>,
    pub ask_size: Option<f64>,
    pub mark: Option<f64>,
    pub mark_iv: Option<f64>,
    /// Black-76 N(d1) on the forward, not premium-adjusted.
    pub delta: Option<f64>,
    /// Coin.
    pub open_interest: Option<f64>,
    /// 24 hours, coin.
    pub volume: Option<f64>,
}

impl Quote {
    /// Midpoint when both sides are quoted.
    pub fn mid(&self) -> Option<f64> {
        Some(f64::midpoint(self.bid?, self.ask?))
    }
}

/// All quotes of one underlying at one instant, sorted by expiry, strike, type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chain {
    pub coin: Coin,
    pub at_ms: i64,
    pub source: Source,
    /// USD.
    pub index_price: f64,
    /// Sorted by `Instrument`'s order; a scan of one DTE band is a range of this list.
    pub quotes: Vec<Quote>,
}

impl Chain {
    /// The quote of one contract, by binary search.
    pub fn quote(&self, instrument: &Instrument) -> Option<&Quote> {
        let at = self
            .quotes
            .binary_search_by(|quote| quote.instrument.cmp(instrument))
            .ok()?;
        Some(&self.quotes[at])
    }

    /// The quotes whose days to expiry lie in `[dte_min, dte_max]`, found by binary search.
    pub fn dte_band(&self, dte_min: f64, dte_max: f64) -> &[Quote] {
        let edge = |days: f64| self.at_ms + (days * DAY_MS as f64).round() as i64;
        let (from_ms, to_ms) = (edge(dte_min), edge(dte_max));
        let start = self
            .quotes
            .partition_point(|quote| quote.instrument.expiry_ms < from_ms);
        let end = self
            .quotes
            .partition_point(|quote| quote.instrument.expiry_ms <= to_ms);
        &self.quotes[start..end.max(start)]
    }
}
