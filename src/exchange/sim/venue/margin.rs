//! What the account is worth and what it must keep back, by standard margin per currency.

use super::{Held, Venue};
use crate::domain::instrument::{Instrument, Style};
use crate::domain::money::{self, SCALE};
use crate::domain::order::Side;
use crate::domain::portfolio::currency;
use crate::exchange::error::ExchangeError;
use crate::exchange::facts::{Holding, Order, Summary};
use crate::exchange::sim::quotes::{Quotes, greeks, mark};
use crate::fills::{initial_margin, maintenance_margin, trade_fee};
use rust_decimal::Decimal;
use std::collections::BTreeMap;

impl Venue {
    /// The account of one currency, valued at the quotes' marks.
    pub fn summary(&self, paid_in: &str, quotes: &Quotes) -> Summary {
        let holdings: Vec<Holding> = self
            .held_in(paid_in)
            .map(|(instrument, held)| self.holding(instrument, held, quotes))
            .collect();
        let sum = |of: fn(&Holding) -> Decimal| holdings.iter().map(of).sum::<Decimal>();
        let balance = self.cash(paid_in);
        let options_value = sum(|held| (held.size * held.mark_price).round_dp(SCALE));
        let equity = balance + options_value;
        let margin_balance = equity - options_value;
        let initial_margin = self.required(paid_in, quotes, None);
        Summary {
            currency: paid_in.to_owned(),
            balance,
            options_value,
            equity,
            margin_balance,
            initial_margin,
            maintenance_margin: sum(|held| held.maintenance_margin),
            available_funds: margin_balance - initial_margin,
            options_delta: sum(|held| money::decimal(held.delta).unwrap_or_default()),
            delta_total: sum(net_delta),
        }
    }

    /// Positions of one coin, both styles, valued at the quotes' marks.
    pub fn holdings(&self, coin: crate::domain::coin::Coin, quotes: &Quotes) -> Vec<Holding> {
        self.positions
            .iter()
            .filter(|(instrument, _)| instrument.coin == coin)
            .map(|(instrument, held)| self.holding(instrument, held, quotes))
            .collect()
    }

    /// Refuses with 10009 when an order would leave less than nothing available and is not itself what
    /// makes room: buying back a short always passes.
    pub(super) fn check_funds(&self, order: &Order, quotes: &Quotes) -> Result<(), ExchangeError> {
        let paid_in = currency(&order.instrument);
        let before = self.required(paid_in, quotes, None);
        let after = self.required(paid_in, quotes, Some(order));
        let available = self.cash(paid_in) - after;
        if available >= Decimal::ZERO || after <= before {
            return Ok(());
        }
        let message = format!("not_enough_funds: {paid_in} short by {}", -available);
        Err(ExchangeError::from_code(10_009, message))
    }

    /// (purchase, sale): what one order of `size` coin would tie up by itself, fee included for purchases.
    pub fn margins_of(
        &self,
        instrument: &Instrument,
        size: Decimal,
        price: Decimal,
        quotes: &Quotes,
    ) -> (Decimal, Decimal) {
        let index = quotes.index(instrument.coin);
        let mark = money::float(self.mark_of(instrument, quotes));
        let cost = size * price + trade_fee(instrument, size, price, index);
        let sale = initial_margin(instrument, -size, mark, index);
        (cost.round_dp(SCALE), sale)
    }

    /// What the open orders of a contract add to the margin of its position.
    pub fn open_orders_margin(&self, instrument: &Instrument, quotes: &Quotes) -> Decimal {
        let orders = self
            .working()
            .filter(|order| order.instrument == *instrument);
        let of = |order: &Order| {
            let size = order.remaining();
            let (buy, sell) = self.margins_of(instrument, size, order.price, quotes);
            match order.side {
                Side::Buy => (buy, Decimal::ZERO),
                Side::Sell => (Decimal::ZERO, sell),
            }
        };
        orders.map(of).map(|(buy, sell)| buy + sell).sum()
    }

