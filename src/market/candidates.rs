//! Every call of a chain with its numbers and, if it does not qualify, the first filter it failed.
//!
//! Premiums are taken at the bid, which is what a sale gets. Inverse prices are coin and linear ones
//! USDC: both are brought to USD and to a yield on the coin before anything compares them.

mod admission;

pub use admission::{Admission, Change, admission};

use crate::domain::chain::Quote;
use crate::domain::context::Context;
use crate::domain::decision::{Candidate, FailedFilter, Filter};
use crate::domain::fees::trade_fee_per_coin;
use crate::domain::instrument::Style;
use crate::domain::settings::Settings;
use crate::domain::ticks::tick_size;
use crate::market::features::matching_realised_vol;
use std::collections::BTreeMap;

/// Float noise allowed when a spread is counted in ticks.
const TICK_NOISE: f64 = 1e-9;

/// Every call of the chain in chain order, unscored; `failed` is null on those that qualify.
pub fn candidates(context: &Context, settings: &Settings) -> Vec<Candidate> {
    let quotes = &context.chain.quotes;
    let mut calls = Vec::with_capacity(quotes.len() / 2 + 1);
    for expiry in expiries(quotes) {
        measure(expiry.iter(), context, settings, |call| calls.push(call));
    }
    calls
}

/// The calls that qualify and no others, equal to those of [`candidates`]: what a backtest, which keeps
/// no rejected rows, scans. The DTE band is found by binary search, so the cost follows its size.
pub fn qualified(context: &Context, settings: &Settings) -> Vec<Candidate> {
    measured(context, settings, |call| call.failed.is_none())
}

/// The calls of the DTE band that somebody bids for and offers closely enough, whatever their volatility,
/// premium and yield: what a fixed overwrite chooses from.
pub fn tradable(context: &Context, settings: &Settings) -> Vec<Candidate> {
    measured(context, settings, |call| {
        let failed = call.failed.as_ref();
        failed.is_none_or(|failed| failed.filter >= Filter::MarkIv)
    })
}

fn measured(
    context: &Context,
    settings: &Settings,
    keep: impl Fn(&Candidate) -> bool,
) -> Vec<Candidate> {
    let index = context.index_price;
    let band = context.chain.dte_band(settings.dte_min, settings.dte_max);
    let mut calls = Vec::new();
    for expiry in expiries(band) {
        let above = expiry.partition_point(|quote| quote.instrument.strike() <= index);
        let plausible = expiry[above..]
            .iter()
            .filter(|quote| plausible(quote, settings));
        measure(plausible, context, settings, |call| {
            if keep(&call) {
                calls.push(call);
            }
        });
    }
    calls
}

/// Passes what the first filters would let through, at a tenth of the cost of measuring.
fn plausible(quote: &Quote, settings: &Settings) -> bool {
    let delta = quote.delta.unwrap_or(f64::NAN);
    (settings.delta_min..=settings.delta_max).contains(&delta)
        && quote.bid.is_some()
        && quote.ask.is_some()
}

fn expiries(quotes: &[Quote]) -> impl Iterator<Item = &[Quote]> {
    let key = |quote: &Quote| (quote.instrument.style, quote.instrument.expiry_ms);
    quotes.chunk_by(move |one, next| key(one) == key(next))
}

/// Days to expiry and the realised volatility that matches them are those of a whole expiry.
fn measure<'q>(
    expiry: impl Iterator<Item = &'q Quote>,
    context: &Context,
    settings: &Settings,
    mut found: impl FnMut(Candidate),
) {
    let mut calls = expiry.filter(|quote| quote.instrument.is_call()).peekable();
    let Some(first) = calls.peek() else {
        return;
    };
    let dte = first.instrument.dte(context.as_of_ms);
    let realised = matching_realised_vol(&context.features, dte);
    for quote in calls {
        let mut call = numbers(quote, context.index_price, dte, realised);
        call.failed = first_failure(&call, context.index_price, settings);
        found(call);
    }
}

fn numbers(quote: &Quote, index: f64, dte: f64, realised: Option<f64>) -> Candidate {
    let instrument = quote.instrument;
    let bid = quote.bid.filter(|bid| *bid > 0.0);
    let mark_iv = quote.mark_iv.filter(|vol| *vol > 0.0);
    Candidate {
        instrument,
        dte,
        delta: quote.delta,
        bid,
        ask: quote.ask.filter(|ask| *ask > 0.0),
        mark_iv,
        ivrv: mark_iv
            .zip(realised)
            .map(|(implied, realised)| implied / realised),
        open_interest: quote.open_interest,
        premium_usd: bid.map(|bid| usd(bid, instrument.style, index)),
        yield_net: bid.and_then(|bid| net_yield(bid, instrument.style, index, dte)),
        failed: None,
        score: None,
        rank: None,
        propensity: 0.0,
        chosen: false,
        terms: BTreeMap::new(),
    }
}

