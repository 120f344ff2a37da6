//! Quotes of a band of expiries: mark from the smile, bid and ask around it, sizes, open interest, volume.
//!
//! All contracts of a band are priced in one batch, and so are the exponentials that scatter their quotes.

use super::fitted::{Fitted, InterestShape, SpreadShape};
use super::strikes::Strike;
use crate::clock::Noise;
use crate::domain::chain::Quote;
use crate::domain::coin::Coin;
use crate::domain::instrument::{DAY_MS, Instrument, OptionType, Style};
use crate::domain::math::{exp, ln};
use crate::domain::pricing::batch::{self, Options, Prices};
use crate::domain::tick_steps::{TickSteps, tick_steps};
use crate::market::listing::{Cycle, cycle};
use crate::market::surface::Slice;
use std::cell::Cell;

/// Contracts to be quoted, in chain order: one row each. Its memory is used again.
#[derive(Default)]
pub(super) struct Grid {
    expiries: Vec<Expiry>,
    contracts: Vec<Contract>,
    call: Vec<bool>,
    forward: Vec<f64>,
    strike: Vec<f64>,
    vol: Vec<f64>,
    years: Vec<f64>,
    prices: Prices,
    factors: Vec<f64>,
}

struct Contract {
    /// Its place in the grid's expiries.
    expiry: usize,
    strike: Strike,
    option_type: OptionType,
    /// Keyed by the instrument: what stays with it for life.
    life: Noise,
    /// Keyed by the quarter of an hour as well: what the market makers change.
    now: Noise,
}

thread_local! {
    /// The last grid of this thread, for its memory.
    static LAST: Cell<Grid> = Cell::default();
}

impl Grid {
    /// Quotes of what `fill` adds.
    pub(super) fn quoted(fill: impl FnOnce(&mut Self)) -> Vec<Quote> {
        let mut grid = LAST.take();
        grid.clear();
        fill(&mut grid);
        let quotes = grid.quotes();
        LAST.set(grid);
        quotes
    }

    fn clear(&mut self) {
        self.expiries.clear();
        self.contracts.clear();
        self.call.clear();
        for column in [
            &mut self.forward,
            &mut self.strike,
            &mut self.vol,
            &mut self.years,
            &mut self.factors,
        ] {
            column.clear();
        }
    }

    /// Adds calls and puts of every strike listed at the instant, or the calls alone.
    pub(super) fn add(&mut self, expiry: Expiry, strikes: &[Strike], calls_only: bool) {
        let types = [OptionType::Call, OptionType::Put];
        let types = &types[..if calls_only { 1 } else { 2 }];
        let number = self.expiries.len();
        for strike in strikes {
            if strike.since_ms > expiry.at_ms {
                continue;
            }
            let vol = expiry.volatility(strike);
            for option_type in types {
                let key = 2 * u64::from(strike.usd) + *option_type as u64;
                self.contracts.push(Contract {
                    expiry: number,
                    strike: *strike,
                    option_type: *option_type,
                    life: expiry.life.at(key),
                    now: expiry.now.at(key),
                });
                self.call.push(*option_type == OptionType::Call);
                self.forward.push(expiry.forward);
                self.strike.push(f64::from(strike.usd));
                self.vol.push(vol);
                self.years.push(expiry.slice.years);
            }
        }
        self.expiries.push(expiry);
    }

    /// The quotes of all rows.
    fn quotes(&mut self) -> Vec<Quote> {
        let options = Options {
            call: &self.call,
            forward: &self.forward,
            strike: &self.strike,
            vol: &self.vol,
            years: &self.years,
        };
        batch::black76(options, &mut self.prices);
        let rows = || self.contracts.iter().zip(&self.prices.delta);
        for (contract, delta) in rows() {
            let expiry = &self.expiries[contract.expiry];
            let exponents = expiry.exponents(contract, delta.abs());
            self.factors.extend(exponents);
        }
        batch::exp(&mut self.factors);
        let (factors, _) = self.factors.as_chunks::<FACTORS>();
        let rows = rows()
            .zip(&self.prices.price_usd)
            .zip(&self.vol)
            .zip(factors);
        let quotes = rows.map(|((((contract, delta), price_usd), vol), factors)| {
            let expiry = &self.expiries[contract.expiry];
            let marked = Marked {
                price: price_usd / expiry.forward,
                vol: *vol,
                delta: *delta,
            };
            expiry.quote(contract, &marked, factors)
        });
        quotes.collect()
    }
}

/// Factors of a quote that are exponentials: see [`Expiry::exponents`].
const FACTORS: usize = 6;

/// What all quotes of one expiry at one instant share.
pub(super) struct Expiry {
    coin: Coin,
    fitted: &'static Fitted,
    at_ms: i64,
    expires_at_ms: i64,
    forward: f64,
    ln_forward: f64,
    slice: Slice,
    steps: TickSteps,
    life: Noise,
    now: Noise,
    inverse_root_years: f64,
    spread_row: [f64; 9],
    /// The least step of a quantity, coin, and how many of them make one.
    step: f64,
    steps_per_coin: f64,
    /// Less is quoted in expiries far away.
    far: f64,
    /// Volume of a usual day over open interest.
    turnover: f64,
    daily: bool,
}

