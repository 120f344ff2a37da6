//! Highest and lowest prices the exchange takes, from a stress of the contract's own price.

use crate::domain::chain::Quote;
use crate::domain::instrument::Style;
use crate::domain::money;
use crate::domain::order::Side;
use crate::domain::pricing::black76;
use crate::exchange::error::ExchangeError;
use crate::exchange::sim::quotes::mark;
use crate::fills::{Rounding, round_to_tick};
use rust_decimal::Decimal;

/// Move of the forward in the stress, a fraction, by style.
const MOVE_INVERSE: f64 = 0.05;
const MOVE_LINEAR: f64 = 0.06;
/// Volatility in the stress as a multiple of the mark's.
const VOL_UP: f64 = 1.5;
const VOL_DOWN: f64 = 0.75;
/// Inverse bands reach at least so far from the mark, coin.
const REACH_MIN: Decimal = Decimal::from_parts(15, 0, 0, false, 3);

/// The price an order enters the book with: inverse orders beyond the band are moved to its edge,
/// linear ones refused. Without a volatility there is no band.
pub(super) fn banded(
    quote: &Quote,
    side: Side,
    price: Decimal,
    at_ms: i64,
) -> Result<Decimal, ExchangeError> {
    let Some((min, max)) = band(quote, at_ms) else {
        return Ok(price);
    };
    let inverse = quote.instrument.style == Style::Inverse;
    match side {
        Side::Buy if price > max && inverse => Ok(max),
        Side::Sell if price < min && inverse => Ok(min),
        Side::Buy if price > max => Err(refusal(10_007, "price_too_high", max)),
        Side::Sell if price < min => Err(refusal(10_005, "price_too_low", min)),
        _ => Ok(price),
    }
}

fn refusal(code: i64, message: &str, limit: Decimal) -> ExchangeError {
    ExchangeError::from_code(code, format!("{message}: the limit is {limit}"))
}

/// (lowest sale, highest purchase) on ticks.
pub(in crate::exchange::sim) fn band(quote: &Quote, at_ms: i64) -> Option<(Decimal, Decimal)> {
    let mark = mark(quote, at_ms)?;
    let (low, high) = (
        stressed(quote, false, at_ms)?,
        stressed(quote, true, at_ms)?,
    );
    let (low, high) = match quote.instrument.style {
        Style::Inverse => (low.min(mark - REACH_MIN), high.max(mark + REACH_MIN)),
        Style::Linear => (low.min(mark), high.max(mark)),
    };
    let on_tick = |price, rounding| round_to_tick(&quote.instrument, price, rounding);
    Some((
        on_tick(low.max(Decimal::ZERO), Rounding::Down),
        on_tick(high, Rounding::Up),
    ))
}

/// The contract's price after a move that raises (or lowers) it, quote currency per coin.
fn stressed(quote: &Quote, raise: bool, at_ms: i64) -> Option<Decimal> {
    let contract = &quote.instrument;
    let size = match contract.style {
        Style::Inverse => MOVE_INVERSE,
        Style::Linear => MOVE_LINEAR,
    };
    let upwards = raise == contract.is_call();
    let forward = quote.underlying_price * if upwards { 1.0 + size } else { 1.0 - size };
    let vol = quote.mark_iv? * if raise { VOL_UP } else { VOL_DOWN };
    let years = contract.years(at_ms);
    let usd = black76(contract.is_call(), forward, contract.strike(), vol, years).price_usd;
    money::decimal(match contract.style {
        Style::Inverse => usd / forward,
        Style::Linear => usd,
    })
}
