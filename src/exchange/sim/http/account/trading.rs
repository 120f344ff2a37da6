//! Orders in: buy, sell, close a position, edit.

use crate::domain::coin::Coin;
use crate::domain::instrument::Instrument;
use crate::domain::order::Side;
use crate::exchange::Result;
use crate::exchange::error::ExchangeError;
use crate::exchange::facts::{OrderRequest, PostOnly, TimeInForce};
use crate::exchange::sim::failing::part_of;
use crate::exchange::sim::http::call::Call;
use crate::exchange::sim::http::params::{Params, needed};
use crate::exchange::sim::http::reply::{Answer, RpcError};
use crate::exchange::sim::http::shape::order;
use crate::exchange::sim::quotes::Quotes;
use crate::exchange::sim::venue::{Amendment, Venue};
use rust_decimal::Decimal;
use serde_json::Value;

/// Longest label kept.
const LABEL_MAX: usize = 64;

/// `private/buy`.
pub(in super::super) async fn buy(call: &Call<'_>) -> Answer {
    place(call, requested(call.params, Side::Buy)?).await
}

/// `private/sell`.
pub(in super::super) async fn sell(call: &Call<'_>) -> Answer {
    place(call, requested(call.params, Side::Sell)?).await
}

/// `private/close_position`: a reduce-only order of the position's size at a price.
pub(in super::super) async fn close_position(call: &Call<'_>) -> Answer {
    let instrument = call.params.contract()?;
    needed("type", limit_type(call.params)?)?;
    let price = needed("price", call.params.decimal("price")?)?;
    let coins = [instrument.coin];
    let size = call.ask(&coins, |venue, quotes| {
        let held = venue.holdings(instrument.coin, quotes);
        let held = held.iter().find(|held| held.instrument == instrument);
        Ok(held.map_or(Decimal::ZERO, |held| held.size))
    });
    let size: Decimal = size.await?;
    let side = if size > Decimal::ZERO {
        Side::Sell
    } else {
        Side::Buy
    };
    if size.is_zero() {
        return Err(RpcError::because(
            11_030,
            "other_reject",
            "no position to close",
        ));
    }
    let request = OrderRequest {
        label: String::new(),
        instrument,
        side,
        size: size.abs(),
        price,
        time_in_force: TimeInForce::GoodTilCancelled,
        post_only: PostOnly::Off,
        reduce_only: true,
        valid_until_ms: None,
    };
    place(call, request).await
}

async fn place(call: &Call<'_>, request: OrderRequest) -> Answer {
    let part = call.trouble.cut.map(|share| part_of(&request, share));
    let place = |venue: &mut Venue, quotes: &Quotes| {
        let placed = match part {
            Some(part) => venue.place_cut(&request, part, quotes)?,
            None => venue.place(&request, quotes)?,
        };
        Ok(order::placed(venue, &placed))
    };
    let coins = super::super::super::margin_coins(&request.instrument);
    call.ask(&coins, place).await
}

/// `private/edit`.
pub(in super::super) async fn edit(call: &Call<'_>) -> Answer {
    let id = needed("order_id", call.params.text("order_id")?)?;
    let change = amendment(call.params)?;
    amend(call, &change, |_| Ok(id.to_owned())).await
}

/// `private/edit_by_label`: of the one open order with the label.
pub(in super::super) async fn edit_by_label(call: &Call<'_>) -> Answer {
    let contract = call.params.contract()?;
    let label = call.params.text("label")?.unwrap_or_default();
    let change = amendment(call.params)?;
    amend(call, &change, |venue| labelled(venue, &contract, label)).await
}

fn labelled(venue: &Venue, contract: &Instrument, label: &str) -> Result<String> {
    let orders = venue.bookings().map(|booked| &booked.order);
    let open: Vec<&str> = orders
        .filter(|order| order.is_open() && order.label == label)
        .filter(|order| order.instrument == *contract)
        .map(|order| order.order_id.as_str())
        .collect();
    match open[..] {
        [id] => Ok(id.to_owned()),
        [] => Err(ExchangeError::from_code(10_004, "order_not_found")),
        _ => Err(ExchangeError::from_code(13_032, "non_unique_order_label")),
    }
}

