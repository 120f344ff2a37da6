//! The transaction log, and expiries read out of it.
//!
//! Since August 2026 an option that expires in the money leaves two rows: it turns into the future of its
//! expiry at the strike, and that future is delivered. The literal words of those rows are not published,
//! so a row is an expiry's when its contract had expired by then, whatever it is called; the payoff is the
//! contract's own formula at the published delivery price, the fee is what the rows charged, and the rows'
//! cash has to agree with the formula.

use super::{DeribitClient, convert};
use crate::domain::chain::Source;
use crate::domain::coin::Coin;
use crate::domain::instrument::Instrument;
use crate::exchange::Result;
use crate::exchange::error::{ExchangeError, Reply};
use crate::exchange::facts::{Delivery, LogRow};
use crate::exchange::wire::log::{LogEntry, Settlements, TransactionLog};
use crate::fills;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Rows in one reply.
const ROWS_MAX: usize = 250;
/// Settlements in one reply.
const SETTLEMENTS_MAX: usize = 1_000;
/// Replies read for one question: at one a second, a minute and a half.
const PAGES_MAX: usize = 100;
/// Cash of the rows and of the formula may differ by the rounding of each.
const ROUNDING: Decimal = Decimal::from_parts(1, 0, 0, false, 6);

impl DeribitClient {
    pub(in crate::exchange) async fn transaction_log(
        &self,
        currency: &str,
        since_ms: i64,
        at_ms: i64,
    ) -> Result<Vec<LogRow>> {
        let entries = self.log_entries(currency, since_ms, at_ms).await?;
        Ok(entries.iter().map(convert::log_row).collect())
    }

    /// Expiries whose delivery price is published.
    pub(in crate::exchange) async fn deliveries(
        &self,
        coin: Coin,
        since_ms: i64,
        at_ms: i64,
    ) -> Result<Vec<Delivery>> {
        let mut deliveries = Vec::new();
        for currency in [coin.as_str(), "USDC"] {
            let entries = self.log_entries(currency, since_ms, at_ms).await?;
            let mut expiries = expiries(coin, &entries);
            self.fill_in_sizes(currency, since_ms, &mut expiries)
                .await?;
            for (expiry_ms, expired) in expiries {
                let price = self.delivery_price(coin, expiry_ms, at_ms).await?;
                if let Some((price, source)) = price {
                    deliveries.extend(settle(&expired, price, source));
                }
            }
        }
        deliveries
            .sort_by_key(|delivery| (delivery.settlement.at_ms, delivery.settlement.instrument));
        Ok(deliveries)
    }

    /// Where the words of a row did not say whether the account was long or short, the settlement history does.
    async fn fill_in_sizes(
        &self,
        currency: &str,
        since_ms: i64,
        expiries: &mut BTreeMap<i64, Expired>,
    ) -> Result<()> {
        let options = expiries
            .values_mut()
            .flat_map(|expired| &mut expired.options);
        let mut unclear: Vec<_> = options.filter(|option| option.size.is_zero()).collect();
        if unclear.is_empty() {
            return Ok(());
        }
        let params = json!({ "currency": currency, "type": "delivery", "count": SETTLEMENTS_MAX });
        let method = "private/get_settlement_history_by_currency";
        let history: Settlements = self.read(method, params).await?;
        let settled = history
            .settlements
            .iter()
            .filter(|one| one.timestamp > since_ms);
        let sizes: BTreeMap<&str, Decimal> = settled
            .filter_map(|one| Some((one.instrument_name.as_deref()?, one.position?)))
            .collect();
        for option in &mut unclear {
            let name = option.instrument.name();
            option.size = *sizes.get(name.as_str()).ok_or_else(|| {
                let message =
                    format!("{name} expired, but neither log nor history says at what size");
                ExchangeError::Fatal(Reply { code: -1, message })
            })?;
        }
        Ok(())
    }

