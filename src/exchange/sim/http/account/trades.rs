//! The account's trades: of the last day, or from the archive.

use super::orders::ARCHIVED_AFTER_MS;
use crate::domain::instrument::{DAY_MS, Instrument};
use crate::exchange::sim::http::call::Call;
use crate::exchange::sim::http::params::{needed, paid_in};
use crate::exchange::sim::http::reply::{Answer, RpcError};
use crate::exchange::sim::http::shape::trade::own;
use crate::exchange::sim::http::span::Span;
use crate::exchange::sim::venue::Print;

/// `private/get_user_trades_by_currency`.
pub(in super::super) async fn by_currency(call: &Call<'_>) -> Answer {
    of_currency(call, Span::of(call.params)?).await
}

/// `private/get_user_trades_by_currency_and_time`.
pub(in super::super) async fn by_currency_and_time(call: &Call<'_>) -> Answer {
    of_currency(call, Span::timed(call.params)?).await
}

/// `private/get_user_trades_by_instrument`.
pub(in super::super) async fn by_instrument(call: &Call<'_>) -> Answer {
    let contract = call.params.contract()?;
    page(call, Span::of(call.params)?, |one| *one == contract).await
}

/// `private/get_user_trades_by_instrument_and_time`.
pub(in super::super) async fn by_instrument_and_time(call: &Call<'_>) -> Answer {
    let contract = call.params.contract()?;
    page(call, Span::timed(call.params)?, |one| *one == contract).await
}

/// `private/get_user_trades_by_order`: a list without paging, oldest first unless told otherwise.
pub(in super::super) async fn by_order(call: &Call<'_>) -> Answer {
    let id = needed("order_id", call.params.text("order_id")?)?;
    let sorting = ["asc", "desc", "default"];
    let newest_first = call.params.choice("sorting", &sorting)? == Some("desc");
    let (from_ms, to_ms) = kept(call)?;
    call.ask(&[], |venue, _| {
        let mut prints: Vec<&Print> = venue
            .prints()
            .filter(|print| print.trade.order_id == id)
            .filter(|print| (from_ms..=to_ms).contains(&print.trade.fill.at_ms))
            .collect();
        if newest_first {
            prints.reverse();
        }
        Ok(prints.into_iter().map(|print| own(venue, print)).collect())
    })
    .await
}

async fn of_currency(call: &Call<'_>, span: Span) -> Answer {
    let currency = call.params.needed_currency(&[])?;
    let wanted = call.params.wants_options()?;
    page(call, span, |one| wanted && paid_in(one, currency)).await
}

async fn page(call: &Call<'_>, span: Span, of: impl Fn(&Instrument) -> bool) -> Answer {
    let (from_ms, to_ms) = kept(call)?;
    let span = span.not_before(from_ms).not_after(to_ms);
    call.ask(&[], |venue, _| {
        let prints = venue.prints();
        let prints = prints.filter(|print| of(&print.trade.fill.instrument));
        Ok(span.page(prints, |print| own(venue, print)))
    })
    .await
}

/// The instants shown: the last day, or with `historical` all but the newest part.
fn kept(call: &Call<'_>) -> Result<(i64, i64), RpcError> {
    Ok(if call.params.is("historical")? {
        (i64::MIN, call.at_ms - ARCHIVED_AFTER_MS)
    } else {
        (call.at_ms - DAY_MS, i64::MAX)
    })
}
