//! Orders from request to rest: what is refused and with which code, edits, cancellation.

use super::band::banded;
use super::{Booked, SelfTrade, Venue, book_id, listed};
use crate::domain::chain::Quote;
use crate::domain::coin::Coin;
use crate::domain::instrument::{Instrument, Style};
use crate::domain::money;
use crate::domain::order::{OrderState, Side};
use crate::exchange::Result;
use crate::exchange::error::ExchangeError;
use crate::exchange::facts::{Order, OrderRequest, Placed, PostOnly, TimeInForce};
use crate::exchange::sim::quotes::Quotes;
use crate::fills::{is_on_tick, is_valid_size, min_size, round_size, step_tick};
use rust_decimal::Decimal;

/// Longest label kept.
const LABEL_MAX: usize = 64;

/// What an edit changes; `None` leaves as it is.
#[derive(Clone, Debug, Default)]
pub struct Amendment {
    /// Coin, the whole order's, filled part included.
    pub size: Option<Decimal>,
    pub price: Option<Decimal>,
    pub post_only: Option<PostOnly>,
    pub reduce_only: Option<bool>,
    /// Refused with 13888 when it arrives later.
    pub valid_until_ms: Option<i64>,
}

impl Venue {
    /// Takes an order in, or refuses it and changes nothing.
    pub fn place(&mut self, request: &OrderRequest, quotes: &Quotes) -> Result<Placed> {
        check_request(request, self.now_ms)?;
        let quote = listed(quotes, &request.instrument, self.now_ms)?;
        let mut order = self.entering(request)?;
        self.admit(&mut order, quote, quotes)?;
        self.make_way(&order);
        let number = self.next_id();
        order.order_id = book_id(&order.instrument, number);
        self.orders.push(Booked {
            order,
            priority: number,
            replaced: false,
        });
        self.touched = true;
        Ok(self.work(self.orders.len() - 1, quotes))
    }

    /// Changes size and price of an open order; see [`Self::amend`].
    pub fn edit(
        &mut self,
        order_id: &str,
        size: Decimal,
        price: Decimal,
        quotes: &Quotes,
    ) -> Result<Placed> {
        let amendment = Amendment {
            size: Some(size),
            price: Some(price),
            ..Amendment::default()
        };
        self.amend(order_id, &amendment, quotes)
    }

    /// Changes an open order. It keeps its place in the queue only when it shrinks at the same price.
    pub fn amend(&mut self, order_id: &str, change: &Amendment, quotes: &Quotes) -> Result<Placed> {
        check_valid_until(change.valid_until_ms, self.now_ms)?;
        let at = self.open_order(order_id)?;
        let before = self.orders[at].order.clone();
        let mut order = Order {
            size: change.size.unwrap_or(before.size),
            price: change.price.unwrap_or(before.price),
            post_only: change.post_only.unwrap_or(before.post_only),
            reduce_only: change.reduce_only.unwrap_or(before.reduce_only),
            updated_ms: self.now_ms,
            ..before.clone()
        };
        check_numbers(&order.instrument, order.size, order.price)?;
        if order.size <= before.filled {
            return Err(ExchangeError::from_code(11_008, "already_filled"));
        }
        let quote = listed(quotes, &order.instrument, self.now_ms)?;
        self.admit(&mut order, quote, quotes)?;
        self.make_way(&order);
        let keeps_place = order.price == before.price && order.size <= before.size;
        if !keeps_place {
            self.orders[at].priority = self.next_id();
        }
        self.orders[at].order = order;
        self.orders[at].replaced = true;
        self.touched = true;
        Ok(self.work(at, quotes))
    }

    /// Takes an order in as a venue in trouble does: it may fill at most `shown` coin, and what is left
    /// of it is cancelled by the exchange at once.
    pub fn place_cut(
        &mut self,
        request: &OrderRequest,
        shown: Decimal,
        quotes: &Quotes,
    ) -> Result<Placed> {
        let thin = quotes.thinned(&request.instrument, money::float(shown));
        let mut placed = self.place(request, &thin)?;
        if placed.order.is_open() {
            let at = self.open_order(&placed.order.order_id)?;
            self.end_order(at, "risk_mitigation");
            placed.order = self.orders[at].order.clone();
        }
        Ok(placed)
    }

