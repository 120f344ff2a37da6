//! Market features of one underlying at one instant, each with its source.
//!
//! Nothing later than `as_of_ms` is read. Averages and realised volatilities come from whole days, close
//! to close; the current index is the price that returns and distances are measured at, and never a
//! daily close: a part of a day counted as a day would understate the volatility.

mod daily;
mod smile;
mod volatility_index;

use crate::domain::chain::{Chain, Source};
use crate::domain::context::{Feature, Features, History, Regime};
use daily::Closes;

/// Price against MA200 beyond which a market may be a bull or a bear, a fraction.
const REGIME_DISTANCE: f64 = 0.05;
/// 30-day return beyond which a market may be a bull or a bear, a fraction.
const REGIME_RETURN: f64 = 0.10;

/// Every feature that can be known at `as_of_ms`; the others are null with a note that says why.
pub fn features(history: &History, chain: &Chain, as_of_ms: i64) -> Features {
    let closes = Closes::until(history, as_of_ms);
    let index = index_price(chain, as_of_ms);
    let (ma50, ma200) = (closes.average(50), closes.average(200));
    let return_30d = closes.return_over(30, &index);
    let distance_ma200 = distance(&index, &ma200);
    let regime = regime(distance_ma200.value, return_30d.value);
    let smiles = smile::smiles(chain, as_of_ms);
    Features {
        return_1d: closes.return_over(1, &index),
        return_7d: closes.return_over(7, &index),
        return_30d,
        realised_vol_7d: closes.realised_vol(7),
        realised_vol_30d: closes.realised_vol(30),
        distance_ma50: distance(&index, &ma50),
        distance_ma200,
        ma50,
        ma200,
        dvol: volatility_index::latest(history, as_of_ms),
        iv_rank: volatility_index::rank(history, as_of_ms),
        term_slope: smile::term_slope(&smiles, chain.source),
        skew_25d: smile::skew_25d(&smiles, chain.source),
        regime,
    }
}

/// Bull over +5 % above MA200 with a 30-day return over +10 %, bear the mirror image, else sideways.
pub fn regime(distance_ma200: Option<f64>, return_30d: Option<f64>) -> Regime {
    match (distance_ma200, return_30d) {
        (Some(distance), Some(change)) if distance > REGIME_DISTANCE && change > REGIME_RETURN => {
            Regime::Bull
        }
        (Some(distance), Some(change))
            if distance < -REGIME_DISTANCE && change < -REGIME_RETURN =>
        {
            Regime::Bear
        }
        (Some(_), Some(_)) => Regime::Sideways,
        _ => Regime::Unknown,
    }
}

/// Realised volatility of the horizon a contract lives: 7 days for up to 7 days to expiry, 30 days from
/// 30 on, and between the two the variance interpolated linearly in days. Null when a part of it is.
pub fn matching_realised_vol(features: &Features, dte: f64) -> Option<f64> {
    let (short, long) = (
        features.realised_vol_7d.value,
        features.realised_vol_30d.value,
    );
    let weight = ((dte - 7.0) / 23.0).clamp(0.0, 1.0);
    let vol = if weight <= 0.0 {
        short?
    } else if weight >= 1.0 {
        long?
    } else {
        let (short, long) = (short?, long?);
        (short * short + weight * (long * long - short * short)).sqrt()
    };
    // A market that did not move at all has no ratio; it is not an infinitely good sale.
    (vol > 0.0).then_some(vol)
}

fn index_price(chain: &Chain, as_of_ms: i64) -> Feature {
    if chain.at_ms > as_of_ms {
        Feature::missing("the chain is later than the decision")
    } else if chain.source == Source::Missing
        || chain.index_price.is_nan()
        || chain.index_price <= 0.0
    {
        Feature::missing("no index price")
    } else {
        Feature::known(chain.index_price, chain.source)
    }
}

/// index / average - 1, under the average's source.
fn distance(index: &Feature, average: &Feature) -> Feature {
    match (index.value, average.value) {
        (Some(price), Some(mean)) => Feature::known(price / mean - 1.0, average.source),
        (None, _) => index.clone(),
        (_, None) => average.clone(),
    }
}

#[cfg(test)]
mod tests;