/// USD per 1 coin of contract: an inverse premium is coin and is worth the index.
fn usd(price: f64, style: Style, index: f64) -> f64 {
    match style {
        Style::Inverse => price * index,
        Style::Linear => price,
    }
}

/// (bid - fee) as a share of the coin, per year of 365 days; null at and after expiry.
fn net_yield(bid: f64, style: Style, index: f64, dte: f64) -> Option<f64> {
    let net = bid - trade_fee_per_coin(style, bid, index);
    (dte > 0.0 && index > 0.0).then(|| usd(net, style, index) / index * 365.0 / dte)
}

/// The first filter in the order of [`Filter`] that the call fails.
fn first_failure(call: &Candidate, index_price: f64, settings: &Settings) -> Option<FailedFilter> {
    moneyness(call, index_price)
        .or_else(|| present(call.bid, Filter::Bid))
        .or_else(|| present(call.ask, Filter::Ask))
        .or_else(|| at_least(Some(call.dte), settings.dte_min, Filter::DteMin))
        .or_else(|| at_most(call.dte, settings.dte_max, Filter::DteMax))
        .or_else(|| present(call.delta, Filter::Delta))
        .or_else(|| at_least(call.delta, settings.delta_min, Filter::DeltaMin))
        .or_else(|| at_most(call.delta?, settings.delta_max, Filter::DeltaMax))
        .or_else(|| spread(call, settings))
        .or_else(|| open_interest(call, settings))
        .or_else(|| present(call.mark_iv, Filter::MarkIv))
        .or_else(|| present(call.ivrv, Filter::RealisedVol))
        .or_else(|| at_least(call.ivrv, settings.ivrv_min, Filter::Ivrv))
        .or_else(|| above_floor(call, settings))
}

/// Strike above the index. There is no setting that would admit an in-the-money call.
fn moneyness(call: &Candidate, index: f64) -> Option<FailedFilter> {
    let above = call.instrument.strike() - index;
    (above.is_nan() || above <= 0.0).then_some(FailedFilter {
        filter: Filter::OutOfTheMoney,
        by: Some(-above),
        admit_at: None,
    })
}

/// Spread as a share of the mid, or few enough ticks; `admit_at` is the `spread_max` that would do.
fn spread(call: &Candidate, settings: &Settings) -> Option<FailedFilter> {
    let (bid, ask) = (call.bid?, call.ask?);
    let mid = f64::midpoint(bid, ask);
    let (width, share) = (ask - bid, (ask - bid) / mid);
    let crossed = width < 0.0;
    let ticks = width / tick_size(&call.instrument, mid);
    let narrow = share <= settings.spread_max || ticks <= settings.spread_max_ticks + TICK_NOISE;
    (crossed || !narrow).then_some(FailedFilter {
        filter: Filter::Spread,
        by: (!crossed).then_some(share - settings.spread_max),
        admit_at: (!crossed).then_some(share),
    })
}

/// A limit of 0 asks for nothing, so it admits an interest that nobody knows: that of a rebuilt chain.
fn open_interest(call: &Candidate, settings: &Settings) -> Option<FailedFilter> {
    let limit = settings.open_interest_min;
    let failure = at_least(call.open_interest, limit, Filter::OpenInterest);
    failure.filter(|_| limit > 0.0)
}

/// The setting that is a policy's own floor: USD of premium for `rules_v1`, net annualised yield for the others;
/// `simulator_v1` has one on its score instead, and training profiles have none.
pub fn floor(policy: &str) -> Option<&'static str> {
    match policy {
        "simulator_v1" | "profiles" => None,
        "rules_v1" => Some("premium_min_usd"),
        _ => Some("yield_min"),
    }
}

fn above_floor(call: &Candidate, settings: &Settings) -> Option<FailedFilter> {
    match floor(&settings.policy)? {
        "premium_min_usd" => at_least(
            call.premium_usd,
            settings.premium_min_usd,
            Filter::PremiumMin,
        ),
        _ => at_least(call.yield_net, settings.yield_min, Filter::YieldMin),
    }
}

fn present(value: Option<f64>, filter: Filter) -> Option<FailedFilter> {
    let failure = FailedFilter {
        filter,
        by: None,
        admit_at: None,
    };
    value.is_none_or(f64::is_nan).then_some(failure)
}

/// Fails below the limit; a value that is not known fails without a distance.
fn at_least(value: Option<f64>, limit: f64, filter: Filter) -> Option<FailedFilter> {
    match value {
        Some(value) if value >= limit => None,
        _ => Some(FailedFilter {
            filter,
            by: value.map(|value| limit - value),
            admit_at: value,
        }),
    }
}

fn at_most(value: f64, limit: f64, filter: Filter) -> Option<FailedFilter> {
    (value > limit).then_some(FailedFilter {
        filter,
        by: Some(value - limit),
        admit_at: Some(value),
    })
}

#[cfg(test)]
mod tests;
