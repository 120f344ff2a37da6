//! 08:00 UTC: day orders end, contracts expire, positions become cash at the delivery price.

use super::{Detail, Held, Venue};
use crate::domain::chain::Source;
use crate::domain::coin::Coin;
use crate::domain::instrument::{DAY_MS, EXPIRY_HOUR_MS, Instrument};
use crate::domain::order::{OrderState, Settlement};
use crate::domain::portfolio::currency;
use crate::exchange::facts::{Delivery, LogRow, TimeInForce};
use crate::fills::settle;
use rust_decimal::Decimal;

/// The first 08:00 UTC after an instant.
fn day_end_after(at_ms: i64) -> i64 {
    (at_ms - EXPIRY_HOUR_MS).div_euclid(DAY_MS) * DAY_MS + DAY_MS + EXPIRY_HOUR_MS
}

impl Venue {
    /// The next 08:00 UTC up to `until_ms` at which an order ends or a position expires.
    pub fn next_day_end(&self, until_ms: i64) -> Option<i64> {
        let day_orders = self
            .working()
            .filter(|order| order.time_in_force == TimeInForce::GoodTilDay)
            .map(|_| day_end_after(self.now_ms));
        let expiring = self.working().map(|order| order.instrument.expiry_ms);
        let held = self.positions.keys().map(|held| held.expiry_ms);
        day_orders
            .chain(expiring)
            .chain(held)
            .filter(|at_ms| *at_ms > self.now_ms && *at_ms <= until_ms)
            .min()
    }

    /// Brings the time to 08:00 UTC and ends what ends there; positions wait for their delivery price.
    pub fn end_day(&mut self, at_ms: i64) {
        self.pass_to(at_ms);
        for booked in &mut self.orders {
            let order = &mut booked.order;
            let ends = order.time_in_force == TimeInForce::GoodTilDay
                || order.instrument.expiry_ms <= at_ms;
            if order.is_open() && ends {
                order.state = OrderState::Cancelled;
                order.cancel_reason = Some("settlement".to_owned());
                order.updated_ms = at_ms;
                self.touched = true;
            }
        }
    }

    /// (coin, expiry) of positions that expired and wait for their delivery price, oldest first.
    pub fn undelivered(&self) -> Vec<(Coin, i64)> {
        let mut waiting: Vec<(i64, Coin)> = self
            .positions
            .keys()
            .filter(|instrument| instrument.expiry_ms <= self.now_ms)
            .map(|instrument| (instrument.expiry_ms, instrument.coin))
            .collect();
        waiting.sort_unstable();
        waiting.dedup();
        waiting
            .into_iter()
            .map(|(at_ms, coin)| (coin, at_ms))
            .collect()
    }

    /// Settles every position of a coin and expiry, both styles, at `price` USD.
    pub fn deliver(&mut self, coin: Coin, expiry_ms: i64, price: Decimal, price_source: Source) {
        let expired: Vec<(Instrument, Held)> = self
            .positions
            .iter()
            .filter(|(held, _)| held.coin == coin && held.expiry_ms == expiry_ms)
            .map(|(instrument, held)| (*instrument, *held))
            .collect();
        for (instrument, held) in expired {
            let settlement = settle(&instrument, held.size, price);
            let side = if held.size > Decimal::ZERO {
                "close sell"
            } else {
                "close buy"
            };
            for row in log_rows(&settlement) {
                let detail = Detail {
                    side: side.to_owned(),
                    index_price: price,
                    ..Detail::default()
                };
                self.book_change(row, detail);
            }
            self.positions.remove(&instrument);
            self.deliveries.push(Delivery {
                settlement,
                price_source,
            });
        }
    }
}

/// One row for an option that expires worthless; two for one in the money: it turns into the future of
/// its expiry at the strike, paying the delivery fee, and the future is delivered at the price.
fn log_rows(settlement: &Settlement) -> Vec<LogRow> {
    let instrument = &settlement.instrument;
    let row = |name: String, size, price, cashflow, commission| LogRow {
        id: 0,
        currency: currency(instrument).to_owned(),
        at_ms: settlement.at_ms,
        kind: "delivery".to_owned(),
        instrument: name,
        size,
        price,
        commission,
        cashflow,
        change: cashflow - commission,
        balance: Decimal::ZERO,
        order_id: None,
        trade_id: None,
    };
    let (none, strike) = (Decimal::ZERO, Decimal::from(instrument.strike_usd));
    let option = instrument.name();
    let away = -settlement.size;
    if settlement.payoff.is_zero() {
        let fee = settlement.fee;
        return vec![row(option, away, none, settlement.payoff, fee)];
    }
    let future = future_name(&option);
    let long = if instrument.is_call() {
        settlement.size
    } else {
        away
    };
    vec![
        row(option, away, strike, none, settlement.fee),
        row(
            future,
            -long,
            settlement.delivery_price,
            settlement.payoff,
            none,
        ),
    ]
}

/// `BTC-25DEC26` of `BTC-25DEC26-100000-C`.
fn future_name(option: &str) -> String {
    let mut parts = option.splitn(3, '-');
    let (underlying, date) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    format!("{underlying}-{date}")
}