    /// Initial margin of positions and open orders, plus one order more: shorts as if every sale filled,
    /// and the price of purchases that open.
    fn required(&self, paid_in: &str, quotes: &Quotes, extra: Option<&Order>) -> Decimal {
        let replaced = |order: &&Order| extra.is_none_or(|extra| extra.order_id != order.order_id);
        let mut books: BTreeMap<Instrument, Exposure> = self
            .held_in(paid_in)
            .map(|(instrument, held)| (*instrument, Exposure::of(held)))
            .collect();
        for order in self.working().filter(replaced).chain(extra) {
            if currency(&order.instrument) == paid_in {
                books
                    .entry(order.instrument)
                    .or_default()
                    .add(order, quotes);
            }
        }
        let required = books.iter().map(|(instrument, exposure)| {
            let short = (exposure.held - exposure.sold).min(Decimal::ZERO);
            let mark = money::float(self.mark_of(instrument, quotes));
            let index = quotes.index(instrument.coin);
            initial_margin(instrument, short, mark, index) + exposure.opening_cost()
        });
        required.sum()
    }

    fn holding(&self, instrument: &Instrument, held: &Held, quotes: &Quotes) -> Holding {
        let mark_price = self.mark_of(instrument, quotes);
        let index_price = quotes.index(instrument.coin);
        let mark = money::float(mark_price);
        let size = money::float(held.size);
        let quote = quotes.quote(instrument);
        let priced = quote.and_then(|quote| greeks(quote, self.now_ms));
        let quoted_delta = quote.and_then(|quote| quote.delta);
        let delta = quoted_delta.or(priced.map(|priced| priced.delta));
        let greek = |value: Option<f64>| size * value.unwrap_or(0.0);
        let gain = held.size * (mark_price - held.average_price);
        Holding {
            instrument: *instrument,
            size: held.size,
            average_price: held.average_price,
            mark_price,
            index_price,
            delta: greek(delta),
            gamma: greek(priced.map(|priced| priced.gamma)),
            vega: greek(priced.map(|priced| priced.vega)),
            theta: greek(priced.map(|priced| priced.theta)),
            floating_profit_loss: gain.round_dp(SCALE),
            initial_margin: initial_margin(instrument, held.size, mark, index_price),
            maintenance_margin: maintenance_margin(instrument, held.size, mark, index_price),
        }
    }

    /// The mark of a contract, or the last one seen while it was held.
    pub fn mark_of(&self, instrument: &Instrument, quotes: &Quotes) -> Decimal {
        let quoted = quotes
            .quote(instrument)
            .and_then(|quote| mark(quote, self.now_ms));
        let last = || self.positions.get(instrument).map(|held| held.last_mark);
        quoted.or_else(last).unwrap_or_default()
    }
}

/// Delta less the premium's own share of the coin, in coin.
fn net_delta(held: &Holding) -> Decimal {
    let delta = money::decimal(held.delta).unwrap_or_default();
    match held.instrument.style {
        Style::Inverse => (delta - held.size * held.mark_price).round_dp(SCALE),
        Style::Linear => delta,
    }
}

/// A contract's position and what its open orders could turn it into.
#[derive(Default)]
struct Exposure {
    held: Decimal,
    /// Coin of open sales.
    sold: Decimal,
    /// (coin, quote currency with fee) of open purchases.
    bought: Decimal,
    bought_cost: Decimal,
}

impl Exposure {
    fn of(held: &Held) -> Self {
        Self {
            held: held.size,
            ..Self::default()
        }
    }

    fn add(&mut self, order: &Order, quotes: &Quotes) {
        let size = order.remaining();
        match order.side {
            Side::Sell => self.sold += size,
            Side::Buy => {
                let index = quotes.index(order.instrument.coin);
                let fee = trade_fee(&order.instrument, size, order.price, index);
                self.bought += size;
                self.bought_cost += size * order.price + fee;
            }
        }
    }

    /// The share of the purchases' cost that does not buy back a short.
    fn opening_cost(&self) -> Decimal {
        let short = (-self.held).max(Decimal::ZERO);
        let opening = (self.bought - short).max(Decimal::ZERO);
        let share = opening.checked_div(self.bought).unwrap_or_default();
        (self.bought_cost * share).round_dp(SCALE)
    }
}
