//! The volatility index as candles, and realised volatility.

use super::volatile;
use crate::domain::coin::Coin;
use crate::domain::instrument::DAY_MS;
use crate::domain::math::ln;
use crate::exchange::sim::http::call::Call;
use crate::exchange::sim::http::params::needed;
use crate::exchange::sim::http::reply::{Answer, RpcError};
use crate::exchange::sim::http::shape::rounded;
use crate::exchange::sim::market::Market;
use serde_json::{Value, json};

/// Most candles of one answer; the rest is asked for with `continuation` as the end.
const CANDLES_MAX: i64 = 1_000;
const HOUR_MS: i64 = 3_600_000;
/// Realised volatility is over so many daily returns and shown for the 16 days behind.
const RETURNS: usize = 15;
const SHOWN_HOURS: i64 = 16 * 24;

/// `public/get_volatility_index_data`: the newest candles of the range, oldest first, in percent.
pub(in super::super) async fn get_volatility_index_data(call: &Call<'_>) -> Answer {
    let coin = volatile(call.params)?;
    let from_ms = needed("start_timestamp", call.params.whole("start_timestamp")?)?;
    let to_ms = needed("end_timestamp", call.params.whole("end_timestamp")?)?;
    let step_ms = resolution_ms(call)?;
    let last_ms = to_ms.min(call.at_ms).div_euclid(step_ms) * step_ms;
    let first_ms = (from_ms + step_ms - 1).div_euclid(step_ms) * step_ms;
    let cut_ms = first_ms.max(last_ms - (CANDLES_MAX - 1) * step_ms);
    let candles = match call.house.sim.market() {
        Market::Synthetic(market) => {
            let at = |at_ms: i64| market.volatility_index(coin, at_ms.min(call.at_ms));
            let opens = (cut_ms..=last_ms).step_by(step_ms as usize);
            let candle = |open_ms: i64| candle(open_ms, step_ms, call.at_ms, at);
            opens.map(candle).collect::<Vec<Value>>()
        }
        Market::Replay(_) => recorded(call, coin, step_ms, (cut_ms, last_ms)).await?,
    };
    let more = cut_ms > first_ms;
    let continuation = more.then(|| cut_ms - step_ms);
    Ok(json!({"data": candles, "continuation": continuation}))
}

fn resolution_ms(call: &Call<'_>) -> Result<i64, RpcError> {
    let word = needed("resolution", call.params.word("resolution"))?;
    let known = [
        ("1", 1),
        ("60", 60),
        ("3600", 3_600),
        ("43200", 43_200),
        ("1D", 86_400),
    ];
    let found = known.into_iter().find(|(name, _)| *name == word);
    let found = found.map(|(_, seconds)| seconds * 1_000);
    found.ok_or_else(|| RpcError::param("resolution", "must be one of 1, 60, 3600, 43200, 1D"))
}

/// Opening, highest, lowest and last of five looks at a candle's time, none of them ahead of now.
fn candle(open_ms: i64, step_ms: i64, now_ms: i64, at: impl Fn(i64) -> f64) -> Value {
    let looks = (0..=4).map(|quarter| open_ms + quarter * step_ms / 4);
    let seen: Vec<f64> = looks
        .filter(|at_ms| *at_ms <= now_ms)
        .map(|at_ms| rounded(at(at_ms) * 100.0, 2))
        .collect();
    let (open, close) = (seen[0], seen[seen.len() - 1]);
    let high = seen.iter().copied().fold(open, f64::max);
    let low = seen.iter().copied().fold(open, f64::min);
    json!([open_ms, open, high, low, close])
}

/// Recorded history has closes of days alone: a candle from one close to the next, no finer ones.
async fn recorded(
    call: &Call<'_>,
    coin: Coin,
    step_ms: i64,
    (from_ms, to_ms): (i64, i64),
) -> Result<Vec<Value>, RpcError> {
    if step_ms != DAY_MS {
        return Ok(Vec::new());
    }
    let history = call.house.sim.market().history(coin, call.at_ms).await?;
    let days = history.dvol.windows(2).map(|pair| {
        let (open, close) = (pair[0].1 * 100.0, pair[1].1 * 100.0);
        let (open, close) = (rounded(open, 2), rounded(close, 2));
        let open_ms = pair[1].0 - DAY_MS;
        (
            open_ms,
            json!([open_ms, open, open.max(close), open.min(close), close]),
        )
    });
    let days = days.filter(|(open_ms, _)| (from_ms..=to_ms).contains(open_ms));
    Ok(days.map(|(_, candle)| candle).collect())
}

/// `public/get_historical_volatility`: annualised from daily returns, percent, one value an hour.
pub(in super::super) async fn get_historical_volatility(call: &Call<'_>) -> Answer {
    let coin = volatile(call.params)?;
    let history = call.house.sim.market().history(coin, call.at_ms).await?;
    let now_ms = call.at_ms.div_euclid(HOUR_MS) * HOUR_MS;
    let hours = (0..SHOWN_HOURS).rev().map(|hours| now_ms - hours * HOUR_MS);
    let rows = hours.filter_map(|hour_ms| {
        let known = history
            .closes
            .partition_point(|(at_ms, _)| *at_ms <= hour_ms);
        let tail = &history.closes[known.checked_sub(RETURNS + 1)?..known];
        Some(json!([hour_ms, realised_percent(tail)]))
    });
    Ok(rows.collect())
}

fn realised_percent(closes: &[(i64, f64)]) -> f64 {
    let returns: Vec<f64> = closes
        .windows(2)
        .map(|pair| ln(pair[1].1 / pair[0].1))
        .collect();
    let mean = returns.iter().sum::<f64>() / returns.len() as f64;
    let squares = returns.iter().map(|one| (one - mean) * (one - mean));
    let variance = squares.sum::<f64>() / (returns.len() - 1) as f64;
    rounded((variance * 365.0).sqrt() * 100.0, 4)
}