async fn amend(
    call: &Call<'_>,
    change: &Amendment,
    find: impl Fn(&Venue) -> Result<String>,
) -> Answer {
    let amend = |venue: &mut Venue, quotes: &Quotes| -> Result<Value> {
        let id = find(venue)?;
        let placed = venue.amend(&id, change, quotes)?;
        Ok(order::placed(venue, &placed))
    };
    call.ask(&Coin::ALL, amend).await
}

fn amendment(params: &Params) -> std::result::Result<Amendment, RpcError> {
    refuse_what_is_not_simulated(params)?;
    let given = params.flag("post_only")?.is_some() || params.flag("reject_post_only")?.is_some();
    Ok(Amendment {
        size: amount(params)?,
        price: params.decimal("price")?,
        post_only: if given {
            Some(post_only(params)?)
        } else {
            None
        },
        reduce_only: params.flag("reduce_only")?,
        valid_until_ms: params.whole("valid_until")?,
    })
}

fn requested(params: &Params, side: Side) -> std::result::Result<OrderRequest, RpcError> {
    let instrument = params.contract()?;
    limit_type(params)?;
    refuse_what_is_not_simulated(params)?;
    let label = params.text("label")?.unwrap_or_default();
    if label.chars().count() > LABEL_MAX {
        return Err(RpcError::param("label", "longer than 64 characters"));
    }
    Ok(OrderRequest {
        label: label.to_owned(),
        instrument,
        side,
        size: needed("amount", amount(params)?)?,
        price: needed("price", params.decimal("price")?)?,
        time_in_force: time_in_force(params)?,
        post_only: post_only(params)?,
        reduce_only: params.is("reduce_only")?,
        valid_until_ms: params.whole("valid_until")?,
    })
}

/// Options trade by limit orders alone.
fn limit_type(params: &Params) -> std::result::Result<Option<&str>, RpcError> {
    let kind = params.text("type")?;
    match kind {
        None | Some("limit") => Ok(kind),
        Some(_) => Err(RpcError::param("type", "options take limit orders only")),
    }
}

/// Amount in coin; contracts are the same number and must agree when both are given.
fn amount(params: &Params) -> std::result::Result<Option<Decimal>, RpcError> {
    let (amount, contracts) = (params.decimal("amount")?, params.decimal("contracts")?);
    match (amount, contracts) {
        (Some(amount), Some(contracts)) if amount != contracts => {
            Err(RpcError::param("contracts", "does not match amount"))
        }
        (amount, contracts) => Ok(amount.or(contracts)),
    }
}

fn time_in_force(params: &Params) -> std::result::Result<TimeInForce, RpcError> {
    let words = [
        "good_til_cancelled",
        "good_til_day",
        "immediate_or_cancel",
        "fill_or_kill",
    ];
    Ok(match params.choice("time_in_force", &words)? {
        Some("good_til_day") => TimeInForce::GoodTilDay,
        Some("immediate_or_cancel") => TimeInForce::ImmediateOrCancel,
        Some("fill_or_kill") => TimeInForce::FillOrKill,
        _ => TimeInForce::GoodTilCancelled,
    })
}

/// Off unless sent: the published default of `true` is not what the exchange does.
fn post_only(params: &Params) -> std::result::Result<PostOnly, RpcError> {
    Ok(
        match (params.is("post_only")?, params.is("reject_post_only")?) {
            (false, _) => PostOnly::Off,
            (true, false) => PostOnly::Shift,
            (true, true) => PostOnly::Reject,
        },
    )
}

/// Parameters whose meaning an order would silently lack here.
fn refuse_what_is_not_simulated(params: &Params) -> std::result::Result<(), RpcError> {
    let never = [
        "advanced",
        "trigger",
        "trigger_price",
        "trigger_offset",
        "display_amount",
        "linked_order_type",
        "trigger_fill_condition",
        "otoco_config",
    ];
    let sent = never.into_iter().find(|name| params.has(name));
    let sent = sent.or(params.is("mmp")?.then_some("mmp"));
    match sent {
        Some(name) => Err(RpcError::param(name, "not simulated")),
        None => Ok(()),
    }
}
