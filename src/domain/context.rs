//! What a policy sees: one underlying at one instant, nothing in it later than `as_of_ms`.

use super::account::{Account, Position, WorkingOrder};
use super::chain::{Chain, Source};
use super::coin::Coin;
use super::instrument::DAY_MS;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Everything a decision may depend on besides settings and the seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Context {
    pub coin: Coin,
    pub as_of_ms: i64,
    /// USD.
    pub index_price: f64,
    pub account: Account,
    /// Positions of this underlying only.
    pub positions: Vec<Position>,
    pub working: Vec<WorkingOrder>,
    pub features: Features,
    /// Highest equity (coin) since 00:00 UTC of `as_of_ms`'s day, for the daily drawdown; `None` when unknown.
    pub day_peak_equity: Option<f64>,
    /// Orders this desk sent in the last minute, for the order rate.
    pub orders_last_minute: u32,
    /// Left out of stored contexts: the snapshot row has it. Shared, because a backtest makes thousands of
    /// contexts over chains that stay where they are.
    #[serde(skip, default = "no_chain")]
    pub chain: Arc<Chain>,
}

/// Stands in for the chain of a context read back from a row until it is attached.
pub fn no_chain() -> Arc<Chain> {
    Arc::new(Chain {
        coin: Coin::Btc,
        at_ms: 0,
        source: Source::Missing,
        index_price: 0.0,
        quotes: Vec::new(),
    })
}

/// A number with its source; null is "not known", and `note` says why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feature {
    pub value: Option<f64>,
    pub source: Source,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
}

impl Feature {
    pub fn known(value: f64, source: Source) -> Self {
        Self {
            value: Some(value),
            source,
            note: None,
        }
    }

    pub fn missing(note: impl Into<String>) -> Self {
        Self {
            value: None,
            source: Source::Missing,
            note: Some(note.into()),
        }
    }
}

/// Market features. Returns, volatilities and distances are fractions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Features {
    pub return_1d: Feature,
    pub return_7d: Feature,
    pub return_30d: Feature,
    /// stdev(log returns) x sqrt(365) over the last 7 daily returns.
    pub realised_vol_7d: Feature,
    pub realised_vol_30d: Feature,
    /// USD; null until 50 and 200 daily closes exist.
    pub ma50: Feature,
    pub ma200: Feature,
    /// price / average - 1.
    pub distance_ma50: Feature,
    pub distance_ma200: Feature,
    pub dvol: Feature,
    /// Place of DVOL between its lowest and highest of the last 365 days, 0..1.
    pub iv_rank: Feature,
    /// At-the-money volatility near 30 days less that near 7 days.
    pub term_slope: Feature,
    /// Volatility of the 25-delta put less that of the 25-delta call, near 30 days.
    pub skew_25d: Feature,
    pub regime: Regime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Regime {
    Bull,
    Bear,
    Sideways,
    /// MA200 or the 30-day return is not known.
    Unknown,
}

impl Regime {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bull => "bull",
            Self::Bear => "bear",
            Self::Sideways => "sideways",
            Self::Unknown => "unknown",
        }
    }
}

/// Daily history of one underlying up to an instant, oldest first: what features are computed from.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// (at_ms, USD) one a day, with where they came from.
    pub closes: Vec<(i64, f64)>,
    pub closes_source: Source,
    /// (at_ms, fraction) one a day.
    pub dvol: Vec<(i64, f64)>,
    pub dvol_source: Source,
}

impl History {
    /// What was known at an instant out of whole series, oldest first, each with its source.
    ///
    /// Only consecutive days make daily returns, so the closes begin after the last missing day.
    pub fn cut(
        (closes, closes_source): (&[(i64, f64)], Source),
        (dvol, dvol_source): (&[(i64, f64)], Source),
        as_of_ms: i64,
    ) -> Self {
        let closes = consecutive(until(closes, as_of_ms));
        let dvol = until(dvol, as_of_ms);
        let source = |known: bool, source| if known { source } else { Source::Missing };
        Self {
            closes_source: source(!closes.is_empty(), closes_source),
            dvol_source: source(!dvol.is_empty(), dvol_source),
            closes: closes.to_vec(),
            dvol: dvol.to_vec(),
        }
    }
}

fn until(series: &[(i64, f64)], as_of_ms: i64) -> &[(i64, f64)] {
    &series[..series.partition_point(|(at_ms, _)| *at_ms <= as_of_ms)]
}

/// The tail in which each day follows the one before.
fn consecutive(series: &[(i64, f64)]) -> &[(i64, f64)] {
    let gap = series
        .windows(2)
        .rposition(|pair| pair[1].0 - pair[0].0 != DAY_MS);
    &series[gap.map_or(0, |before| before + 1)..]
}