    /// Cancels an open order.
    pub fn cancel(&mut self, order_id: &str) -> Result<Order> {
        let at = self.open_order(order_id)?;
        self.end_order(at, "user_request");
        Ok(self.orders[at].order.clone())
    }

    /// Cancels every open order of a coin; gives them as they ended.
    pub fn cancel_all(&mut self, coin: Coin) -> Vec<Order> {
        self.cancel_where(|order| order.instrument.coin == coin)
    }

    /// Cancels every open order that `chosen` picks; gives them as they ended.
    pub fn cancel_where(&mut self, chosen: impl Fn(&Order) -> bool) -> Vec<Order> {
        let open: Vec<usize> = (0..self.orders.len())
            .filter(|at| self.orders[*at].order.is_open())
            .filter(|at| chosen(&self.orders[*at].order))
            .collect();
        for at in &open {
            self.end_order(*at, "user_request");
        }
        open.into_iter()
            .map(|at| self.orders[at].order.clone())
            .collect()
    }

    pub(super) fn end_order(&mut self, at: usize, reason: &str) {
        let order = &mut self.orders[at].order;
        order.state = OrderState::Cancelled;
        order.cancel_reason = Some(reason.to_owned());
        order.updated_ms = self.now_ms;
        self.touched = true;
    }

    fn open_order(&self, order_id: &str) -> Result<usize> {
        let found = self
            .orders
            .iter()
            .position(|booked| booked.order.order_id == order_id);
        let at = found.ok_or_else(|| ExchangeError::from_code(10_004, "order_not_found"))?;
        if self.orders[at].order.is_open() {
            Ok(at)
        } else {
            Err(ExchangeError::from_code(11_044, "not_open_order"))
        }
    }

    /// The order a request becomes, cut to the position it may reduce.
    fn entering(&self, request: &OrderRequest) -> Result<Order> {
        let size = if request.reduce_only {
            let reducible = self.reducible(&request.instrument, request.side);
            round_size(&request.instrument, request.size.min(reducible))
        } else {
            request.size
        };
        if size.is_zero() {
            let message = "other_reject: reduce_only without a position to reduce";
            return Err(ExchangeError::from_code(11_030, message));
        }
        Ok(Order {
            order_id: String::new(),
            label: request.label.clone(),
            instrument: request.instrument,
            side: request.side,
            size,
            filled: Decimal::ZERO,
            average_price: Decimal::ZERO,
            price: request.price,
            state: OrderState::Open,
            time_in_force: request.time_in_force,
            post_only: request.post_only,
            reduce_only: request.reduce_only,
            cancel_reason: None,
            created_ms: self.now_ms,
            updated_ms: self.now_ms,
        })
    }

    /// Coin an order of this side may trade without turning the position around.
    pub(super) fn reducible(&self, instrument: &Instrument, side: Side) -> Decimal {
        let away = -side.sign() * self.size_of(instrument);
        away.max(Decimal::ZERO)
    }

    /// The rules that look at the market and at the account: band, post-only, own orders, limits, funds.
    fn admit(&self, order: &mut Order, quote: &Quote, quotes: &Quotes) -> Result<()> {
        order.price = banded(quote, order.side, order.price, self.now_ms)?;
        order.price = behind_the_book(order, quote)?;
        self.check_own_orders(order)?;
        self.check_short_limit(order)?;
        self.check_funds(order, quotes)
    }

    /// An account does not trade with itself: the incoming order is refused, unless resting ones give way.
    fn check_own_orders(&self, order: &Order) -> Result<()> {
        let refuses = self.self_trade == SelfTrade::RejectTaker;
        if refuses && self.working().any(|own| meet(own, order)) {
            return Err(ExchangeError::from_code(10_003, "order_overlap"));
        }
        Ok(())
    }

