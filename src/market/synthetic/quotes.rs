//! Quotes of one expiry: mark from the smile, bid and ask around it, sizes, open interest, volume.

use super::fitted::{Fitted, SpreadShape};
use super::strikes::Strike;
use crate::clock::Noise;
use crate::domain::chain::Quote;
use crate::domain::coin::Coin;
use crate::domain::instrument::{DAY_MS, Instrument, OptionType, Style};
use crate::domain::math::{exp, ln, norm_cdf};
use crate::domain::tick_steps::{TickSteps, tick_steps};
use crate::market::listing::{Cycle, cycle};
use crate::market::surface::Slice;

/// What all quotes of one expiry at one instant share.
pub(super) struct Expiry {
    pub(super) coin: Coin,
    pub(super) fitted: &'static Fitted,
    pub(super) at_ms: i64,
    pub(super) expires_at_ms: i64,
    pub(super) forward: f64,
    ln_forward: f64,
    slice: Slice,
    steps: TickSteps,
    /// Keyed by the instrument: what stays with it for life.
    life: Noise,
    /// Keyed by the quarter of an hour as well: what the market makers change.
    now: Noise,
    inverse_root_years: f64,
    spread_row: [f64; 9],
    dte: f64,
    ln_dte: f64,
    daily: bool,
}

/// Mark of one strike, both sides.
struct Mark {
    volatility: f64,
    call_delta: f64,
    call: f64,
    put: f64,
}

impl Expiry {
    pub(super) fn new(
        coin: Coin,
        fitted: &'static Fitted,
        (at_ms, expiry_ms): (i64, i64),
        forward: f64,
        slice: Slice,
        noise: Noise,
    ) -> Self {
        let life = noise.at(coin as u64).at(expiry_ms as u64);
        let dte = (expiry_ms - at_ms) as f64 / DAY_MS as f64;
        Self {
            coin,
            fitted,
            at_ms,
            expires_at_ms: expiry_ms,
            forward,
            ln_forward: ln(forward),
            slice,
            steps: tick_steps(coin, Style::Inverse),
            life,
            now: life.at((at_ms / QUOTE_LIFE_MS) as u64),
            inverse_root_years: 1.0 / slice.years.sqrt(),
            spread_row: fitted.spread.row(dte),
            dte,
            ln_dte: ln(dte),
            daily: cycle(expiry_ms) == Cycle::Daily,
        }
    }

    /// Appends call and put of one strike, or the call alone.
    pub(super) fn quote(&self, strike: &Strike, calls_only: bool, quotes: &mut Vec<Quote>) {
        let mark = self.mark(strike);
        quotes.push(self.side(strike, &mark, OptionType::Call));
        if !calls_only {
            quotes.push(self.side(strike, &mark, OptionType::Put));
        }
    }

    /// Black-76 at the volatility as the venue publishes it, two decimals in percent.
    fn mark(&self, strike: &Strike) -> Mark {
        let k = strike.logarithm - self.ln_forward;
        let exact = (self.slice.total_variance(k)).sqrt() * self.inverse_root_years;
        let volatility = (exact * 10_000.0).round().max(1.0) / 10_000.0;
        let deviation = volatility / self.inverse_root_years;
        let d1 = 0.5 * deviation - k / deviation;
        let call_delta = norm_cdf(d1);
        let moneyness = f64::from(strike.usd) / self.forward;
        let call = (call_delta - moneyness * norm_cdf(d1 - deviation)).max(0.0);
        Mark {
            volatility,
            call_delta,
            call,
            put: (call - 1.0 + moneyness).max(0.0),
        }
    }

