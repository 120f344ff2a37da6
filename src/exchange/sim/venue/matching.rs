//! Matching against the market's best prices, and what a fill does to the account.

use super::{Detail, Taken, Venue, book_id};
use crate::domain::chain::{Chain, Quote};
use crate::domain::instrument::Instrument;
use crate::domain::money;
use crate::domain::order::{Fill, OrderState, Side};
use crate::domain::portfolio::currency;
use crate::exchange::facts::{LogRow, Order, Placed, TimeInForce, Trade};
use crate::exchange::sim::quotes::{Quotes, mark};
use crate::fills::{round_size, trade_fee};
use rust_decimal::Decimal;

/// What the other side of the book offers an order.
struct Offer {
    price: Decimal,
    /// Coin.
    size: Decimal,
}

impl Venue {
    /// Matches an order that just came in or was changed: it takes at the opposite best, then rests, or
    /// ends when its time in force says so.
    pub(super) fn work(&mut self, at: usize, quotes: &Quotes) -> Placed {
        let (instrument, time_in_force) = {
            let order = &self.orders[at].order;
            (order.instrument, order.time_in_force)
        };
        let chain = quotes.chain(instrument.coin);
        let whole = time_in_force == TimeInForce::FillOrKill;
        let trade = chain.and_then(|chain| self.trade(at, chain, false, whole));
        if self.orders[at].order.is_open() {
            match time_in_force {
                TimeInForce::ImmediateOrCancel => self.end_order(at, "immediate_or_cancel"),
                TimeInForce::FillOrKill => self.end_order(at, "fill_or_kill"),
                TimeInForce::GoodTilCancelled | TimeInForce::GoodTilDay => {}
            }
        }
        Placed {
            order: self.orders[at].order.clone(),
            trades: trade.into_iter().collect(),
        }
    }

    /// Matches the resting orders of a coin against a later chain, best price first, then oldest. The
    /// market comes to them, so they trade at their own price.
    pub fn match_resting(&mut self, chain: &Chain) {
        let mut queue: Vec<usize> = (0..self.orders.len())
            .filter(|at| self.orders[*at].order.is_open())
            .filter(|at| self.orders[*at].order.instrument.coin == chain.coin)
            .collect();
        queue.sort_by_key(|at| {
            let booked = &self.orders[*at];
            let order = &booked.order;
            let buys = order.side == Side::Buy;
            let eager = if buys { -order.price } else { order.price };
            (order.instrument, buys, eager, booked.priority)
        });
        for at in queue {
            let order = &self.orders[at].order;
            if order.reduce_only && self.reducible(&order.instrument, order.side).is_zero() {
                self.end_order(at, "reduce_only");
            } else {
                self.trade(at, chain, true, false);
            }
        }
    }

    /// Fills an order as far as the book allows; with `whole`, all of it or nothing.
    fn trade(&mut self, at: usize, chain: &Chain, maker: bool, whole: bool) -> Option<Trade> {
        let order = self.orders[at].order.clone();
        if order.instrument.expiry_ms <= self.now_ms {
            return None;
        }
        let quote = chain.quote(&order.instrument)?;
        let offer = self.offer(&order, quote, chain.at_ms)?;
        let mut size = order.remaining().min(offer.size);
        if order.reduce_only {
            size = size.min(self.reducible(&order.instrument, order.side));
        }
        let size = round_size(&order.instrument, size);
        if size.is_zero() || (whole && size < order.remaining()) {
            return None;
        }
        let price = if maker { order.price } else { offer.price };
        let number = self.next_id();
        let trade = Trade {
            fill: Fill {
                instrument: order.instrument,
                side: order.side,
                size,
                price,
                fee: trade_fee(&order.instrument, size, price, chain.index_price),
                index_price: money::decimal(chain.index_price).unwrap_or_default(),
                at_ms: self.now_ms,
                trade_id: book_id(&order.instrument, number),
            },
            order_id: order.order_id,
            label: order.label,
            maker,
        };
        self.take(&trade.fill, chain.at_ms);
        self.fill_order(at, &trade.fill);
        self.fill_account(&trade, quote);
        Some(trade)
    }

