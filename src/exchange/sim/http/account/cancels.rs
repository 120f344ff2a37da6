//! Taking orders back: one, or all that a rule picks.

use super::orders::wants_limit_orders;
use crate::exchange::facts::Order;
use crate::exchange::sim::http::call::Call;
use crate::exchange::sim::http::params::{needed, paid_in};
use crate::exchange::sim::http::reply::{Answer, RpcError};
use crate::exchange::sim::http::shape::order::order;
use crate::exchange::sim::venue::Venue;
use serde_json::{Value, json};

/// `private/cancel`.
pub(in super::super) async fn cancel(call: &Call<'_>) -> Answer {
    let id = needed("order_id", call.params.text("order_id")?)?;
    call.ask(&[], |venue, _| {
        venue.cancel(id)?;
        Ok(json!(venue.booking(id).map(order)))
    })
    .await
}

/// `private/cancel_all`.
pub(in super::super) async fn cancel_all(call: &Call<'_>) -> Answer {
    cancelled(call, |_| true).await
}

/// `private/cancel_all_by_currency`.
pub(in super::super) async fn by_currency(call: &Call<'_>) -> Answer {
    let currency = call.params.needed_currency(&[])?;
    let wanted = wants_limit_orders(call)? && call.params.wants_options()?;
    cancelled(call, |order| wanted && paid_in(&order.instrument, currency)).await
}

/// `private/cancel_all_by_instrument`.
pub(in super::super) async fn by_instrument(call: &Call<'_>) -> Answer {
    let contract = call.params.contract()?;
    let wanted = wants_limit_orders(call)?;
    cancelled(call, |order| wanted && order.instrument == contract).await
}

/// `private/cancel_all_by_kind_or_type`; one currency, a list of them, or `any`.
pub(in super::super) async fn by_kind_or_type(call: &Call<'_>) -> Answer {
    let currencies = match call.params.texts("currency") {
        Ok(list) => list,
        Err(_) => vec![call.params.needed_currency(&["any"])?.to_owned()],
    };
    let wanted = wants_limit_orders(call)? && call.params.wants_options()?;
    cancelled(call, |order| {
        let mut asked = currencies.iter();
        wanted && asked.any(|currency| paid_in(&order.instrument, currency))
    })
    .await
}

/// `private/cancel_by_label`: how many, none being no error.
pub(in super::super) async fn by_label(call: &Call<'_>) -> Answer {
    let label = needed("label", call.params.text("label")?)?;
    let currency = call.params.currency(&[])?.unwrap_or("any");
    cancelled(call, |order| {
        order.label == label && paid_in(&order.instrument, currency)
    })
    .await
}

/// Cancels what the rule picks; gives the number, or with `detailed` the orders themselves.
async fn cancelled(call: &Call<'_>, chosen: impl Fn(&Order) -> bool) -> Answer {
    let detailed = call.params.is("detailed")?;
    if call.params.is("freeze_quotes")? {
        return Err(RpcError::param(
            "freeze_quotes",
            "mass quotes are not simulated",
        ));
    }
    let cancel = |venue: &mut Venue, _: &_| {
        let ended = venue.cancel_where(&chosen);
        if !detailed {
            return Ok(json!(ended.len()));
        }
        let ended = ended.iter().filter_map(|one| venue.booking(&one.order_id));
        Ok(ended.map(order).collect::<Value>())
    };
    call.ask(&[], cancel).await
}
