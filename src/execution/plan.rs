//! What to do next with one order: a pure function of the ticket, what the exchange knows and the time.

use super::schedule::Schedule;
use super::ticket::Ticket;
use crate::domain::chain::Quote;
use crate::domain::order::{OrderState, Side};
use crate::exchange::facts::{Order, OrderRequest, PostOnly, TimeInForce};
use rust_decimal::Decimal;

/// What is known about the order on the exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nobody looked since the last thing that could have changed it.
    Unknown,
    /// Looked up: the exchange has no order with the label.
    Absent,
    Order(Order),
}

/// Everything a step depends on besides the ticket, the schedule and the time.
#[derive(Clone, Debug)]
pub struct Seen {
    pub known: Known,
    /// The contract's quote; `None` when it has none.
    pub quote: Option<Quote>,
    /// Another order of ours works on the same contract.
    pub other_working: bool,
    /// The desk stops, or its kill switch is on: withdraw instead of working on.
    pub withdraw: bool,
}

/// What to do, or for how long to do nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Read the order by its label before anything else.
    LookUp,
    Send(OrderRequest),
    Reprice {
        order_id: String,
        price: Decimal,
    },
    Cancel {
        order_id: String,
        reason: &'static str,
    },
    Wait {
        until_ms: i64,
        reason: &'static str,
    },
    /// Final: the state of our row, and why when it is not simply filled.
    Done {
        state: OrderState,
        reason: Option<String>,
    },
}

/// The next step of one order. Two working orders for one contract never come out of it.
pub fn next(ticket: &Ticket, seen: &Seen, schedule: &Schedule, at_ms: i64) -> Step {
    match &seen.known {
        Known::Unknown => Step::LookUp,
        Known::Absent => before_sending(ticket, seen, schedule, at_ms),
        Known::Order(order) if order.state.is_final() => Step::Done {
            state: order.state,
            reason: order.cancel_reason.clone(),
        },
        Known::Order(order) => while_working(ticket, order, seen, schedule, at_ms),
    }
}

fn before_sending(ticket: &Ticket, seen: &Seen, schedule: &Schedule, at_ms: i64) -> Step {
    let void_ms = ticket.sent_ms.map(|sent_ms| sent_ms + schedule.validity_ms);
    if let Some(until_ms) = void_ms.filter(|void_ms| at_ms < *void_ms) {
        let reason = "an unanswered request may still be accepted";
        return Step::Wait { until_ms, reason };
    }
    let dropped = |reason: &str| Step::Done {
        state: OrderState::Cancelled,
        reason: Some(reason.to_owned()),
    };
    if seen.withdraw {
        return dropped("withdrawn before it was sent");
    }
    if at_ms > ticket.created_ms + schedule.stale_ms {
        return dropped("never sent: the intent is stale");
    }
    if at_ms >= ticket.intent().instrument.expiry_ms {
        return dropped("never sent: the contract has expired");
    }
    let wait = |reason| Step::Wait {
        until_ms: at_ms + schedule.step_ms.max(1),
        reason,
    };
    if seen.other_working {
        return wait("another order works on this contract");
    }
    match price_now(ticket, seen, schedule, at_ms) {
        Some(price) => Step::Send(request(ticket, schedule, price, at_ms)),
        None => wait("the book is empty"),
    }
}

fn while_working(
    ticket: &Ticket,
    order: &Order,
    seen: &Seen,
    schedule: &Schedule,
    at_ms: i64,
) -> Step {
    let cancel = |reason| Step::Cancel {
        order_id: order.order_id.clone(),
        reason,
    };
    if seen.withdraw {
        return cancel("withdrawn");
    }
    let deadline_ms = schedule
        .deadline_ms(ticket.created_ms)
        .max(order.created_ms + schedule.linger_ms);
    if at_ms >= deadline_ms {
        return cancel("gave up at the last price");
    }
    if let Some(price) = price_now(ticket, seen, schedule, at_ms)
        && closer(order.side, price, order.price)
    {
        let order_id = order.order_id.clone();
        return Step::Reprice { order_id, price };
    }
    let next_ms = schedule.next_step_ms(ticket.created_ms, at_ms);
    Step::Wait {
        until_ms: next_ms.unwrap_or(deadline_ms).min(deadline_ms),
        reason: "working",
    }
}

fn price_now(ticket: &Ticket, seen: &Seen, schedule: &Schedule, at_ms: i64) -> Option<Decimal> {
    let step = schedule.step(ticket.created_ms, at_ms);
    schedule.price(ticket.side(), seen.quote.as_ref()?, step)
}

/// True when a price is more likely to fill; the walk never steps back.
fn closer(side: Side, price: Decimal, than: Decimal) -> bool {
    match side {
        Side::Sell => price < than,
        Side::Buy => price > than,
    }
}

/// Orders die at 08:00 UTC should the desk never come back; the exchange allows that for takers only.
fn request(ticket: &Ticket, schedule: &Schedule, price: Decimal, at_ms: i64) -> OrderRequest {
    let (time_in_force, post_only) = if schedule.post_only {
        (TimeInForce::GoodTilCancelled, PostOnly::Shift)
    } else {
        (TimeInForce::GoodTilDay, PostOnly::Off)
    };
    OrderRequest {
        label: ticket.label.clone(),
        instrument: ticket.intent().instrument,
        side: ticket.side(),
        size: ticket.size(),
        price,
        time_in_force,
        post_only,
        reduce_only: ticket.reduce_only(),
        valid_until_ms: Some(at_ms + schedule.validity_ms),
    }
}
