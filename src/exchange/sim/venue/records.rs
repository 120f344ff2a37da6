//! What the book writes down beside orders and money: the tape of trades, details of the log, edits.

use super::Venue;
use crate::domain::chain::Quote;
use crate::domain::instrument::Instrument;
use crate::domain::money;
use crate::domain::order::{Fill, Side};
use crate::exchange::facts::{Delivery, LogRow, Order, Trade};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What happens to an order that would trade with one of the account's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelfTrade {
    /// The incoming order is refused with 10003.
    #[default]
    RejectTaker,
    /// The resting order is cancelled.
    CancelMaker,
}

/// An order and its place in the queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Booked {
    pub order: Order,
    /// Smaller is earlier in the queue of its price.
    pub priority: u64,
    /// It was edited.
    #[serde(default)]
    pub replaced: bool,
}

/// A trade as the tape shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Print {
    #[serde(flatten)]
    pub trade: Trade,
    /// Number of the trade in its own contract, from 1.
    #[serde(default)]
    pub seq: u64,
    /// Quote currency per coin.
    #[serde(default)]
    pub mark_price: Decimal,
    /// Percent; zero when not known.
    #[serde(default)]
    pub mark_iv: Decimal,
    /// USD, the forward.
    #[serde(default)]
    pub underlying_price: Decimal,
    /// 0 higher than the trade before, 1 equal after a rise, 2 lower, 3 equal after a fall.
    #[serde(default)]
    pub tick_direction: u8,
    /// What a closing trade earned over the average price, quote currency, before fees.
    #[serde(default)]
    pub profit_loss: Decimal,
}

/// A row of the transaction log with what only the exchange's own form of it tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    #[serde(flatten)]
    pub row: LogRow,
    #[serde(flatten)]
    pub detail: Detail,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Detail {
    /// `open sell`, `close buy` ..; empty when nothing changed hands.
    pub side: String,
    /// Signed coin of the contract after the change.
    pub position: Decimal,
    /// USD.
    pub index_price: Decimal,
    pub mark_price: Decimal,
    /// For trades alone.
    pub maker: Option<bool>,
}

impl Venue {
    /// Every order still remembered, oldest first.
    pub fn bookings(&self) -> impl DoubleEndedIterator<Item = &Booked> {
        self.orders.iter()
    }

    pub fn booking(&self, order_id: &str) -> Option<&Booked> {
        let mut all = self.orders.iter();
        all.find(|booked| booked.order.order_id == order_id)
    }

    /// Every trade still remembered, oldest first.
    pub fn prints(&self) -> impl DoubleEndedIterator<Item = &Print> {
        self.trades.iter()
    }

    /// The transaction log, oldest first.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.log.iter()
    }

    /// Expiries of positions, oldest first.
    pub fn delivered(&self) -> impl DoubleEndedIterator<Item = &Delivery> {
        self.deliveries.iter()
    }

    pub fn self_trade(&self) -> SelfTrade {
        self.self_trade
    }

    pub fn set_self_trade(&mut self, mode: SelfTrade) {
        self.touched |= self.self_trade != mode;
        self.self_trade = mode;
    }

    /// Writes a trade on the tape; called before the position moves.
    pub(super) fn print(&mut self, trade: &Trade, quote: &Quote, mark_price: Decimal) {
        let percent = quote.mark_iv.map(|vol| vol * 100.0);
        let decimal = |value: f64| money::decimal(value).unwrap_or_default();
        let before = self.last_print(&trade.fill.instrument);
        self.trades.push(Print {
            seq: before.map_or(1, |print| print.seq + 1),
            mark_price,
            mark_iv: percent.map(decimal).unwrap_or_default().round_dp(2),
            underlying_price: decimal(quote.underlying_price),
            tick_direction: tick_direction(before, trade.fill.price),
            profit_loss: self.earned(&trade.fill),
            trade: trade.clone(),
        });
    }

    fn last_print(&self, instrument: &Instrument) -> Option<&Print> {
        let mut latest = self.trades.iter().rev();
        latest.find(|print| print.trade.fill.instrument == *instrument)
    }

    /// Earnings of the part of a fill that closes, against the position's average price.
    fn earned(&self, fill: &Fill) -> Decimal {
        let Some(held) = self.positions.get(&fill.instrument) else {
            return Decimal::ZERO;
        };
        let closing = self.reducible(&fill.instrument, fill.side).min(fill.size);
        let gain = (held.average_price - fill.price) * fill.side.sign();
        (closing * gain).round_dp(money::SCALE).normalize()
    }

    /// `open sell` or `close buy`, told before the position moves.
    pub(super) fn open_or_close(&self, fill: &Fill) -> &'static str {
        let closes = !self.reducible(&fill.instrument, fill.side).is_zero();
        match (closes, fill.side) {
            (true, Side::Buy) => "close buy",
            (true, Side::Sell) => "close sell",
            (false, Side::Buy) => "open buy",
            (false, Side::Sell) => "open sell",
        }
    }
}

fn tick_direction(before: Option<&Print>, price: Decimal) -> u8 {
    let Some(before) = before else {
        return 0;
    };
    match price.cmp(&before.trade.fill.price) {
        std::cmp::Ordering::Greater => 0,
        std::cmp::Ordering::Less => 2,
        std::cmp::Ordering::Equal if before.tick_direction < 2 => 1,
        std::cmp::Ordering::Equal => 3,
    }
}
