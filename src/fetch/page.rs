//! One call to the exchange and the rows in its answer.

use super::{FetchError, What};
use crate::db::chains::Stored;
use crate::db::series::{self, Origin, Point, Series};
use crate::db::{self, Db, Tx, fetched, prints};
use crate::domain::coin::Coin;
use crate::domain::instrument::DAY_MS;
use crate::domain::tape::Print;
use crate::exchange::deribit::{Candle, DeribitClient, perpetual};
use crate::exchange::error::ExchangeError;
use std::collections::BTreeMap;

const HOUR_MS: i64 = 3_600_000;
/// Candles asked for at once: a month of hours is below every limit of the exchange.
const CANDLES: i64 = 720;
/// Days of the volatility index asked for at once.
const DAYS: i64 = 900;
/// Calls of one page; the client has tried each three times by then.
const PATIENCE: usize = 5;
/// Pages of delivery prices or of one window of the volatility index; a page holds three years.
const PAGES_MAX: usize = 20;

/// Where to ask: the host that keeps all trades, and the one that has everything else.
#[derive(Clone, Debug)]
pub struct Hosts {
    pub tape: DeribitClient,
    pub rest: DeribitClient,
}

/// An answer: everything the exchange had from the asked start up to `done_ms`, which is later than it.
pub(super) struct Page {
    pub(super) rows: Rows,
    pub(super) rejected: u64,
    /// Exclusive.
    pub(super) done_ms: i64,
}

pub(super) enum Rows {
    Prints(Vec<Print>),
    /// With the method they came from.
    Points(Series, &'static str, Vec<Point>),
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Prints(prints) => prints.len(),
            Self::Points(_, _, points) => points.len(),
        }
    }

    pub(super) async fn store(&self, tx: &mut Tx, source: &str, coin: Coin) -> db::Result<Stored> {
        match self {
            Self::Prints(rows) => prints::insert(tx, source, coin, rows).await,
            Self::Points(series, method, points) => {
                let file = &format!("{source} {method}");
                series::insert(tx, series, Origin { source, file }, points).await
            }
        }
    }
}

/// An instant has one delivery price and one close of the volatility index, so the real market and a simulated one
/// do not share a database.
pub(super) async fn refuse_mixing(
    db: &Db,
    source: &str,
    what: What,
    coin: Coin,
) -> Result<(), FetchError> {
    let foreign = match what {
        What::Deliveries => fetched::foreign_delivery_price(db, source, coin).await?,
        What::Dvol => fetched::foreign_volatility(db, source, coin).await?,
        What::Trades | What::Candles => None,
    };
    let Some(foreign) = foreign else {
        return Ok(());
    };
    let (word, kind) = (what.as_str(), what.kind());
    Err(FetchError::Refused(format!(
        "{kind} of {coin} from `{foreign}` are stored here and those of `{source}` are another market's; \
         leave `{word}` out of --what, or fetch into a database of its own with --database-url"
    )))
}

impl Hosts {
    /// What trades and candles of these hosts are stored under.
    pub fn source(&self) -> String {
        self.rest.source()
    }

    /// The exchange's time.
    pub async fn now_ms(&self) -> Result<i64, FetchError> {
        patiently("the exchange's time", || self.rest.get_time()).await
    }

    /// The next page of `[from_ms, to_ms)`.
    pub(super) async fn page(
        &self,
        what: What,
        coin: Coin,
        (from_ms, to_ms): (i64, i64),
    ) -> Result<Page, FetchError> {
        match what {
            What::Trades => self.trades(coin, from_ms, to_ms).await,
            What::Deliveries => self.deliveries(coin, from_ms, to_ms).await,
            What::Dvol => self.volatility(coin, from_ms, to_ms).await,
            What::Candles => self.candles(coin, from_ms, to_ms).await,
        }
    }

    /// A full page ends in the middle of its last millisecond, from which the next one begins: its trades
    /// come twice and are stored once.
    async fn trades(&self, coin: Coin, from_ms: i64, to_ms: i64) -> Result<Page, FetchError> {
        let ask = || self.tape.past_trades(coin, from_ms, to_ms - 1);
        let page = patiently("trades", ask).await?;
        let done_ms = match page.last_ms {
            Some(last_ms) if page.has_more => last_ms,
            Some(_) => to_ms,
            None => {
                self.believe_silence(coin, from_ms, to_ms).await?;
                to_ms
            }
        };
        if done_ms <= from_ms {
            return Err(FetchError::Refused(format!(
                "more trades of {coin} at {from_ms} ms than one answer holds; fetch from the history host \
                 (--url history), whose answers are ten times as long"
            )));
        }
        Ok(Page {
            rows: Rows::Prints(page.prints),
            rejected: page.rejected,
            done_ms,
        })
    }

