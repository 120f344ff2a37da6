//! A chain of the past out of trades: what was quoted is not public, what was traded is.
//!
//! Everything is known at the instant: trades up to it, the volatility index's last close, the delivery price of a
//! past 08:00 UTC. The model, in this order:
//!
//! 1. *Index*: of the newest trade of the last hour; else the delivery price of that hour; else there is no chain.
//! 2. *Forward* of an expiry: each trade of the last day names the forward at which its price has its volatility
//!    (Black-76, inverse); the median ratio to its index, times the index now. Without trades, the index.
//! 3. *Smile* of an expiry: an SSVI slice fitted to the volatilities of its trades of the last day, in which the
//!    exchange's mark counts where the trade carries one, and newer trades more (they lose half in four hours).
//!    The long-run shape of the coin, at the level of the volatility index, stands behind as a prior, so that two
//!    trades do not bend a wing; an expiry without trades takes its level from the expiries around it.
//! 4. *Contracts*: calls and puts of the strikes that traded within the last week, since a trade proves that its
//!    strike was listed by then, for both. A strike that traded within the hour has its own volatility, all others
//!    the smile's.
//! 5. *Bid and ask*: the mark less and plus half of the median spread of recorded chains at that delta and
//!    maturity, outwards to the tick; no bid below one tick. They are a model's, never a quote: the chain's source
//!    is `Model` and each row says whether a print or the surface stands behind its mark. Sizes and open interest
//!    are unknown; volume is that of the trades of the last 24 hours.

mod fit;

use crate::domain::chain::{Chain, Quote, Source};
use crate::domain::coin::Coin;
use crate::domain::instrument::{DAY_MS, Instrument, OptionType, Style};
use crate::domain::math::ln;
use crate::domain::pricing::black76;
use crate::domain::tape::Print;
use crate::domain::tick_steps::tick_steps;
use crate::market::synthetic::typical_spread;
use fit::{Expiries, Observed};
use std::collections::{BTreeMap, BTreeSet};

const HOUR_MS: i64 = 3_600_000;
/// Trades that prove a strike: so far back is looked.
pub const LOOKBACK_MS: i64 = 7 * DAY_MS;
/// A trade so young is its strike's own volatility.
const FRESH_MS: i64 = HOUR_MS;

/// Where the mark of a rebuilt quote came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Provenance {
    /// A trade of this strike and expiry within the last hour.
    Print,
    /// The fitted surface.
    Surface,
}

impl Provenance {
    /// The flag of the stored row.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Print => "print",
            Self::Surface => "model",
        }
    }
}

/// A chain with what stands behind each of its quotes, in the order of the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Rebuilt {
    pub chain: Chain,
    pub provenance: Vec<Provenance>,
}

/// What is known of the market beside its trades.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Beside {
    /// The last close of the volatility index, a fraction.
    pub dvol: Option<f64>,
    /// (08:00 UTC, USD) of the newest delivery price.
    pub delivery: Option<(i64, f64)>,
}

/// The chain at `at_ms` from inverse prints in the order of time; later ones are ignored. `None` when the
/// index of the moment or every volatility is unknown.
pub fn rebuild(coin: Coin, at_ms: i64, prints: &[Print], beside: Beside) -> Option<Rebuilt> {
    let from = prints.partition_point(|print| print.at_ms <= at_ms - LOOKBACK_MS);
    let to = prints.partition_point(|print| print.at_ms <= at_ms);
    let known: Vec<&Print> = prints[from..to.max(from)]
        .iter()
        .filter(|print| is_usable(print, coin, at_ms))
        .collect();
    let index_price = index_price(&known, at_ms, beside.delivery)?;
    let observed = fit::observe(&known, at_ms);
    let strikes = strikes(&known);
    let expiries = Expiries::fit(coin, at_ms, &observed, strikes.keys(), beside.dvol)?;
    let mut rebuilt = Rebuilt {
        chain: Chain {
            coin,
            at_ms,
            source: Source::Model,
            index_price,
            quotes: Vec::new(),
        },
        provenance: Vec::new(),
    };
    let volumes = volumes(&known, at_ms);
    let own = own_volatilities(&observed, at_ms);
    for (instrument, (forward_ratio, surface)) in contracts(coin, index_price, &strikes, &expiries)
    {
        let strike = (instrument.expiry_ms, instrument.strike_usd);
        let (provenance, volatility) = match own.get(&strike) {
            Some(volatility) => (Provenance::Print, *volatility),
            None => (Provenance::Surface, surface),
        };
        let forward = index_price * forward_ratio;
        let volume = volumes.get(&instrument).copied().unwrap_or(0.0);
        let quote = quote(instrument, at_ms, forward, volatility, volume);
        rebuilt.chain.quotes.push(quote);
        rebuilt.provenance.push(provenance);
    }
    Some(rebuilt)
}

