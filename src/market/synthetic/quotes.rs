//! Quotes of one expiry: mark from the smile, bid and ask around it, sizes, open interest, volume.

use super::fitted::Fitted;
use super::strikes::Listed;
use crate::clock::Noise;
use crate::domain::chain::Quote;
use crate::domain::coin::Coin;
use crate::domain::instrument::{DAY_MS, Instrument, OptionType, Style};
use crate::domain::math::{exp, ln, norm_cdf};
use crate::market::listing::{TickSteps, tick_steps};
use crate::market::surface::Slice;

/// What all quotes of one expiry at one instant share.
pub(super) struct Expiry {
    pub(super) coin: Coin,
    pub(super) fitted: &'static Fitted,
    pub(super) at_ms: i64,
    pub(super) expiry_ms: i64,
    pub(super) forward: f64,
    ln_forward: f64,
    slice: Slice,
    steps: TickSteps,
    /// Keyed by the instrument: what stays with it for life.
    life: Noise,
    /// Keyed by the quarter of an hour as well: what the market makers change.
    now: Noise,
    inverse_root_years: f64,
    spread_row: [f64; 6],
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
            expiry_ms,
            forward,
            ln_forward: ln(forward),
            slice,
            steps: tick_steps(coin, Style::Inverse),
            life,
            now: life.at((at_ms / QUOTE_LIFE_MS) as u64),
            inverse_root_years: 1.0 / slice.years.sqrt(),
            spread_row: fitted.spread.row(dte),
        }
    }

    /// Appends call and put of one strike, or the call alone.
    pub(super) fn quote(&self, listed: &Listed, calls_only: bool, quotes: &mut Vec<Quote>) {
        let mark = self.mark(listed);
        quotes.push(self.side(listed, &mark, OptionType::Call));
        if !calls_only {
            quotes.push(self.side(listed, &mark, OptionType::Put));
        }
    }

    /// Black-76 at the volatility as the venue publishes it, two decimals in percent.
    fn mark(&self, listed: &Listed) -> Mark {
        let k = listed.ln_strike - self.ln_forward;
        let exact = (self.slice.total_variance(k)).sqrt() * self.inverse_root_years;
        let volatility = (exact * 10_000.0).round().max(1.0) / 10_000.0;
        let deviation = volatility / self.inverse_root_years;
        let d1 = 0.5 * deviation - k / deviation;
        let call_delta = norm_cdf(d1);
        let moneyness = f64::from(listed.strike_usd) / self.forward;
        let call = (call_delta - moneyness * norm_cdf(d1 - deviation)).max(0.0);
        Mark {
            volatility,
            call_delta,
            call,
            put: (call - 1.0 + moneyness).max(0.0),
        }
    }

    fn side(&self, listed: &Listed, mark: &Mark, option_type: OptionType) -> Quote {
        let (exact, delta) = match option_type {
            OptionType::Call => (mark.call, mark.call_delta),
            OptionType::Put => (mark.put, mark.call_delta - 1.0),
        };
        let key = 2 * u64::from(listed.strike_usd) + option_type as u64;
        let price = (exact * 1e8).round() / 1e8;
        let (bid, ask) = self.bid_ask(exact, delta.abs(), self.now.at(key));
        let (open_interest, volume) = self.interest(listed, self.life.at(key));
        let sizes = self.now.at(key).at(7);
        Quote {
            instrument: Instrument {
                coin: self.coin,
                style: Style::Inverse,
                expiry_ms: self.expiry_ms,
                strike_usd: listed.strike_usd,
                option_type,
            },
            underlying_price: self.forward,
            bid,
            ask,
            bid_size: bid.map(|_| self.size(sizes.at(1))),
            ask_size: ask.map(|_| self.size(sizes.at(2))),
            mark: Some(price),
            mark_iv: Some(mark.volatility),
            delta: Some((delta * 1e5).round() / 1e5),
            open_interest: Some(open_interest),
            volume: Some(volume),
        }
    }

    fn bid_ask(&self, mark: f64, delta: f64, noise: Noise) -> (Option<f64>, Option<f64>) {
        let width = self.fitted.spread.width(&self.spread_row, delta)
            * (1.0 + self.fitted.spread.noise * (2.0 * noise.unit() - 1.0));
        let share = 0.5 + 0.1 * (2.0 * noise.at(1).unit() - 1.0);
        let bid = self.steps.floor(mark - width * (1.0 - share));
        let ask = self.steps.ceil(mark + width * share);
        ((bid > 0.0).then_some(bid), Some(ask))
    }

    fn size(&self, noise: Noise) -> f64 {
        let (least, typical) = match self.coin {
            Coin::Btc => (0.1, 12.0),
            Coin::Eth => (1.0, 120.0),
        };
        let u = noise.unit();
        let size = typical * u / (1.02 - u);
        (size / least).ceil().max(1.0) * least
    }

    fn interest(&self, listed: &Listed, noise: Noise) -> (f64, f64) {
        let age_days = (self.at_ms - listed.listed_at_ms) as f64 / DAY_MS as f64;
        let u = noise.unit();
        let grown = 1.0 - exp(-age_days / 8.0);
        let open_interest = (self.fitted.interest.scale * u / (1.02 - u) * grown).round();
        (
            open_interest,
            (open_interest * 0.1 * noise.at(1).unit()).round(),
        )
    }
}

/// A market maker's quote stands this long in the synthetic book, unless the mark moves.
const QUOTE_LIFE_MS: i64 = 15 * 60_000;
