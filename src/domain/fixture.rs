//! A small market and book for tests of policy, risk and the step: one flat volatility, round numbers.

use super::account::{Account, Position, WorkingOrder};
use super::chain::{Chain, Quote, Source};
use super::coin::Coin;
use super::context::{Context, Feature, Features, Regime};
use super::instrument::{Instrument, Style};
use super::order::Side;
use super::pricing::black76;
use super::ticks::tick_size;
use rust_decimal::Decimal;
use std::sync::Arc;

/// 2026-01-20 08:00 UTC, a Tuesday.
pub(crate) const AS_OF_MS: i64 = 1_768_896_000_000;
pub(crate) const VOL: f64 = 0.45;

pub(crate) fn decimal(text: &str) -> Decimal {
    text.parse().expect(text)
}

pub(crate) fn named(name: &str) -> Instrument {
    name.parse().expect(name)
}

/// Index 90,000 (BTC) or 3,000 (ETH) USD, 2 coins, nothing held, quotes of 3, 10 and 38 days.
pub(crate) fn context(coin: Coin) -> Context {
    context_of(coin, Style::Inverse)
}

pub(crate) fn context_of(coin: Coin, style: Style) -> Context {
    let index_price = index(coin);
    Context {
        coin,
        as_of_ms: AS_OF_MS,
        index_price,
        account: account("2"),
        positions: Vec::new(),
        working: Vec::new(),
        features: features(0.40),
        day_peak_equity: None,
        orders_last_minute: 0,
        chain: Arc::new(chain(coin, style)),
    }
}

pub(crate) fn index(coin: Coin) -> f64 {
    match coin {
        Coin::Btc => 90_000.0,
        Coin::Eth => 3_000.0,
    }
}

pub(crate) fn account(balance: &str) -> Account {
    Account {
        balance: decimal(balance),
        option_value: 0.0,
        equity: balance.parse().expect(balance),
        initial_margin: 0.0,
        maintenance_margin: 0.0,
        source: Source::Synthetic,
    }
}

pub(crate) fn features(realised_vol: f64) -> Features {
    let known = |value: f64| Feature::known(value, Source::DeliveryPrice);
    let unknown = || Feature::missing("not part of the fixture");
    Features {
        return_1d: unknown(),
        return_7d: unknown(),
        return_30d: unknown(),
        realised_vol_7d: known(realised_vol),
        realised_vol_30d: known(realised_vol),
        ma50: unknown(),
        ma200: unknown(),
        distance_ma50: unknown(),
        distance_ma200: unknown(),
        dvol: unknown(),
        iv_rank: unknown(),
        term_slope: unknown(),
        skew_25d: unknown(),
        regime: Regime::Unknown,
    }
}

/// Calls and puts at 0.80 to 1.40 of the index, one tick each side of the model price.
pub(crate) fn chain(coin: Coin, style: Style) -> Chain {
    let mut quotes = Vec::new();
    for date in ["23JAN26", "30JAN26", "27FEB26"] {
        for step in 0..31 {
            for side in ["C", "P"] {
                quotes.push(quote(
                    coin,
                    style,
                    date,
                    0.80 + 0.02 * f64::from(step),
                    side,
                ));
            }
        }
    }
    quotes.sort_by_key(|quote| quote.instrument);
    Chain {
        coin,
        at_ms: AS_OF_MS,
        source: Source::Synthetic,
        index_price: index(coin),
        quotes,
    }
}

fn quote(coin: Coin, style: Style, date: &str, moneyness: f64, side: &str) -> Quote {
    let strike = (index(coin) * moneyness).round();
    let linear = if style == Style::Linear { "_USDC" } else { "" };
    let instrument = named(&format!("{coin}{linear}-{date}-{strike}-{side}"));
    let years = instrument.years(AS_OF_MS);
    let priced = black76(side == "C", index(coin), strike, VOL, years);
    let mark = match style {
        Style::Inverse => priced.price_usd / index(coin),
        Style::Linear => priced.price_usd,
    };
    let tick = tick_size(&instrument, mark);
    let bid = ((mark / tick).floor() * tick * 1e8).round() / 1e8;
    Quote {
        instrument,
        underlying_price: index(coin),
        bid: (bid > 0.0).then_some(bid),
        ask: Some(((bid + tick) * 1e8).round() / 1e8),
        bid_size: Some(5.0),
        ask_size: Some(5.0),
        mark: Some(mark),
        mark_iv: Some(VOL),
        delta: Some(priced.delta),
        open_interest: Some(100.0),
        volume: Some(10.0),
    }
}

/// A short call of the context's account, opened by decision `chain-1`.
pub(crate) fn short(name: &str, size: &str) -> Position {
    Position {
        instrument: named(name),
        size: -decimal(size),
        average_price: decimal("0.01"),
        fees: Decimal::ZERO,
        opened_ms: AS_OF_MS - 86_400_000,
        chain: "chain-1".to_owned(),
        rolls: 0,
    }
}

pub(crate) fn working(name: &str, side: Side, remaining: &str) -> WorkingOrder {
    WorkingOrder {
        label: "label".to_owned(),
        instrument: named(name),
        side,
        remaining: decimal(remaining),
    }
}
