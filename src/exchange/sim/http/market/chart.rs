//! Candles of a contract's mark, or of the index under the name of the perpetual future.

use crate::domain::coin::Coin;
use crate::domain::instrument::Instrument;
use crate::domain::money;
use crate::exchange::sim::http::call::Call;
use crate::exchange::sim::http::params::{needed, unknown_instrument};
use crate::exchange::sim::http::reply::{Answer, RpcError};
use crate::exchange::sim::http::shape::rounded;
use crate::exchange::sim::quotes::mark;
use serde_json::json;

/// Most candles of one answer.
const CANDLES_MAX: i64 = 1_000;
/// Looks at the market within a candle.
const LOOKS: i64 = 4;

/// What a chart is drawn of.
#[derive(Clone, Copy)]
enum Charted {
    /// `BTC-PERPETUAL`: not traded here, its mark taken to be the index.
    Index(Coin),
    Option(Instrument),
}

/// `public/get_tradingview_chart_data`: the newest candles of the range.
pub(in super::super) async fn get_tradingview_chart_data(call: &Call<'_>) -> Answer {
    let charted = charted(call)?;
    let from_ms = needed("start_timestamp", call.params.whole("start_timestamp")?)?;
    let to_ms = needed("end_timestamp", call.params.whole("end_timestamp")?)?;
    let step_ms = resolution_ms(call)?;
    let last_ms = to_ms.min(call.at_ms).div_euclid(step_ms) * step_ms;
    let first_ms = from_ms.div_euclid(step_ms) * step_ms;
    let first_ms = first_ms.max(last_ms - (CANDLES_MAX - 1) * step_ms);
    let mut chart = Chart::default();
    for open_ms in (first_ms..=last_ms).step_by(step_ms as usize) {
        chart.add(open_ms, &looks(call, charted, open_ms, step_ms).await?);
    }
    Ok(chart.json())
}

fn charted(call: &Call<'_>) -> Result<Charted, RpcError> {
    let name = needed("instrument_name", call.params.text("instrument_name")?)?;
    let perpetual = |coin: &Coin| name == format!("{coin}-PERPETUAL");
    if let Some(coin) = Coin::ALL.into_iter().find(perpetual) {
        return Ok(Charted::Index(coin));
    }
    let contract = name.parse().map_err(|_| unknown_instrument())?;
    Ok(Charted::Option(contract))
}

fn resolution_ms(call: &Call<'_>) -> Result<i64, RpcError> {
    let word = needed("resolution", call.params.word("resolution"))?;
    let minutes = match word.as_str() {
        "1" | "3" | "5" | "10" | "15" | "30" | "60" | "120" | "180" | "360" | "720" => word.parse(),
        "1D" => Ok(1_440),
        _ => return Err(RpcError::param("resolution", "not a resolution of charts")),
    };
    Ok(minutes.unwrap_or(1_440) * 60_000)
}

/// Prices seen within a candle, the last one at its end or now.
async fn looks(
    call: &Call<'_>,
    charted: Charted,
    open_ms: i64,
    step_ms: i64,
) -> Result<Vec<f64>, RpcError> {
    let mut seen = Vec::new();
    for look in 0..=LOOKS {
        let at_ms = open_ms + look * step_ms / LOOKS;
        if at_ms <= call.at_ms {
            seen.extend(price(call, charted, at_ms).await?);
        }
    }
    Ok(seen)
}

/// `None` where the market had no price.
async fn price(call: &Call<'_>, charted: Charted, at_ms: i64) -> Result<Option<f64>, RpcError> {
    let market = call.house.sim.market();
    Ok(match charted {
        Charted::Index(coin) => market.index(coin, at_ms).await.ok(),
        Charted::Option(contract) if at_ms >= contract.expiry_ms => None,
        Charted::Option(contract) => {
            let quote = market.quote(&contract, at_ms).await?;
            let mark = quote.and_then(|quote| mark(&quote, at_ms));
            mark.map(|mark| rounded(money::float(mark), 8))
        }
    })
}

/// Columns of candles.
#[derive(Default)]
struct Chart {
    ticks: Vec<i64>,
    open: Vec<f64>,
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
}

impl Chart {
    fn add(&mut self, open_ms: i64, seen: &[f64]) {
        let (Some(open), Some(close)) = (seen.first(), seen.last()) else {
            return;
        };
        self.ticks.push(open_ms);
        self.open.push(*open);
        self.high.push(seen.iter().copied().fold(*open, f64::max));
        self.low.push(seen.iter().copied().fold(*open, f64::min));
        self.close.push(*close);
    }

    fn json(self) -> serde_json::Value {
        let nothing = vec![0.0; self.ticks.len()];
        json!({
            "status": if self.ticks.is_empty() { "no_data" } else { "ok" },
            "ticks": self.ticks,
            "open": self.open,
            "high": self.high,
            "low": self.low,
            "close": self.close,
            "volume": nothing,
            "cost": nothing,
        })
    }
}