    /// The opposite best if it meets the order's limit, less what we took of this snapshot already.
    ///
    /// Recorded chains without sizes fill whole: their sizes were not collected, not zero.
    fn offer(&self, order: &Order, quote: &Quote, chain_ms: i64) -> Option<Offer> {
        let (best, shown) = match order.side {
            Side::Buy => (quote.ask?, quote.ask_size),
            Side::Sell => (quote.bid?, quote.bid_size),
        };
        let price = money::decimal(best).filter(|price| *price > Decimal::ZERO)?;
        let meets = match order.side {
            Side::Buy => price <= order.price,
            Side::Sell => price >= order.price,
        };
        let shown = shown.map_or(Some(Decimal::MAX), money::decimal)?;
        let bid = order.side == Side::Sell;
        let taken: Decimal = self
            .taken
            .iter()
            .filter(|taken| taken.at_ms == chain_ms && taken.bid == bid)
            .filter(|taken| taken.instrument == order.instrument)
            .map(|taken| taken.size)
            .sum();
        let size = (shown - taken).max(Decimal::ZERO);
        meets.then_some(Offer { price, size })
    }

    /// Remembers what a fill took of the snapshot, and forgets older snapshots of the contract's coin.
    fn take(&mut self, fill: &Fill, chain_ms: i64) {
        let coin = fill.instrument.coin;
        self.taken
            .retain(|taken| taken.instrument.coin != coin || taken.at_ms == chain_ms);
        self.taken.push(Taken {
            instrument: fill.instrument,
            bid: fill.side == Side::Sell,
            at_ms: chain_ms,
            size: fill.size,
        });
    }

    fn fill_order(&mut self, at: usize, fill: &Fill) {
        let order = &mut self.orders[at].order;
        let filled = order.filled + fill.size;
        let paid = order.filled * order.average_price + fill.size * fill.price;
        order.average_price = (paid / filled).normalize();
        order.filled = filled;
        order.updated_ms = self.now_ms;
        if filled >= order.size {
            order.state = OrderState::Filled;
        }
    }

    fn fill_account(&mut self, trade: &Trade, quote: &Quote) {
        let fill = &trade.fill;
        let last_mark = mark(quote, self.now_ms).unwrap_or(fill.price);
        self.print(trade, quote, last_mark);
        let signed = fill.side.sign() * fill.size;
        let detail = Detail {
            side: self.open_or_close(fill).to_owned(),
            position: self.size_of(&fill.instrument) + signed,
            index_price: fill.index_price,
            mark_price: last_mark,
            maker: Some(trade.maker),
        };
        let row = LogRow {
            id: 0,
            currency: currency(&fill.instrument).to_owned(),
            at_ms: fill.at_ms,
            kind: "trade".to_owned(),
            instrument: fill.instrument.name(),
            size: signed,
            price: fill.price,
            commission: fill.fee,
            cashflow: fill.cash() + fill.fee,
            change: fill.cash(),
            balance: Decimal::ZERO,
            order_id: Some(trade.order_id.clone()),
            trade_id: Some(fill.trade_id.clone()),
        };
        self.book_change(row, detail);
        self.move_position(&fill.instrument, signed, fill.price);
        if let Some(held) = self.positions.get_mut(&fill.instrument) {
            held.last_mark = last_mark;
        }
    }

    /// Adds a signed size: growing averages the price, shrinking keeps it, turning around starts afresh.
    fn move_position(&mut self, instrument: &Instrument, signed: Decimal, price: Decimal) {
        let held = self.positions.entry(*instrument).or_default();
        let (before, after) = (held.size, held.size + signed);
        let same_way = |a: Decimal, b: Decimal| a.is_sign_positive() == b.is_sign_positive();
        if before.is_zero() || same_way(before, signed) {
            held.average_price = (before * held.average_price + signed * price) / after;
        } else if !after.is_zero() && !same_way(after, before) {
            held.average_price = price;
        }
        held.size = after;
        if after.is_zero() {
            self.positions.remove(instrument);
        }
    }
}