    fn side(&self, strike: &Strike, mark: &Mark, option_type: OptionType) -> Quote {
        let (exact, delta) = match option_type {
            OptionType::Call => (mark.call, mark.call_delta),
            OptionType::Put => (mark.put, mark.call_delta - 1.0),
        };
        let key = 2 * u64::from(strike.usd) + option_type as u64;
        let price = (exact * 1e8).round() / 1e8;
        let (bid, ask) = self.bid_ask(exact, delta.abs(), self.now.at(key));
        let (open_interest, volume) = self.interest(strike, delta.abs(), self.life.at(key));
        let sizes = self.now.at(key).at(7);
        Quote {
            instrument: Instrument {
                coin: self.coin,
                style: Style::Inverse,
                expiry_ms: self.expires_at_ms,
                strike_usd: strike.usd,
                option_type,
            },
            underlying_price: self.forward,
            bid,
            ask,
            bid_size: bid.map(|_| self.size(delta.abs(), sizes.at(1))),
            ask_size: ask.map(|_| self.size(delta.abs(), sizes.at(2))),
            mark: Some(price),
            mark_iv: Some(mark.volatility),
            delta: Some((delta * 1e5).round() / 1e5),
            open_interest: Some(open_interest),
            volume: Some(volume),
        }
    }

    /// Bid below and ask above the exact mark, on ticks; deep in the money sometimes nobody quotes.
    fn bid_ask(&self, mark: f64, delta: f64, noise: Noise) -> (Option<f64>, Option<f64>) {
        if noise.at(5).unit() < unquoted(delta) {
            return (None, None);
        }
        let ln_width = SpreadShape::ln_width(&self.spread_row, delta);
        let width = exp(ln_width + SpreadShape::scatter(delta) * rough_normal(noise));
        let tick = self.steps.tick(mark);
        // Rounding outwards adds one tick on average.
        let half = 0.5 * (width - tick).max(0.2 * tick);
        // A mark of a tick or more finds a bid of one tick, however wide the rest.
        let bid = self.steps.floor((mark - half).max(mark.min(tick)));
        let ask = self.steps.ceil(mark + half);
        ((bid > 0.0).then_some(bid), Some(ask))
    }

    fn size(&self, delta: f64, noise: Noise) -> f64 {
        let shape = &self.fitted.interest;
        let by_delta = match delta {
            delta if delta < 0.35 => 1.0,
            delta if delta < 0.65 => 0.43,
            _ => 0.14,
        };
        let typical = shape.quoted * by_delta * if self.dte > 70.0 { 0.3 } else { 1.0 };
        let (steps, per_coin) = self.rounded(typical * exp(1.5 * rough_normal(noise)));
        steps.max(1.0) / per_coin
    }

    /// Open interest grows with the strike's age and never shrinks; volume scatters by day.
    fn interest(&self, strike: &Strike, delta: f64, noise: Noise) -> (f64, f64) {
        let age_days = (self.at_ms - strike.since_ms) as f64 / DAY_MS as f64;
        let typical = self.fitted.interest.grown(self.daily, age_days);
        let held = self.rounded(typical * exp(1.2 * rough_normal(noise)));
        let turnover = 0.55 * exp(-0.55 * self.ln_dte) * if delta > 0.65 { 0.2 } else { 1.0 };
        let today = noise.at((self.at_ms / DAY_MS) as u64);
        let traded = self.rounded(held.0 / held.1 * turnover * exp(rough_normal(today) - 0.5));
        (held.0 / held.1, traded.0 / traded.1)
    }

    /// A quantity in whole steps, and the steps per coin.
    fn rounded(&self, coins: f64) -> (f64, f64) {
        let per_coin = (1.0 / self.fitted.interest.step).round();
        ((coins * per_coin).round(), per_coin)
    }
}

/// Chance that neither side is quoted.
fn unquoted(delta: f64) -> f64 {
    match delta {
        delta if delta < 0.65 => 0.0005,
        delta if delta < 0.8 => 0.008,
        delta if delta < 0.95 => 0.017,
        _ => 0.03,
    }
}

/// Nearly normal, mean 0 and deviation 1, within three deviations: the sum of three uniform draws.
fn rough_normal(noise: Noise) -> f64 {
    2.0 * (noise.at(1).unit() + noise.at(2).unit() + noise.at(3).unit() - 1.5)
}

/// A market maker's quote stands this long in the synthetic book, unless the mark moves.
const QUOTE_LIFE_MS: i64 = 15 * 60_000;
