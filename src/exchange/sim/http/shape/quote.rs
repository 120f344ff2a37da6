//! A contract's market: ticker, order book, book summary.

use super::instrument::future;
use super::{number, rounded};
use crate::domain::chain::{Chain, Quote};
use crate::domain::instrument::{Instrument, Style};
use crate::domain::math::{ln, norm_cdf};
use crate::domain::money;
use crate::domain::portfolio::currency;
use crate::domain::pricing::{self, black76};
use crate::exchange::sim::quotes::mark;
use crate::exchange::sim::venue::band::band;
use serde_json::{Value, json};

/// What a ticker needs besides the quote.
pub(in super::super) struct Shown<'a> {
    pub(in super::super) chain: &'a Chain,
    pub(in super::super) quote: &'a Quote,
    /// The exchange's time; the quote's own is the chain's.
    pub(in super::super) at_ms: i64,
    /// Mark of the last 08:00 UTC.
    pub(in super::super) settlement_price: Option<f64>,
    /// Price of the last trade on the tape.
    pub(in super::super) last_price: Option<f64>,
}

/// The ticker; an order book has the same fields and its sides.
pub(in super::super) fn ticker(shown: &Shown<'_>) -> Value {
    let (quote, index) = (shown.quote, shown.chain.index_price);
    let mark_price = mark(quote, shown.at_ms).map_or(0.0, money::float);
    let limits = band(quote, shown.at_ms);
    let (min_price, max_price) = limits
        .map_or((json!(0.0), json!(mark_price + 1.0)), |(low, high)| {
            (number(low), number(high))
        });
    let mut ticker = json!({
        "instrument_name": quote.instrument.name(),
        "timestamp": shown.chain.at_ms,
        "state": "open",
        "stats": stats(shown),
        "open_interest": quote.open_interest.unwrap_or(0.0),
        "best_bid_price": quote.bid,
        "best_bid_amount": quote.bid.map(|_| quote.bid_size.unwrap_or(UNSIZED)),
        "best_ask_price": quote.ask,
        "best_ask_amount": quote.ask.map(|_| quote.ask_size.unwrap_or(UNSIZED)),
        "last_price": shown.last_price,
        "mark_price": rounded(mark_price, 8),
        "index_price": index,
        "min_price": min_price,
        "max_price": max_price,
        "estimated_delivery_price": index,
        "underlying_price": quote.underlying_price,
        "underlying_index": future(&quote.instrument),
        "interest_rate": 0.0,
        "bid_iv": side_iv(quote, quote.bid, shown.at_ms),
        "ask_iv": side_iv(quote, quote.ask, shown.at_ms),
    });
    if let Some(price) = shown.settlement_price {
        ticker["settlement_price"] = json!(rounded(price, 8));
    }
    if let Some(vol) = quote.mark_iv {
        ticker["mark_iv"] = json!(rounded(vol * 100.0, 2));
        ticker["greeks"] = greeks(quote, vol, shown.at_ms);
    }
    ticker
}

/// Recorded chains carry no sizes; their sides trade whole, so a large round number stands there.
pub(in super::super) const UNSIZED: f64 = 1_000.0;

fn stats(shown: &Shown<'_>) -> Value {
    let volume = shown.quote.volume.unwrap_or(0.0);
    let usd = rounded(volume * usd_per_coin(shown), 2);
    json!({
        "high": null,
        "low": null,
        "price_change": null,
        "volume": volume,
        "volume_usd": usd,
        "volume_notional": rounded(volume * shown.chain.index_price, 2),
    })
}

/// The premium of one coin in USD.
fn usd_per_coin(shown: &Shown<'_>) -> f64 {
    let mark = mark(shown.quote, shown.at_ms).map_or(0.0, money::float);
    match shown.quote.instrument.style {
        Style::Inverse => mark * shown.chain.index_price,
        Style::Linear => mark,
    }
}

/// Greeks at the mark volatility with the decimals the exchange prints.
fn greeks(quote: &Quote, vol: f64, at_ms: i64) -> Value {
    let contract = &quote.instrument;
    let (forward, strike) = (quote.underlying_price, contract.strike());
    let years = contract.years(at_ms);
    let priced = black76(contract.is_call(), forward, strike, vol, years);
    let delta = quote.delta.unwrap_or(priced.delta);
    json!({
        "delta": rounded(delta, 5),
        "gamma": rounded(priced.gamma, 5),
        "vega": rounded(priced.vega, 5),
        "theta": rounded(priced.theta, 5),
        "rho": rounded(rho(contract, forward, vol, years), 5),
    })
}

/// USD per 1 % of the rate, K T N(d2) / 100; negative for puts.
fn rho(contract: &Instrument, forward: f64, vol: f64, years: f64) -> f64 {
    let deviation = vol * years.sqrt();
    if deviation.is_nan() || deviation <= 0.0 {
        return 0.0;
    }
    let d2 = ln(forward / contract.strike()) / deviation - 0.5 * deviation;
    let sign = if contract.is_call() { 1.0 } else { -1.0 };
    sign * contract.strike() * years * norm_cdf(sign * d2) / 100.0
}

/// Volatility of a side of the book, percent to two decimals; 0 without a quote or a solution.
pub(in super::super) fn side_iv(quote: &Quote, price: Option<f64>, at_ms: i64) -> f64 {
    let implied = price.and_then(|price| implied_volatility(quote, price, at_ms));
    rounded(implied.unwrap_or(0.0) * 100.0, 2)
}

fn implied_volatility(quote: &Quote, price: f64, at_ms: i64) -> Option<f64> {
    let contract = &quote.instrument;
    let forward = quote.underlying_price;
    let usd = match contract.style {
        Style::Inverse => price * forward,
        Style::Linear => price,
    };
    let (call, years) = (contract.is_call(), contract.years(at_ms));
    pricing::implied_volatility(call, forward, contract.strike(), usd, years)
}

/// A row of `get_book_summary_by_currency`.
pub(in super::super) fn summary(shown: &Shown<'_>) -> Value {
    let quote = shown.quote;
    let contract = &quote.instrument;
    let volume = quote.volume.unwrap_or(0.0);
    let mut row = json!({
        "instrument_name": contract.name(),
        "base_currency": contract.coin.as_str(),
        "quote_currency": currency(contract),
        "bid_price": quote.bid,
        "ask_price": quote.ask,
        "mid_price": quote.mid().map(|mid| rounded(mid, 8)),
        "mark_price": rounded(mark(quote, shown.at_ms).map_or(0.0, money::float), 8),
        "last": shown.last_price,
        "high": null,
        "low": null,
        "price_change": null,
        "open_interest": quote.open_interest.unwrap_or(0.0),
        "volume": volume,
        "volume_usd": rounded(volume * usd_per_coin(shown), 2),
        "volume_notional": rounded(volume * shown.chain.index_price, 2),
        "underlying_price": quote.underlying_price,
        "underlying_index": future(contract),
        "interest_rate": 0.0,
        "estimated_delivery_price": shown.chain.index_price,
        "creation_timestamp": shown.chain.at_ms,
    });
    if let Some(vol) = quote.mark_iv {
        row["mark_iv"] = json!(rounded(vol * 100.0, 2));
    }
    row
}
