//! The public tape: trades of the last day. This exchange's one account is on one side of each.

use crate::domain::instrument::{DAY_MS, Instrument};
use crate::exchange::sim::http::call::Call;
use crate::exchange::sim::http::params::paid_in;
use crate::exchange::sim::http::reply::Answer;
use crate::exchange::sim::http::shape::trade::public;
use crate::exchange::sim::http::span::Span;

/// `public/get_last_trades_by_currency`.
pub(in super::super) async fn by_currency(call: &Call<'_>) -> Answer {
    of_currency(call, Span::of(call.params)?).await
}

/// `public/get_last_trades_by_currency_and_time`: empty when it starts before the last day.
pub(in super::super) async fn by_currency_and_time(call: &Call<'_>) -> Answer {
    of_currency(call, day_or_nothing(call)?).await
}

/// `public/get_last_trades_by_instrument`.
pub(in super::super) async fn by_instrument(call: &Call<'_>) -> Answer {
    let contract = call.params.contract()?;
    page(call, Span::of(call.params)?, |one| *one == contract).await
}

/// `public/get_last_trades_by_instrument_and_time`.
pub(in super::super) async fn by_instrument_and_time(call: &Call<'_>) -> Answer {
    let contract = call.params.contract()?;
    page(call, day_or_nothing(call)?, |one| *one == contract).await
}

async fn of_currency(call: &Call<'_>, span: Span) -> Answer {
    let currency = call.params.needed_currency(&[])?;
    let wanted = call.params.wants_options()?;
    page(call, span, |one| wanted && paid_in(one, currency)).await
}

fn day_or_nothing(call: &Call<'_>) -> Result<Span, crate::exchange::sim::http::reply::RpcError> {
    let span = Span::timed(call.params)?;
    let too_old = span.start_ms() < call.at_ms - DAY_MS;
    Ok(if too_old {
        span.not_after(i64::MIN)
    } else {
        span
    })
}

async fn page(call: &Call<'_>, span: Span, of: impl Fn(&Instrument) -> bool) -> Answer {
    let span = span.not_before(call.at_ms - DAY_MS);
    call.ask(&[], |venue, _| {
        let prints = venue.prints();
        let prints = prints.filter(|print| of(&print.trade.fill.instrument));
        Ok(span.page(prints, public))
    })
    .await
}
