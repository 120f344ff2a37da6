//! Market data: listings, chains, index, history, delivery prices. One call per currency, never one per contract.

use super::{ATTEMPTS_MAX, DeribitClient, Host, convert};
use crate::clock::{Stopwatch, iso};
use crate::domain::chain::{Chain, Source};
use crate::domain::coin::Coin;
use crate::domain::context::History;
use crate::domain::instrument::{self, DAY_MS, EXPIRY_HOUR_MS};
use crate::exchange::Result;
use crate::exchange::error::{ExchangeError, Reply};
use crate::exchange::wire::history::{DeliveryPrice, DeliveryPrices, VolatilityIndex};
use crate::exchange::wire::market::{Book, BookSummary, IndexPrice, Instrument};
use crate::exchange::wire::number;
use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

/// A comparison of the clocks is good for so long.
const CLOCK_AGE: Duration = Duration::from_mins(1);
/// Days of history that features look at, with some to spare.
const HISTORY_DAYS: i64 = 400;
/// Delivery prices a reply may hold.
const DELIVERIES_MAX: i64 = 1_000;
/// Pages of the volatility index; one holds a year of days.
const PAGES_MAX: usize = 8;
/// A live exchange shows its present; asked for an instant further back than this it has no answer.
const PRESENT_MS: i64 = 120_000;
/// The same where time is accelerated, milliseconds of the wall: so late may a job be.
const PRESENT_WALL_MS: f64 = 2_000.0;

impl DeribitClient {
    /// The exchange's clock, milliseconds.
    pub async fn get_time(&self) -> Result<i64> {
        self.read("public/get_time", json!({})).await
    }

    /// The same without the account's token: a key that is refused says nothing about the clock.
    pub async fn public_time(&self) -> Result<i64> {
        let (method, mut attempt) = ("public/get_time", 1);
        loop {
            let outcome = self.once(method, &json!({}), None).await;
            if attempt == ATTEMPTS_MAX || !outcome.may_repeat() {
                return outcome.into_result(false, method);
            }
            tokio::time::sleep(self.pause(attempt)).await;
            attempt += 1;
        }
    }

    /// Any call hears how the time of a simulated exchange runs; Deribit's own hosts are not asked.
    pub(in crate::exchange) async fn hear(&self) -> Result<()> {
        match self.shared.settings.host {
            Host::Url(_) => self.public_time().await.map(drop),
            Host::Test | Host::Main | Host::History => Ok(()),
        }
    }

    /// How far the exchange's clock is ahead of the desk's, milliseconds, at least: it may be more by as
    /// long as the answer travelled. Asked again every minute; a clock that follows is never apart.
    pub async fn clock_ahead_ms(&self) -> Result<i64> {
        if self.shared.clock.silent_ms().is_some() {
            return Ok(0);
        }
        if let Some((ahead_ms, since)) = *self.ahead()
            && since.elapsed() < CLOCK_AGE
        {
            return Ok(ahead_ms);
        }
        let theirs_ms = self.get_time().await?;
        let ahead_ms = theirs_ms - self.shared.clock.now_ms();
        *self.ahead() = Some((ahead_ms, Stopwatch::start()));
        Ok(ahead_ms)
    }

    fn ahead(&self) -> MutexGuard<'_, Option<(i64, Stopwatch)>> {
        self.shared
            .ahead
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Every contract of a currency (`BTC`, `ETH`, `USDC`) that has not expired.
    pub async fn get_instruments(&self, currency: &str) -> Result<Vec<Instrument>> {
        let params = json!({ "currency": currency, "kind": "option", "expired": false });
        let listed: Vec<Instrument> = self.read("public/get_instruments", params).await?;
        for contract in &listed {
            self.remember(contract.clone());
        }
        Ok(listed)
    }