/// One contract by the model.
struct Marked {
    /// Coin, every digit of it.
    price: f64,
    vol: f64,
    delta: f64,
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
        let ln_dte = ln(dte.max(0.01));
        let per_coin = fitted.interest.steps_per_coin();
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
            spread_row: fitted.spread.row(ln_dte),
            step: 1.0 / per_coin,
            steps_per_coin: per_coin,
            far: if dte > 70.0 { 0.3 } else { 1.0 },
            turnover: 0.55 * exp(-0.55 * ln_dte),
            daily: cycle(expiry_ms) == Cycle::Daily,
        }
    }

    /// As the venue publishes it: two decimals in percent, and marks are Black-76 at this.
    fn volatility(&self, strike: &Strike) -> f64 {
        let k = strike.logarithm - self.ln_forward;
        let exact = (self.slice.total_variance(k)).sqrt() * self.inverse_root_years;
        nearest(exact * 10_000.0).max(1.0) / 10_000.0
    }

    /// Logarithms of what scatters a quote: spread, both sizes, open interest, volume, and the growth of
    /// the strike.
    fn exponents(&self, contract: &Contract, delta: f64) -> [f64; FACTORS] {
        let (now, life) = (contract.now, contract.life);
        let sizes = now.at(7);
        let ln_width = SpreadShape::ln_width(&self.spread_row, delta);
        let today = life.at((self.at_ms / DAY_MS) as u64);
        [
            ln_width + SpreadShape::scatter(delta) * rough_normal(now),
            1.5 * rough_normal(sizes.at(1)),
            1.5 * rough_normal(sizes.at(2)),
            1.2 * rough_normal(life),
            rough_normal(today) - 0.5,
            InterestShape::ln_missing(self.age_days(contract)),
        ]
    }

    fn age_days(&self, contract: &Contract) -> f64 {
        (self.at_ms - contract.strike.since_ms) as f64 / DAY_MS as f64
    }

    /// Inline, so that a quote is written where it stays.
    #[inline]
    fn quote(&self, contract: &Contract, marked: &Marked, factors: &[f64; FACTORS]) -> Quote {
        let [width, bid_size, ask_size, held, traded, missing] = *factors;
        let delta = marked.delta.abs();
        let (bid, ask) = self.bid_ask(contract, marked.price, delta, width);
        let typical = self
            .fitted
            .interest
            .grown(self.daily, self.age_days(contract), missing);
        let open_interest = self.rounded(typical * held);
        let turnover = self.turnover * if delta > 0.65 { 0.2 } else { 1.0 };
        Quote {
            instrument: self.instrument(contract),
            underlying_price: self.forward,
            bid,
            ask,
            bid_size: bid.map(|_| self.size(delta, bid_size)),
            ask_size: ask.map(|_| self.size(delta, ask_size)),
            mark: Some(nearest(marked.price * 1e8) / 1e8),
            mark_iv: Some(marked.vol),
            delta: Some(nearest(marked.delta * 1e5) / 1e5),
            open_interest: Some(open_interest),
            volume: Some(self.rounded(open_interest * turnover * traded)),
        }
    }

    fn instrument(&self, contract: &Contract) -> Instrument {
        Instrument {
            coin: self.coin,
            style: Style::Inverse,
            expiry_ms: self.expires_at_ms,
            strike_usd: contract.strike.usd,
            option_type: contract.option_type,
        }
    }

    /// Bid below and ask above the exact mark, on ticks; deep in the money sometimes nobody quotes.
    fn bid_ask(
        &self,
        contract: &Contract,
        mark: f64,
        delta: f64,
        width: f64,
    ) -> (Option<f64>, Option<f64>) {
        if contract.now.at(5).unit() < unquoted(delta) {
            return (None, None);
        }
        let tick = self.steps.tick(mark);
        // Rounding outwards adds one tick on average.
        let half = 0.5 * (width - tick).max(0.2 * tick);
        // A mark of a tick or more finds a bid of one tick, however wide the rest.
        let bid = self.steps.floor((mark - half).max(mark.min(tick)));
        let ask = self.steps.ceil(mark + half);
        ((bid > 0.0).then_some(bid), Some(ask))
    }

    fn size(&self, delta: f64, scatter: f64) -> f64 {
        let by_delta = match delta {
            delta if delta < 0.35 => 1.0,
            delta if delta < 0.65 => 0.43,
            _ => 0.14,
        };
        let size = self.rounded(self.fitted.interest.quoted * by_delta * self.far * scatter);
        size.max(self.step)
    }

    /// A quantity in whole steps.
    fn rounded(&self, coins: f64) -> f64 {
        nearest(coins * self.steps_per_coin) / self.steps_per_coin
    }
}

/// The nearest integer of a number that an integer can hold; `f64::round` is a call on most x86-64 targets.
fn nearest(x: f64) -> f64 {
    (x + 0.5_f64.copysign(x)) as i64 as f64
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