    /// Cancels own resting orders that an admitted order would trade with.
    fn make_way(&mut self, order: &Order) {
        if self.self_trade == SelfTrade::CancelMaker {
            self.cancel_where(|own| meet(own, order));
        }
    }

    /// Largest total of short options in standard margin, coin.
    fn check_short_limit(&self, order: &Order) -> Result<()> {
        let limit = match (order.instrument.style, order.instrument.coin) {
            (Style::Inverse, Coin::Btc) => Decimal::from(1_000),
            (Style::Inverse, Coin::Eth) => Decimal::from(10_000),
            (Style::Linear, _) => return Ok(()),
        };
        let family =
            |instrument: &Instrument| (instrument.coin, instrument.style) == family_of(order);
        let short: Decimal = self
            .positions
            .iter()
            .filter(|(instrument, _)| family(instrument))
            .map(|(_, held)| (-held.size).max(Decimal::ZERO))
            .sum();
        if order.side == Side::Sell && short + order.remaining() > limit {
            let message = "non_pme_total_short_options_positions_size";
            return Err(ExchangeError::from_code(10_037, message));
        }
        Ok(())
    }
}

/// True when an own resting order stands where the other would take it.
fn meet(own: &Order, order: &Order) -> bool {
    let crossed = match order.side {
        Side::Buy => own.price <= order.price,
        Side::Sell => own.price >= order.price,
    };
    crossed && own.instrument == order.instrument && own.side != order.side
}

fn family_of(order: &Order) -> (Coin, Style) {
    (order.instrument.coin, order.instrument.style)
}

fn check_request(request: &OrderRequest, now_ms: i64) -> Result<()> {
    let refuse = |code, message: &str| Err(ExchangeError::from_code(code, message));
    if request.label.len() > LABEL_MAX {
        return refuse(
            -32_602,
            "Invalid params: label is longer than 64 characters",
        );
    }
    check_valid_until(request.valid_until_ms, now_ms)?;
    let rests = request.time_in_force == TimeInForce::GoodTilCancelled;
    if request.post_only != PostOnly::Off && !rests {
        return refuse(11_055, "post_only_not_allowed");
    }
    check_numbers(&request.instrument, request.size, request.price)
}

fn check_valid_until(valid_until_ms: Option<i64>, now_ms: i64) -> Result<()> {
    if valid_until_ms.is_some_and(|until_ms| now_ms > until_ms) {
        return Err(ExchangeError::from_code(13_888, "timed_out"));
    }
    Ok(())
}

fn check_numbers(instrument: &Instrument, size: Decimal, price: Decimal) -> Result<()> {
    let min = min_size(instrument.coin, instrument.style);
    if size < min {
        let message = format!("qty_too_low: the minimum of {instrument} is {min}");
        return Err(ExchangeError::from_code(10_002, message));
    }
    if !is_valid_size(instrument, size) {
        let message = format!("invalid_amount: {size} is not a multiple of {min}");
        return Err(ExchangeError::from_code(10_021, message));
    }
    if !is_on_tick(instrument, price) {
        let message = format!("price_wrong_tick: {price} of {instrument}");
        return Err(ExchangeError::from_code(10_043, message));
    }
    Ok(())
}

/// A post-only order's price: its own, or one tick behind the opposite best when it would take.
fn behind_the_book(order: &Order, quote: &Quote) -> Result<Decimal> {
    let opposite = match order.side {
        Side::Buy => quote.ask,
        Side::Sell => quote.bid,
    };
    let Some(best) = opposite.and_then(money::decimal) else {
        return Ok(order.price);
    };
    let takes = match order.side {
        Side::Buy => order.price >= best,
        Side::Sell => order.price <= best,
    };
    let behind = step_tick(&order.instrument, best, order.side == Side::Sell);
    match order.post_only {
        PostOnly::Shift if takes && behind != best => Ok(behind),
        PostOnly::Shift | PostOnly::Reject if takes => {
            Err(ExchangeError::from_code(11_054, "post_only_reject"))
        }
        _ => Ok(order.price),
    }
}
