//! The public tape: trades of the last day, with this exchange's one account on one side of each; served as
//! a history host, all of the past and the market's own trades.

use super::coins;
use crate::domain::coin::Coin;
use crate::domain::instrument::{DAY_MS, Instrument};
use crate::exchange::sim::http::call::Call;
use crate::exchange::sim::http::params::paid_in;
use crate::exchange::sim::http::reply::{Answer, RpcError};
use crate::exchange::sim::http::shape::trade::{of_tape, public};
use crate::exchange::sim::http::span::{Either, Span};
use crate::exchange::sim::market::Market;

/// Most trades of one answer of a history host.
const HISTORY_MAX: usize = 10_000;

/// `public/get_last_trades_by_currency`.
pub(in super::super) async fn by_currency(call: &Call<'_>) -> Answer {
    of_currency(call, asked(call)?).await
}

/// `public/get_last_trades_by_currency_and_time`: empty when it starts before the last day.
pub(in super::super) async fn by_currency_and_time(call: &Call<'_>) -> Answer {
    of_currency(call, day_or_nothing(call)?).await
}

/// `public/get_last_trades_by_instrument`.
pub(in super::super) async fn by_instrument(call: &Call<'_>) -> Answer {
    let contract = call.params.contract()?;
    let coins = [contract.coin];
    page(call, asked(call)?, &coins, |one| *one == contract).await
}

/// `public/get_last_trades_by_instrument_and_time`.
pub(in super::super) async fn by_instrument_and_time(call: &Call<'_>) -> Answer {
    let contract = call.params.contract()?;
    let (span, coins) = (day_or_nothing(call)?, [contract.coin]);
    page(call, span, &coins, |one| *one == contract).await
}

async fn of_currency(call: &Call<'_>, span: Span) -> Answer {
    let currency = call.params.needed_currency(&[])?;
    let wanted = call.params.wants_options()?;
    let coins = coins(currency);
    page(call, span, &coins, |one| wanted && paid_in(one, currency)).await
}

fn asked(call: &Call<'_>) -> Result<Span, RpcError> {
    if call.house.history {
        Span::up_to(call.params, HISTORY_MAX)
    } else {
        Span::of(call.params)
    }
}

fn day_or_nothing(call: &Call<'_>) -> Result<Span, RpcError> {
    Span::require_times(call.params)?;
    let span = asked(call)?;
    let too_old = !call.house.history && span.start_ms() < call.at_ms - DAY_MS;
    Ok(if too_old {
        span.not_after(i64::MIN)
    } else {
        span
    })
}

async fn page(
    call: &Call<'_>,
    span: Span,
    coins: &[Coin],
    of: impl Fn(&Instrument) -> bool,
) -> Answer {
    if call.house.history {
        return whole_past(call, span.not_after(call.at_ms), coins, of).await;
    }
    let span = span.not_before(call.at_ms - DAY_MS);
    call.ask(&[], |venue, _| {
        let prints = venue.prints();
        let prints = prints.filter(|print| of(&print.trade.fill.instrument));
        Ok(span.page(prints, public))
    })
    .await
}

/// Recorded chains come without a tape: only the synthetic market has others that trade.
async fn whole_past(
    call: &Call<'_>,
    span: Span,
    coins: &[Coin],
    of: impl Fn(&Instrument) -> bool,
) -> Answer {
    let synthetic = match call.house.sim.market() {
        Market::Synthetic(synthetic) => Some(synthetic),
        Market::Replay(_) => None,
    };
    call.ask(&[], |venue, _| {
        let own = venue.prints();
        let own = own.filter(|print| of(&print.trade.fill.instrument));
        let tapes = coins.iter().filter_map(|coin| Some((synthetic?, *coin)));
        let tape =
            tapes.flat_map(|(market, coin)| market.tape(coin, span.start_ms(), span.end_ms()));
        let tape = tape.filter(|trade| of(&trade.quote.instrument));
        Ok(span.page_with(own, tape, |either| match either {
            Either::Own(print) => public(print),
            Either::Tape(trade) => of_tape(trade),
        }))
    })
    .await
}
