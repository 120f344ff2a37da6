//! A trade on the public tape and in the account's own list.

use super::instrument::contracts;
use super::number;
use super::quote::side_iv;
use crate::domain::coin::Coin;
use crate::domain::portfolio::currency;
use crate::exchange::facts::PostOnly;
use crate::exchange::sim::venue::{Print, Venue};
use crate::market::synthetic::TapeTrade;
use serde_json::{Value, json};

/// A trade as everybody sees it; its direction is the taker's.
pub(in super::super) fn public(print: &Print) -> Value {
    let fill = &print.trade.fill;
    let taker = match (print.trade.maker, fill.side.as_str()) {
        (false, side) => side,
        (true, "buy") => "sell",
        (true, _) => "buy",
    };
    json!({
        "trade_id": fill.trade_id,
        "trade_seq": print.seq,
        "instrument_name": fill.instrument.name(),
        "timestamp": fill.at_ms,
        "direction": taker,
        "tick_direction": print.tick_direction,
        "price": number(fill.price),
        "amount": number(fill.size),
        "contracts": contracts(fill.size),
        "index_price": number(fill.index_price),
        "mark_price": number(print.mark_price),
        "iv": number(print.mark_iv),
    })
}

/// A trade of others, by the exchange's form of ids: bare for BTC, with the coin for the rest.
pub(in super::super) fn of_tape(trade: &TapeTrade) -> Value {
    let (quote, contract) = (&trade.quote, &trade.quote.instrument);
    let id = match contract.coin {
        Coin::Btc => trade.number.to_string(),
        coin @ Coin::Eth => format!("{coin}-{}", trade.number),
    };
    json!({
        "trade_id": id,
        "trade_seq": trade.number,
        "instrument_name": contract.name(),
        "timestamp": trade.at_ms,
        "direction": trade.side.as_str(),
        "tick_direction": 1,
        "price": trade.price,
        "amount": trade.amount,
        "contracts": trade.amount,
        "index_price": trade.index_price,
        "mark_price": quote.mark,
        "iv": side_iv(quote, Some(trade.price), trade.at_ms),
    })
}

/// A trade as the account sees it, with its fee and its order.
pub(in super::super) fn own(venue: &Venue, print: &Print) -> Value {
    let (trade, fill) = (&print.trade, &print.trade.fill);
    let order = venue.booking(&trade.order_id).map(|booked| &booked.order);
    let post_only = order.is_some_and(|order| order.post_only != PostOnly::Off);
    let mut own = public(print);
    let ours = json!({
        "direction": fill.side.as_str(),
        "order_id": trade.order_id,
        "order_type": "limit",
        "label": trade.label,
        "liquidity": if trade.maker { "M" } else { "T" },
        "fee": number(fill.fee),
        "fee_currency": currency(&fill.instrument),
        "state": order.map_or("filled", |order| order.state.as_str()),
        "post_only": post_only,
        "reduce_only": order.is_some_and(|order| order.reduce_only),
        "matching_id": null,
        "underlying_price": number(print.underlying_price),
        "profit_loss": number(print.profit_loss),
        "self_trade": false,
        "risk_reducing": false,
        "mmp": false,
        "api": true,
        "user_id": super::account::USER_ID,
    });
    merge(&mut own, ours);
    own
}

/// Puts the fields of one object into another.
pub(in super::super) fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}