    /// One contract with its tick steps and least size; read once, then remembered.
    pub async fn get_instrument(&self, name: &str) -> Result<Arc<Instrument>> {
        if let Some(known) = self.contracts().get(name) {
            return Ok(known.clone());
        }
        let params = json!({ "instrument_name": name });
        Ok(self.remember(self.read("public/get_instrument", params).await?))
    }

    fn remember(&self, contract: Instrument) -> Arc<Instrument> {
        let contract = Arc::new(contract);
        self.contracts()
            .insert(contract.instrument_name.clone(), contract.clone());
        contract
    }

    fn contracts(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Instrument>>> {
        self.shared
            .contracts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The book of one contract with greeks and price band; `depth` 1 to 10000.
    pub async fn get_order_book(&self, name: &str, depth: u32) -> Result<Book> {
        let params = json!({ "instrument_name": name, "depth": depth });
        self.read("public/get_order_book", params).await
    }

    pub(in crate::exchange) async fn listings(
        &self,
        coin: Coin,
        at_ms: i64,
    ) -> Result<Vec<instrument::Instrument>> {
        let contracts = self.get_instruments(coin.as_str()).await?;
        let names = contracts.iter().filter(|contract| contract.is_active);
        let names = names.filter_map(|contract| contract.instrument_name.parse().ok());
        let mut listed: Vec<instrument::Instrument> = names
            .filter(|listed: &instrument::Instrument| listed.expiry_ms > at_ms)
            .collect();
        listed.sort_unstable();
        Ok(listed)
    }

    /// The chain of the exchange's present. It is said to be of `at_ms` when its snapshot is younger: a
    /// job starts a moment after its slot, and no two clocks agree.
    pub(in crate::exchange) async fn chain(&self, coin: Coin, at_ms: i64) -> Result<Chain> {
        let params = json!({ "currency": coin.as_str(), "kind": "option" });
        let summaries = self.read("public/get_book_summary_by_currency", params);
        let index_price = self.index_price(coin, at_ms);
        let (summaries, index_price) = tokio::join!(summaries, index_price);
        let (summaries, index_price): (Vec<BookSummary>, f64) = (summaries?, index_price?);
        let taken_ms = summaries
            .iter()
            .map(|summary| summary.creation_timestamp)
            .max();
        let taken_ms = taken_ms
            .ok_or_else(|| ExchangeError::unavailable(format!("no option of {coin} is listed")))?;
        let late_ms = (PRESENT_WALL_MS * self.shared.clock.speed()) as i64;
        if taken_ms > at_ms + PRESENT_MS.max(late_ms) {
            let message = format!(
                "a live exchange cannot show quotes of {} at {}; check this machine's clock, or replay \
                 recorded chains",
                iso(at_ms),
                iso(taken_ms)
            );
            return Err(ExchangeError::Fatal(Reply { code: -1, message }));
        }
        let quotes = summaries.iter().filter_map(convert::quote);
        let mut quotes: Vec<_> = quotes
            .filter(|quote| quote.instrument.expiry_ms > at_ms)
            .collect();
        quotes.sort_unstable_by_key(|quote| quote.instrument);
        Ok(Chain {
            coin,
            at_ms: taken_ms.min(at_ms),
            source: Source::Live,
            index_price,
            quotes,
        })
    }

    pub(in crate::exchange) async fn index_price(&self, coin: Coin, _at_ms: i64) -> Result<f64> {
        let params = json!({ "index_name": coin.index_name() });
        let index: IndexPrice = self.read("public/get_index_price", params).await?;
        number::quoted(Some(index.index_price))
            .ok_or_else(|| ExchangeError::unavailable(format!("the index of {coin} is not quoted")))
    }

    pub(in crate::exchange) async fn history(&self, coin: Coin, at_ms: i64) -> Result<History> {
        let closes = self.delivery_prices(coin, 0, HISTORY_DAYS);
        let dvol = self.volatility_index(coin, at_ms);
        let (closes, dvol) = tokio::join!(closes, dvol);
        let known = closes?;
        let mut closes: Vec<(i64, f64)> = known
            .iter()
            .filter_map(|close| Some((day_end_ms(&close.date)?, close.delivery_price)))
            .filter(|(close_ms, _)| *close_ms <= at_ms)
            .map(|(close_ms, price)| (close_ms, crate::domain::money::float(price)))
            .collect();
        closes.sort_unstable_by_key(|(close_ms, _)| *close_ms);
        closes.dedup_by_key(|(close_ms, _)| *close_ms);
        Ok(History {
            closes,
            closes_source: Source::DeliveryPrice,
            dvol: dvol?,
            dvol_source: Source::VolatilityIndex,
        })
    }

    /// Daily values, oldest first, as fractions: each day's close at its end, the running day's now.
    async fn volatility_index(&self, coin: Coin, at_ms: i64) -> Result<Vec<(i64, f64)>> {
        let from_ms = at_ms - HISTORY_DAYS * DAY_MS;
        let (mut end_ms, mut values) = (at_ms, Vec::new());
        for _ in 0..PAGES_MAX {
            let params = json!({ "currency": coin.as_str(), "start_timestamp": from_ms,
                "end_timestamp": end_ms, "resolution": "1D" });
            let page: VolatilityIndex = self
                .read("public/get_volatility_index_data", params)
                .await?;
            let days = page.data.iter().filter(|day| day.0 <= at_ms);
            values.extend(days.map(|day| ((day.0 + DAY_MS).min(at_ms), as_fraction(day.4))));
            match page
                .continuation
                .filter(|next_ms| *next_ms >= from_ms && *next_ms < end_ms)
            {
                Some(next_ms) if !page.data.is_empty() => end_ms = next_ms,
                _ => break,
            }
        }
        values.sort_by_key(|(day_ms, _)| *day_ms);
        values.dedup_by_key(|(day_ms, _)| *day_ms);
        Ok(values)
    }

    pub(in crate::exchange) async fn delivery_price(
        &self,
        coin: Coin,
        expiry_ms: i64,
        at_ms: i64,
    ) -> Result<Option<(Decimal, Source)>> {
        if at_ms < expiry_ms {
            return Ok(None);
        }
        // One record a day, newest first: a little around the place where the day must be.
        let days = (at_ms - expiry_ms) / DAY_MS;
        let records = self.delivery_prices(coin, (days - 2).max(0), 10).await?;
        let found = records
            .iter()
            .find(|record| day_end_ms(&record.date) == Some(expiry_ms));
        Ok(found.map(|record| (record.delivery_price, Source::DeliveryPrice)))
    }

    async fn delivery_prices(
        &self,
        coin: Coin,
        offset: i64,
        count: i64,
    ) -> Result<Vec<DeliveryPrice>> {
        let params = json!({ "index_name": coin.index_name(), "offset": offset,
            "count": count.min(DELIVERIES_MAX) });
        let prices: DeliveryPrices = self.read("public/get_delivery_prices", params).await?;
        Ok(prices.data)
    }
}

/// 08:00 UTC of a day `2026-01-30`.
pub(super) fn day_end_ms(date: &str) -> Option<i64> {
    let day: NaiveDate = date.parse().ok()?;
    let midnight = day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis();
    Some(midnight + EXPIRY_HOUR_MS)
}

/// The wire has shown percent points (129.36) and fractions (0.21); no index was ever below 5 % or above 500 %.
pub(super) fn as_fraction(value: f64) -> f64 {
    if value > 5.0 { value / 100.0 } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_volatility_index_is_a_fraction_in_either_unit() {
        assert_eq!(as_fraction(129.36), 1.2936);
        assert_eq!(as_fraction(0.212_860_821), 0.212_860_821);
        assert_eq!(as_fraction(41.5), 0.415);
    }

    #[test]
    fn a_date_is_its_eight_o_clock() {
        assert_eq!(day_end_ms("2026-01-30"), Some(1_769_760_000_000));
        assert_eq!(day_end_ms("30JAN26"), None);
    }
}
