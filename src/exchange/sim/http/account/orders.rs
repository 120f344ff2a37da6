//! Orders as they are: open ones, one by id or label, and closed ones for as long as they are shown.

use crate::domain::instrument::{DAY_MS, Instrument};
use crate::exchange::sim::http::call::Call;
use crate::exchange::sim::http::params::{needed, paid_in};
use crate::exchange::sim::http::reply::{Answer, RpcError};
use crate::exchange::sim::http::shape::order::order;
use crate::exchange::sim::venue::Booked;
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// Closed orders are recent for so long.
const RECENT_MS: i64 = 30 * 60_000;
/// The archive knows what is at least so old.
pub(super) const ARCHIVED_AFTER_MS: i64 = 60_000;
/// Orders of the archive older than this need `include_old`.
const OLD_MS: i64 = 2 * DAY_MS;

/// `private/get_open_orders`.
pub(in super::super) async fn open(call: &Call<'_>) -> Answer {
    let wanted = wants_limit_orders(call)? && call.params.wants_options()?;
    shown(call, |booked| wanted && booked.order.is_open()).await
}

/// `private/get_open_orders_by_currency`.
pub(in super::super) async fn open_by_currency(call: &Call<'_>) -> Answer {
    let currency = call.params.needed_currency(&[])?;
    let wanted = wants_limit_orders(call)? && call.params.wants_options()?;
    shown(call, |booked| {
        wanted && booked.order.is_open() && paid_in(&booked.order.instrument, currency)
    })
    .await
}

/// `private/get_open_orders_by_instrument`.
pub(in super::super) async fn open_by_instrument(call: &Call<'_>) -> Answer {
    let contract = call.params.contract()?;
    let wanted = wants_limit_orders(call)?;
    shown(call, |booked| {
        wanted && booked.order.is_open() && booked.order.instrument == contract
    })
    .await
}

/// `private/get_open_orders_by_label`.
pub(in super::super) async fn open_by_label(call: &Call<'_>) -> Answer {
    let currency = call.params.needed_currency(&[])?;
    let label = needed("label", call.params.text("label")?)?;
    shown(call, |booked| {
        let order = &booked.order;
        order.is_open() && order.label == label && paid_in(&order.instrument, currency)
    })
    .await
}

/// `private/get_order_state`.
pub(in super::super) async fn state(call: &Call<'_>) -> Answer {
    let id = needed("order_id", call.params.text("order_id")?)?;
    let at_ms = call.at_ms;
    let found = call.ask(&[], |venue, _| {
        let booked = venue.booking(id).filter(|booked| is_recent(booked, at_ms));
        Ok(booked.map(order))
    });
    let found: Option<Value> = found.await?;
    found.ok_or_else(|| RpcError::new(10_004, "order_not_found"))
}

/// `private/get_order_state_by_label`: open and recently closed ones.
pub(in super::super) async fn state_by_label(call: &Call<'_>) -> Answer {
    let currency = call.params.needed_currency(&[])?;
    let label = needed("label", call.params.text("label")?)?;
    let at_ms = call.at_ms;
    shown(call, |booked| {
        let order = &booked.order;
        order.label == label && paid_in(&order.instrument, currency) && is_recent(booked, at_ms)
    })
    .await
}

/// `private/get_order_history_by_currency`.
pub(in super::super) async fn history_by_currency(call: &Call<'_>) -> Answer {
    let currency = call.params.needed_currency(&[])?;
    let wanted = call.params.wants_options()?;
    history(call, |contract| wanted && paid_in(contract, currency)).await
}

/// `private/get_order_history_by_instrument`.
pub(in super::super) async fn history_by_instrument(call: &Call<'_>) -> Answer {
    let asked = call.params.contract()?;
    history(call, |contract| *contract == asked).await
}

/// Closed orders, newest first; fully unfilled ones only when asked for.
async fn history(call: &Call<'_>, of: impl Fn(&Instrument) -> bool) -> Answer {
    let params = call.params;
    let count = params.count(20, 1_000)?;
    let continued = params.text("continuation")?.map(str::parse::<usize>);
    let continued = continued.transpose();
    let continued = continued.map_err(|_| RpcError::param("continuation", "invalid value"))?;
    let offset = params.whole("offset")?.map(|offset| offset.max(0) as usize);
    let offset = continued.or(offset).unwrap_or(0);
    let unfilled = params.is("include_unfilled")?;
    let (archive, old) = (params.is("historical")?, params.is("include_old")?);
    let at_ms = call.at_ms;
    let visible = |booked: &Booked| {
        let age_ms = at_ms - booked.order.updated_ms;
        if archive {
            age_ms >= ARCHIVED_AFTER_MS && (old || age_ms < OLD_MS)
        } else {
            age_ms < RECENT_MS
        }
    };
    let rows = call.ask(&[], |venue, _| {
        let closed = venue.bookings().rev().filter(|booked| {
            let order = &booked.order;
            let counts = unfilled || order.filled > Decimal::ZERO;
            !order.is_open() && counts && of(&order.instrument) && visible(booked)
        });
        Ok(closed.skip(offset).map(order).collect::<Vec<Value>>())
    });
    let mut rows = rows.await?;
    let more = rows.len() > count;
    rows.truncate(count);
    if !params.is("with_continuation")? {
        return Ok(Value::Array(rows));
    }
    let next = more.then(|| (offset + count).to_string());
    Ok(json!({"orders": rows, "continuation": next}))
}

/// Orders that a rule picks, oldest first.
async fn shown(call: &Call<'_>, chosen: impl Fn(&Booked) -> bool) -> Answer {
    call.ask(&[], |venue, _| {
        let orders = venue.bookings().filter(|booked| chosen(booked));
        Ok(orders.map(order).collect())
    })
    .await
}

fn is_recent(booked: &Booked, at_ms: i64) -> bool {
    booked.order.is_open() || at_ms - booked.order.updated_ms < RECENT_MS
}

/// Whether limit orders are among the types asked for: there are no others here.
pub(super) fn wants_limit_orders(call: &Call<'_>) -> Result<bool, RpcError> {
    let types = [
        "all",
        "limit",
        "trigger_all",
        "stop",
        "stop_all",
        "stop_limit",
        "stop_market",
        "take",
        "take_all",
        "take_limit",
        "take_market",
        "trailing_all",
        "trailing_stop",
    ];
    let asked = call.params.choice("type", &types)?;
    Ok(asked.is_none_or(|asked| asked == "all" || asked == "limit"))
}
