//! What the account remembers, for how long, and how it is asked.

use super::Venue;
use crate::domain::coin::Coin;
use crate::domain::instrument::DAY_MS;
use crate::exchange::facts::{Delivery, LogRow, Order, Trade};

/// How long the past stays visible, desk milliseconds; short, so that the book stays small to save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Filled, cancelled and rejected orders.
    pub orders_ms: i64,
    pub trades_ms: i64,
    pub deliveries_ms: i64,
    /// Rows of the transaction log.
    pub log_ms: i64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            orders_ms: DAY_MS,
            trades_ms: 31 * DAY_MS,
            deliveries_ms: 62 * DAY_MS,
            log_ms: 31 * DAY_MS,
        }
    }
}

impl Venue {
    /// Forgets what is older than its retention.
    pub fn trim(&mut self, keep: &Retention) {
        let now_ms = self.now_ms;
        self.orders.retain(|booked| {
            booked.order.is_open() || booked.order.updated_ms > now_ms - keep.orders_ms
        });
        self.trades
            .retain(|print| print.trade.fill.at_ms > now_ms - keep.trades_ms);
        self.deliveries
            .retain(|delivery| delivery.settlement.at_ms > now_ms - keep.deliveries_ms);
        self.log
            .retain(|entry| entry.row.at_ms > now_ms - keep.log_ms);
    }

    /// Open orders of a coin, oldest first.
    pub fn open_orders(&self, coin: Coin) -> Vec<Order> {
        let of_coin = self.working().filter(|order| order.instrument.coin == coin);
        of_coin.cloned().collect()
    }

    /// The newest order with a label.
    pub fn order_by_label(&self, coin: Coin, label: &str) -> Option<Order> {
        let orders = self.orders.iter().rev().map(|booked| &booked.order);
        orders
            .filter(|order| order.instrument.coin == coin)
            .find(|order| order.label == label)
            .cloned()
    }

    /// Trades of every order with a label, oldest first.
    pub fn trades_by_label(&self, coin: Coin, label: &str) -> Vec<Trade> {
        let of_coin = |trade: &&Trade| trade.fill.instrument.coin == coin;
        let trades = self.trades.iter().map(|print| &print.trade);
        trades
            .filter(of_coin)
            .filter(|trade| trade.label == label)
            .cloned()
            .collect()
    }

    /// Expiries of a coin's positions after `since_ms`, oldest first.
    pub fn deliveries(&self, coin: Coin, since_ms: i64) -> Vec<Delivery> {
        let deliveries = self.deliveries.iter().filter(|delivery| {
            delivery.settlement.instrument.coin == coin && delivery.settlement.at_ms > since_ms
        });
        deliveries.cloned().collect()
    }

    /// Changes of a currency's balance after `since_ms`, oldest first.
    pub fn log(&self, currency: &str, since_ms: i64) -> Vec<LogRow> {
        let rows = self.log.iter().map(|entry| &entry.row);
        rows.filter(|row| row.currency == currency && row.at_ms > since_ms)
            .cloned()
            .collect()
    }
}