    /// Hosts other than the history host answer for the last day alone, and with silence for what is older.
    async fn believe_silence(
        &self,
        coin: Coin,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<(), FetchError> {
        let is_short = to_ms - from_ms < DAY_MS;
        if is_short && (self.tape.keeps_all_trades() || self.now_ms().await? - from_ms < DAY_MS) {
            return Ok(());
        }
        Err(FetchError::Refused(format!(
            "{} shows no option trade of {coin} from {from_ms} to {to_ms} ms: either it keeps only the last day \
             (fetch with --url history, or start `thetaq exchange` with --history) or nothing was traded yet \
             (choose a later --from)",
            self.tape.source()
        )))
    }

    /// All at once, newest first, because the exchange counts from its newest: ten years are four calls.
    async fn deliveries(&self, coin: Coin, from_ms: i64, to_ms: i64) -> Result<Page, FetchError> {
        let mut found = BTreeMap::new();
        let mut offset = 0;
        for _ in 0..PAGES_MAX {
            let ask = || self.rest.past_deliveries(coin, offset);
            let page = patiently("delivery prices", ask).await?;
            let oldest_ms = page.iter().map(|(at_ms, _)| *at_ms).min();
            offset += page.len() as i64;
            found.extend(page);
            if oldest_ms.is_none_or(|oldest_ms| oldest_ms < from_ms) {
                break;
            }
        }
        let series = Series::DeliveryPrices {
            index_name: coin.index_name().to_owned(),
        };
        let method = "public/get_delivery_prices";
        Ok(one_value_each(
            series,
            method,
            found.range(from_ms..to_ms),
            to_ms,
        ))
    }

    async fn volatility(&self, coin: Coin, from_ms: i64, to_ms: i64) -> Result<Page, FetchError> {
        let to_ms = to_ms.min(from_ms + DAYS * DAY_MS);
        let mut found = BTreeMap::new();
        let mut end_ms = to_ms;
        for _ in 0..PAGES_MAX {
            let ask = || self.rest.past_volatility(coin, from_ms, end_ms);
            let (days, more) = patiently("the volatility index", ask).await?;
            found.extend(days);
            let Some(next_ms) = more else {
                break;
            };
            // The next page's end is a day it holds.
            end_ms = next_ms + 1;
        }
        let series = Series::VolatilityIndex { underlying: coin };
        let method = "public/get_volatility_index_data";
        Ok(one_value_each(series, method, found.iter(), to_ms))
    }

    async fn candles(&self, coin: Coin, from_ms: i64, to_ms: i64) -> Result<Page, FetchError> {
        let to_ms = to_ms.min(from_ms + CANDLES * HOUR_MS);
        let ask = || self.rest.past_candles(coin, from_ms, to_ms);
        let candles = patiently("candles", ask).await?;
        let series = Series::Candles {
            source: self.rest.source(),
            symbol: perpetual(coin),
            resolution_ms: HOUR_MS,
        };
        let points = candles.iter().filter(|candle| is_whole(candle)).map(point);
        let points: Vec<Point> = points.collect();
        Ok(Page {
            rejected: (candles.len() - points.len()) as u64,
            rows: Rows::Points(series, "public/get_tradingview_chart_data", points),
            done_ms: to_ms,
        })
    }
}

fn one_value_each<'a>(
    series: Series,
    method: &'static str,
    values: impl Iterator<Item = (&'a i64, &'a f64)>,
    done_ms: i64,
) -> Page {
    let points: Vec<Point> = values
        .filter(|(_, value)| value.is_finite() && **value > 0.0)
        .map(|(at_ms, value)| Point::new(*at_ms, [Some(*value)]))
        .collect();
    Page {
        rows: Rows::Points(series, method, points),
        rejected: 0,
        done_ms,
    }
}

fn is_whole(candle: &Candle) -> bool {
    let range = candle.low..=candle.high;
    candle.low > 0.0 && range.contains(&candle.open) && range.contains(&candle.close)
}

fn point(candle: &Candle) -> Point {
    let prices = [candle.open, candle.high, candle.low, candle.close].map(Some);
    let [open, high, low, close] = prices;
    Point::new(candle.at_ms, [open, high, low, close, candle.volume])
}

/// Asks again what may be asked again; the client waits between its own attempts.
async fn patiently<T, Asked: Future<Output = crate::exchange::Result<T>>>(
    what: &'static str,
    ask: impl Fn() -> Asked,
) -> Result<T, FetchError> {
    let mut last: Option<ExchangeError> = None;
    for _ in 0..PATIENCE {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) if error.is_retryable() => last = Some(error),
            Err(error) => return Err(FetchError::Exchange(what, error)),
        }
    }
    let gave_up = || ExchangeError::unavailable("it was never asked".to_owned());
    Err(FetchError::Exchange(what, last.unwrap_or_else(gave_up)))
}