    /// Rows after `since_ms`, oldest first.
    async fn log_entries(
        &self,
        currency: &str,
        since_ms: i64,
        at_ms: i64,
    ) -> Result<Vec<LogEntry>> {
        let method = "private/get_transaction_log";
        let mut entries = BTreeMap::new();
        let mut continuation = None;
        for _ in 0..PAGES_MAX {
            let mut params = json!({ "currency": currency, "start_timestamp": since_ms,
                "end_timestamp": at_ms.max(since_ms), "count": ROWS_MAX });
            if let Some(token) = continuation {
                params["continuation"] = Value::from(token);
            }
            let page: TransactionLog = self.read(method, params).await?;
            let empty = page.logs.is_empty();
            let after = page
                .logs
                .into_iter()
                .filter(|entry| entry.timestamp > since_ms);
            entries.extend(after.map(|entry| ((entry.timestamp, entry.id), entry)));
            continuation = page.continuation;
            if continuation.is_none() || empty {
                return Ok(entries.into_values().collect());
            }
        }
        let message = format!(
            "{method}: over {} rows since {since_ms} ms",
            PAGES_MAX * ROWS_MAX
        );
        Err(ExchangeError::Fatal(Reply { code: -1, message }))
    }
}

/// What one expiry left in the log.
#[derive(Clone, Debug, Default)]
struct Expired {
    options: Vec<ExpiredOption>,
    /// Of the futures that options turned into.
    future_cash: Decimal,
    future_fees: Decimal,
}

#[derive(Clone, Debug)]
struct ExpiredOption {
    instrument: Instrument,
    /// Signed coin before the expiry.
    size: Decimal,
    cash: Decimal,
    fee: Decimal,
}

/// Rows of a coin's contracts that had expired, by expiry: nothing trades after it.
fn expiries(coin: Coin, entries: &[LogEntry]) -> BTreeMap<i64, Expired> {
    let mut expiries: BTreeMap<i64, Expired> = BTreeMap::new();
    let mut future_rows = Vec::new();
    let named = entries
        .iter()
        .filter_map(|entry| Some((entry.instrument_name.as_deref()?, entry)));
    for (name, entry) in named {
        let row = convert::log_row(entry);
        if let Ok(instrument) = name.parse::<Instrument>() {
            if instrument.coin == coin && row.at_ms >= instrument.expiry_ms {
                let expired = expiries.entry(instrument.expiry_ms).or_default();
                expired.options.push(ExpiredOption {
                    instrument,
                    size: -row.size,
                    cash: row.cashflow,
                    fee: row.commission,
                });
            }
        } else if let Some(expiry_ms) = future_expiry_ms(coin, name) {
            future_rows.push((expiry_ms, row));
        }
    }
    // A future of the account's own, without an option that turned into it, is no business of the desk.
    for (expiry_ms, row) in future_rows {
        if let Some(expired) = expiries
            .get_mut(&expiry_ms)
            .filter(|_| row.at_ms >= expiry_ms)
        {
            expired.future_cash += row.cashflow;
            expired.future_fees += row.commission;
        }
    }
    expiries
}

/// `BTC-25DEC26` or `BTC_USDC-25DEC26`.
fn future_expiry_ms(coin: Coin, name: &str) -> Option<i64> {
    let (underlying, date) = name.split_once('-')?;
    let ours = underlying.strip_prefix(coin.as_str())?;
    ["", "_USDC"].contains(&ours).then_some(())?;
    crate::domain::instrument::parse_expiry(date)
}

