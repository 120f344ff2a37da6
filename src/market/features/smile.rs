//! Term slope and 25-delta skew of a chain, interpolated between strikes and between expiries.

use crate::domain::chain::{Chain, Quote, Source};
use crate::domain::context::Feature;
use crate::domain::math::{ln, norm_cdf};

const SHORT_DAYS: f64 = 7.0;
const LONG_DAYS: f64 = 30.0;
const WING_DELTA: f64 = 0.25;

/// Volatilities of one expiry, fractions; what a thin expiry does not show is null.
pub(super) struct Smile {
    dte: f64,
    at_the_money: Option<f64>,
    /// 25-delta put less 25-delta call.
    skew: Option<f64>,
}

/// One smile per expiry still to come, nearest first; none from a chain later than the decision.
pub(super) fn smiles(chain: &Chain, as_of_ms: i64) -> Vec<Smile> {
    if chain.at_ms > as_of_ms {
        return Vec::new();
    }
    chain
        .quotes
        .chunk_by(|one, next| one.instrument.expiry_ms == next.instrument.expiry_ms)
        .filter(|quotes| quotes[0].instrument.expiry_ms > as_of_ms)
        .map(|quotes| smile(quotes, as_of_ms))
        .collect()
}

/// At-the-money volatility at 30 days less that at 7 days; total variance is linear between expiries.
pub(super) fn term_slope(smiles: &[Smile], source: Source) -> Feature {
    let vol_at = |days: f64| {
        let variance = |smile: &Smile| smile.at_the_money.map(|vol| vol * vol * smile.dte);
        at_days(smiles, days, variance).map(|total| (total / days).sqrt())
    };
    match (vol_at(SHORT_DAYS), vol_at(LONG_DAYS)) {
        (Some(short), Some(long)) => Feature::known(long - short, source),
        (None, _) => Feature::missing("no expiries with a volatility around 7 days"),
        (_, None) => Feature::missing("no expiries with a volatility around 30 days"),
    }
}

/// Volatility of the 25-delta put less that of the 25-delta call at 30 days.
pub(super) fn skew_25d(smiles: &[Smile], source: Source) -> Feature {
    at_days(smiles, LONG_DAYS, |smile| smile.skew).map_or_else(
        || Feature::missing("no expiries with 25-delta volatilities around 30 days"),
        |skew| Feature::known(skew, source),
    )
}

/// A quantity at a tenor, linear in days between the two expiries around it; never beyond them.
fn at_days(smiles: &[Smile], days: f64, of: impl Fn(&Smile) -> Option<f64>) -> Option<f64> {
    let known = |smile: &Smile| of(smile).map(|value| (smile.dte, value));
    let before = smiles
        .iter()
        .filter(|smile| smile.dte <= days)
        .rev()
        .find_map(known)?;
    let after = smiles
        .iter()
        .filter(|smile| smile.dte >= days)
        .find_map(known)?;
    Some(between(before, after, days))
}

fn smile(quotes: &[Quote], as_of_ms: i64) -> Smile {
    let instrument = quotes[0].instrument;
    let deviation = instrument.years(as_of_ms).sqrt();
    Smile {
        dte: instrument.dte(as_of_ms),
        at_the_money: at_the_money(quotes),
        skew: wing(quotes, deviation, false)
            .zip(wing(quotes, deviation, true))
            .map(|(put, call)| put - call),
    }
}

/// Mark volatility at the forward, linear in log strike between the strikes around it.
fn at_the_money(quotes: &[Quote]) -> Option<f64> {
    let point = |quote: &Quote| {
        let forward = Some(quote.underlying_price).filter(|price| *price > 0.0)?;
        Some((ln(quote.instrument.strike() / forward), vol(quote)?))
    };
    let points = || quotes.iter().filter_map(point);
    let below = points().rev().find(|(x, _)| *x <= 0.0)?;
    let above = points().find(|(x, _)| *x >= 0.0)?;
    Some(between(below, above, 0.0))
}

/// Mark volatility where the out-of-the-money option's |delta| is 0.25, linear in delta.
///
/// Deltas are computed from the quote's own volatility: recorded ones may be minutes off.
fn wing(quotes: &[Quote], root_years: f64, call: bool) -> Option<f64> {
    let point = |quote: &Quote| {
        let vol = vol(quote)?;
        let x = ln(quote.underlying_price / quote.instrument.strike());
        let d1 = x / (vol * root_years) + 0.5 * vol * root_years;
        Some((norm_cdf(if call { d1 } else { -d1 }), vol))
    };
    let mut nearer: Option<(f64, f64)> = None;
    let mut farther: Option<(f64, f64)> = None;
    let out = |quote: &&Quote| {
        quote.instrument.is_call() == call
            && (quote.instrument.strike() >= quote.underlying_price) == call
    };
    for (delta, vol) in quotes.iter().filter(out).filter_map(point) {
        if delta >= WING_DELTA && nearer.is_none_or(|(known, _)| delta < known) {
            nearer = Some((delta, vol));
        }
        if delta <= WING_DELTA && farther.is_none_or(|(known, _)| delta > known) {
            farther = Some((delta, vol));
        }
    }
    Some(between(nearer?, farther?, WING_DELTA))
}

fn vol(quote: &Quote) -> Option<f64> {
    quote.mark_iv.filter(|vol| *vol > 0.0)
}

/// Linear interpolation at `x` between two points; the first one's value when they share an x.
fn between((x0, y0): (f64, f64), (x1, y1): (f64, f64), x: f64) -> f64 {
    if x1 == x0 {
        y0
    } else {
        y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    }
}