fn is_usable(print: &Print, coin: Coin, at_ms: i64) -> bool {
    let one = &print.instrument;
    one.coin == coin && one.style == Style::Inverse && one.expiry_ms > at_ms
}

fn index_price(known: &[&Print], at_ms: i64, delivery: Option<(i64, f64)>) -> Option<f64> {
    let recent = |then_ms: i64| then_ms > at_ms - FRESH_MS && then_ms <= at_ms;
    let mut prints = known.iter().rev().take_while(|print| recent(print.at_ms));
    let newest = prints.find_map(|print| print.index_price);
    newest.or_else(|| {
        delivery
            .filter(|(then_ms, _)| recent(*then_ms))
            .map(|(_, price)| price)
    })
}

/// Strikes of every expiry that has some.
fn strikes(known: &[&Print]) -> BTreeMap<i64, BTreeSet<u32>> {
    let mut strikes: BTreeMap<i64, BTreeSet<u32>> = BTreeMap::new();
    for print in known {
        let of = strikes.entry(print.instrument.expiry_ms).or_default();
        of.insert(print.instrument.strike_usd);
    }
    strikes
}

/// Coin traded within the last 24 hours.
fn volumes(known: &[&Print], at_ms: i64) -> BTreeMap<Instrument, f64> {
    let mut volumes = BTreeMap::new();
    for print in known.iter().filter(|print| print.at_ms > at_ms - DAY_MS) {
        *volumes.entry(print.instrument).or_insert(0.0) += print.amount;
    }
    volumes
}

/// The newest volatility of each (expiry, strike) that traded within the hour.
fn own_volatilities(observed: &[Observed], at_ms: i64) -> BTreeMap<(i64, u32), f64> {
    let fresh = observed.iter().filter(|one| one.at_ms > at_ms - FRESH_MS);
    let strike = |one: &Observed| (one.instrument.expiry_ms, one.instrument.strike_usd);
    fresh.map(|one| (strike(one), one.volatility)).collect()
}

/// Every contract in the order of a chain, with its expiry's forward over the index and the smile's volatility.
fn contracts(
    coin: Coin,
    index_price: f64,
    strikes: &BTreeMap<i64, BTreeSet<u32>>,
    expiries: &Expiries,
) -> Vec<(Instrument, (f64, f64))> {
    let mut contracts = Vec::new();
    for (expiry_ms, strikes) in strikes {
        for strike_usd in strikes {
            let Some(priced) = expiries.at(*expiry_ms, f64::from(*strike_usd) / index_price) else {
                continue;
            };
            for option_type in [OptionType::Call, OptionType::Put] {
                let instrument = Instrument {
                    coin,
                    style: Style::Inverse,
                    expiry_ms: *expiry_ms,
                    strike_usd: *strike_usd,
                    option_type,
                };
                contracts.push((instrument, priced));
            }
        }
    }
    contracts
}

fn quote(instrument: Instrument, at_ms: i64, forward: f64, volatility: f64, volume: f64) -> Quote {
    // As the exchange publishes it, and so that the last digits of a fit decide nothing.
    let volatility = ((volatility * 1e4).round() / 1e4).max(1e-4);
    let (strike, years) = (instrument.strike(), instrument.years(at_ms));
    let priced = black76(instrument.is_call(), forward, strike, volatility, years);
    let mark = priced.price_usd / forward;
    let half = 0.5 * typical_spread(instrument.coin, instrument.dte(at_ms), priced.delta.abs());
    let steps = tick_steps(instrument.coin, instrument.style);
    let bid = steps.floor(mark - half);
    Quote {
        instrument,
        underlying_price: forward,
        bid: (mark > half && bid > 0.0).then_some(bid),
        ask: Some(steps.ceil(mark + half)),
        bid_size: None,
        ask_size: None,
        mark: Some((mark * 1e8).round() / 1e8),
        mark_iv: Some(volatility),
        delta: Some((priced.delta * 1e5).round() / 1e5),
        open_interest: None,
        volume: Some(volume),
    }
}

/// Log-moneyness on the forward.
fn log_moneyness(strike: f64, forward: f64) -> f64 {
    ln(strike / forward)
}

#[cfg(test)]
mod tests;