fn settle(expired: &Expired, price: Decimal, price_source: Source) -> Vec<Delivery> {
    let mut settlements: Vec<_> = expired
        .options
        .iter()
        .map(|option| {
            let mut settlement = fills::settle(&option.instrument, option.size, price);
            settlement.fee = option.fee;
            settlement
        })
        .collect();
    // The futures' fee is shared by the options that turned into them, by size.
    let in_the_money = |payoff: Decimal| !payoff.is_zero();
    let turned: Decimal = settlements
        .iter()
        .filter(|settlement| in_the_money(settlement.payoff))
        .map(|settlement| settlement.size.abs())
        .sum();
    for settlement in settlements
        .iter_mut()
        .filter(|one| in_the_money(one.payoff))
    {
        settlement.fee += (expired.future_fees * settlement.size.abs() / turned).round_dp(8);
    }
    let formula: Decimal = settlements.iter().map(|settlement| settlement.payoff).sum();
    let rows: Decimal = expired.options.iter().map(|option| option.cash).sum();
    let booked = rows + expired.future_cash;
    if (formula - booked).abs() > ROUNDING * (Decimal::ONE + turned) {
        tracing::warn!(%formula, %booked, delivery_price_usd = %price,
            "an expiry was booked with other cash than its delivery price gives");
    }
    let delivery = |settlement| Delivery {
        settlement,
        price_source,
    };
    settlements.into_iter().map(delivery).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(rows: &Value) -> Vec<LogEntry> {
        serde_json::from_value(rows.clone()).expect("rows of the log")
    }

    fn row(id: u64, name: &str, side: &str, amount: f64, cash: f64, fee: f64) -> Value {
        json!({ "id": id, "currency": "BTC", "timestamp": 1_769_760_000_100_i64, "type": "delivery",
            "instrument_name": name, "side": side, "amount": amount, "price": 0, "commission": fee,
            "cashflow": cash, "change": cash - fee, "balance": 1.0 })
    }

    fn check(rows: &Value, expect: &[(&str, &str, &str, &str)]) {
        let expiries = expiries(Coin::Btc, &entries(rows));
        let price = Decimal::from(100_000);
        let settled: Vec<_> = expiries
            .values()
            .flat_map(|expired| settle(expired, price, Source::DeliveryPrice))
            .map(|delivery| delivery.settlement)
            .map(|one| {
                let text = |number: Decimal| number.normalize().to_string();
                (
                    one.instrument.name(),
                    text(one.size),
                    text(one.payoff),
                    text(one.fee),
                )
            })
            .collect();
        let expect: Vec<_> = expect
            .iter()
            .map(|(name, size, payoff, fee)| {
                (
                    (*name).to_owned(),
                    (*size).to_owned(),
                    (*payoff).to_owned(),
                    (*fee).to_owned(),
                )
            })
            .collect();
        assert_eq!(settled, expect);
    }

    #[test]
    fn an_assigned_call_is_one_delivery_of_two_rows() {
        check(
            &json!([
                row(1, "BTC-30JAN26-80000-C", "close buy", 0.1, 0.0, 0.000_015),
                row(2, "BTC-30JAN26", "close buy", 8_000.0, -0.02, 0.000_002),
                row(3, "BTC-27FEB26-80000-C", "open sell", 0.1, 0.01, 0.000_03),
            ]),
            &[("BTC-30JAN26-80000-C", "-0.1", "-0.02", "0.000017")],
        );
    }

    #[test]
    fn a_worthless_call_and_one_paid_in_cash_are_one_row_each() {
        check(
            &json!([
                row(1, "BTC-30JAN26-120000-C", "close buy", 0.3, 0.0, 0.0),
                row(2, "BTC-30JAN26-80000-C", "close sell", 0.1, 0.02, 0.000_015),
                row(3, "ETH-30JAN26-3000-C", "close buy", 1.0, -0.1, 0.0),
            ]),
            &[
                ("BTC-30JAN26-120000-C", "-0.3", "0", "0"),
                ("BTC-30JAN26-80000-C", "0.1", "0.02", "0.000015"),
            ],
        );
    }

    #[test]
    fn futures_are_known_by_name() {
        let of = |name: &str| future_expiry_ms(Coin::Btc, name);
        assert_eq!(of("BTC-30JAN26"), Some(1_769_760_000_000));
        assert_eq!(of("BTC_USDC-30JAN26"), Some(1_769_760_000_000));
        assert_eq!(of("BTC-PERPETUAL"), None);
        assert_eq!(of("ETH-30JAN26"), None);
    }
}
