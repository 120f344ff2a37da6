//! An order as every method that shows one prints it.

use super::instrument::contracts;
use super::number;
use super::trade;
use crate::exchange::facts::{Placed, PostOnly, TimeInForce};
use crate::exchange::sim::venue::{Booked, Venue};
use serde_json::{Value, json};

/// Reasons of the exchange's list; ends of an order's own making carry none.
const REASONS: [&str; 3] = ["user_request", "risk_mitigation", "settlement"];

pub(in super::super) fn order(booked: &Booked) -> Value {
    let order = &booked.order;
    let mut shown = json!({
        "order_id": order.order_id,
        "order_state": order.state.as_str(),
        "order_type": "limit",
        "time_in_force": word(order.time_in_force),
        "instrument_name": order.instrument.name(),
        "direction": order.side.as_str(),
        "price": number(order.price),
        "amount": number(order.size),
        "contracts": contracts(order.size),
        "filled_amount": number(order.filled),
        "average_price": number(order.average_price),
        "label": order.label,
        "post_only": order.post_only != PostOnly::Off,
        "reject_post_only": order.post_only == PostOnly::Reject,
        "reduce_only": order.reduce_only,
        "replaced": booked.replaced,
        "api": true,
        "web": false,
        "mmp": false,
        "is_liquidation": false,
        "risk_reducing": false,
        "creation_timestamp": order.created_ms,
        "last_update_timestamp": order.updated_ms,
        "user_id": super::account::USER_ID,
    });
    let reason = order.cancel_reason.as_deref();
    if let Some(reason) = reason.filter(|reason| REASONS.contains(reason)) {
        shown["cancel_reason"] = json!(reason);
    }
    shown
}

/// The answer of buy, sell and edit: the order and what it traded at once.
pub(in super::super) fn placed(venue: &Venue, placed: &Placed) -> Value {
    let booked = venue.booking(&placed.order.order_id);
    let traded = |id: &str| placed.trades.iter().any(|trade| trade.fill.trade_id == id);
    let prints = venue.prints();
    let trades = prints.filter(|print| traded(&print.trade.fill.trade_id));
    json!({
        "order": booked.map(order),
        "trades": trades.map(|print| trade::own(venue, print)).collect::<Vec<_>>(),
    })
}

fn word(time_in_force: TimeInForce) -> &'static str {
    match time_in_force {
        TimeInForce::GoodTilCancelled => "good_til_cancelled",
        TimeInForce::GoodTilDay => "good_til_day",
        TimeInForce::ImmediateOrCancel => "immediate_or_cancel",
        TimeInForce::FillOrKill => "fill_or_kill",
    }
}
