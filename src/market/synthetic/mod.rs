//! A market made from a seed: a pure function of (seed, coin, time), random access in time.

mod bridge;
mod fitted;
mod path;
mod quotes;
mod strikes;
mod tape;

pub use path::MarketRegime;
pub use tape::TapeTrade;

use crate::clock::{Noise, Random};
use crate::domain::chain::{Chain, Source};
use crate::domain::coin::Coin;
use crate::domain::context::History;
use crate::domain::instrument::{DAY_MS, Instrument, OptionType, Style};
use crate::domain::math::{exp, ln};
use crate::market::listing::{expiries, next_expiry_hour};
use crate::market::surface::{Surface, SurfaceShape, SurfaceState};
use bridge::{Segment, bridge, first_bridge};
use fitted::{SpreadShape, fitted};
use path::{Path, slot};
use quotes::{Expiry, Grid};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use strikes::{Strike, strikes};

/// The shape of a coin's surface that does not move, as fitted to recorded chains.
pub fn surface_shape(coin: Coin) -> &'static SurfaceShape {
    &fitted(coin).surface
}

/// Median of ask less bid in recorded chains, coin, at days to expiry and |delta|.
pub fn typical_spread(coin: Coin, dte: f64, delta: f64) -> f64 {
    let row = fitted(coin).spread.row(ln(dte.max(0.01)));
    exp(SpreadShape::ln_width(&row, delta))
}

/// What has been computed already, by coin and expiry; a cache, never a state.
type Kept<T> = Arc<RwLock<BTreeMap<(Coin, i64), T>>>;
/// The last one computed, with its instant.
type Last<T> = Mutex<Option<(i64, T)>>;

/// The synthetic market of one seed. Clones share what has been computed.
#[derive(Clone, Debug)]
pub struct Synthetic {
    seed: u64,
    path: Arc<Path>,
    /// Strikes by coin and expiry, each a function of the path alone.
    strikes: Kept<Arc<[Strike]>>,
    /// Delivery prices, each a function of the path alone.
    deliveries: Kept<f64>,
    /// Expiries by the first of them: they change at an expiry hour and at no other time.
    expiries: Arc<RwLock<BTreeMap<i64, Arc<[i64]>>>>,
    /// The instant asked for last, by coin.
    instants: Arc<[Last<Instant>; 2]>,
}

impl Synthetic {
    pub fn new(seed: &str) -> Self {
        let seed = number(seed);
        Self {
            seed,
            path: Arc::new(Path::new(seed)),
            strikes: Arc::default(),
            deliveries: Arc::default(),
            expiries: Arc::default(),
            instants: Arc::default(),
        }
    }

    /// Whether this is the market of that seed.
    pub fn is_of(&self, seed: &str) -> bool {
        self.seed == number(seed)
    }

    /// Index price, USD, two decimals as the venue publishes it.
    pub fn index(&self, coin: Coin, at_ms: i64) -> f64 {
        round_cents(exp(self.ln_index(coin, at_ms)))
    }

    /// The regime that made the day's return; for statistics and pages, never for a policy.
    pub fn regime(&self, at_ms: i64) -> MarketRegime {
        self.path.day(Path::locate(at_ms).0).regime
    }

    /// All quotes of one coin at one instant.
    pub fn chain(&self, coin: Coin, at_ms: i64) -> Chain {
        self.chain_band(coin, at_ms, 0.0, f64::INFINITY, false)
    }

    /// The quotes with days to expiry in `[dte_min, dte_max]`, calls alone when asked: the same
    /// values as in [`Self::chain`], at the cost of what is returned.
    pub fn chain_band(
        &self,
        coin: Coin,
        at_ms: i64,
        dte_min: f64,
        dte_max: f64,
        calls_only: bool,
    ) -> Chain {
        self.chain_bands(coin, at_ms, &[(dte_min, dte_max)], calls_only)
    }

    /// The quotes of several bands in one chain, each quote once: the band that a decision chooses from, and
    /// the expiry that is held.
    pub fn chain_bands(
        &self,
        coin: Coin,
        at_ms: i64,
        bands: &[(f64, f64)],
        calls_only: bool,
    ) -> Chain {
        let instant = self.instant(coin, at_ms);
        let quotes = Grid::quoted(|grid| {
            for &expiry_ms in self.expiries(at_ms).iter() {
                let dte = (expiry_ms - at_ms) as f64 / DAY_MS as f64;
                let mut bands = bands.iter();
                if bands.any(|(least, most)| (*least..=*most).contains(&dte)) {
                    let expiry = self.expiry(coin, at_ms, expiry_ms, &instant);
                    grid.add(expiry, &self.strikes(coin, expiry_ms), calls_only);
                }
            }
        });
        Chain {
            coin,
            at_ms,
            source: Source::Synthetic,
            index_price: round_cents(instant.index),
            quotes,
        }
    }

    /// The settlement price of an expiry: the mean index of the 30 minutes before, every 4 seconds.
    pub fn delivery_price(&self, coin: Coin, expiry_ms: i64) -> f64 {
        let known = self
            .deliveries
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(price) = known.get(&(coin, expiry_ms)) {
            return *price;
        }
        drop(known);
        let price = round_cents(self.window_mean(coin, expiry_ms));
        let mut known = self
            .deliveries
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        known.insert((coin, expiry_ms), price);
        price
    }

    /// Daily delivery prices and a 30-day volatility index up to an instant, from the epoch on.
    pub fn history(&self, coin: Coin, as_of_ms: i64) -> History {
        let days = if as_of_ms < path::EPOCH_MS {
            0
        } else {
            Path::locate(as_of_ms).0 + 1
        };
        let closes = (1..days).map(|day| {
            let at_ms = Path::start_ms(day);
            (at_ms, self.delivery_price(coin, at_ms))
        });
        let dvol = (1..days).map(|day| {
            let at_ms = Path::start_ms(day);
            (at_ms, self.volatility_index(coin, at_ms))
        });
        History {
            closes: closes.collect(),
            closes_source: Source::Synthetic,
            dvol: dvol.collect(),
            dvol_source: Source::Synthetic,
        }
    }

    /// Volatility of a 30-day variance swap, a fraction, four decimals.
    pub fn volatility_index(&self, coin: Coin, at_ms: i64) -> f64 {
        let instant = self.instant(coin, at_ms);
        let month = instant.surface.slice(30.0 / 365.0);
        (month.variance_swap() * 10_000.0).round() / 10_000.0
    }

    /// The contracts listed at an instant, sorted as in a chain.
    pub fn listings(&self, coin: Coin, at_ms: i64) -> Vec<Instrument> {
        let mut instruments = Vec::new();
        for &expiry_ms in self.expiries(at_ms).iter() {
            let strikes = self.strikes(coin, expiry_ms);
            for strike in strikes.iter().filter(|strike| strike.since_ms <= at_ms) {
                for option_type in [OptionType::Call, OptionType::Put] {
                    instruments.push(Instrument {
                        coin,
                        style: Style::Inverse,
                        expiry_ms,
                        strike_usd: strike.usd,
                        option_type,
                    });
                }
            }
        }
        instruments
    }

    fn expiry(&self, coin: Coin, at_ms: i64, expiry_ms: i64, instant: &Instant) -> Expiry {
        let years = (expiry_ms - at_ms) as f64 / (365.0 * DAY_MS as f64);
        let premium = fitted(coin).basis.premium(instant.basis, years);
        Expiry::new(
            coin,
            fitted(coin),
            (at_ms, expiry_ms),
            round_cents(instant.index * exp(premium)),
            instant.surface.slice(years),
            Noise::new(self.seed, STREAM_QUOTES),
        )
    }

    fn expiries(&self, at_ms: i64) -> Arc<[i64]> {
        let first_ms = next_expiry_hour(at_ms);
        let known = self.expiries.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(expiries) = known.get(&first_ms) {
            return Arc::clone(expiries);
        }
        drop(known);
        let made: Arc<[i64]> = expiries(at_ms).into();
        let mut known = self
            .expiries
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        known.insert(first_ms, Arc::clone(&made));
        made
    }

    fn strikes(&self, coin: Coin, expiry_ms: i64) -> Arc<[Strike]> {
        let known = self.strikes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(strikes) = known.get(&(coin, expiry_ms)) {
            return Arc::clone(strikes);
        }
        drop(known);
        let made: Arc<[Strike]> =
            strikes(coin, expiry_ms, |at_ms| exp(self.ln_index(coin, at_ms))).into();
        let mut known = self.strikes.write().unwrap_or_else(PoisonError::into_inner);
        known.insert((coin, expiry_ms), Arc::clone(&made));
        made
    }

    fn ln_index(&self, coin: Coin, at_ms: i64) -> f64 {
        let (day, part) = Path::locate(at_ms);
        self.ln_index_in(coin, day, part, &self.index_segment(coin, day, part))
    }

    fn index_segment(&self, coin: Coin, day: usize, part: f64) -> Segment {
        let noise = Noise::new(self.seed, STREAM_INDEX).at(day as u64);
        match coin {
            Coin::Btc => first_bridge(noise, INDEX_LEVELS, part),
            Coin::Eth => bridge(noise, INDEX_LEVELS, part),
        }
    }

    fn ln_index_in(&self, coin: Coin, day: usize, part: f64, segment: &Segment) -> f64 {
        let today = self.path.day(day);
        let own = &today.coins[slot(coin)];
        let jumped = if part >= today.jump_at { own.jump } else { 0.0 };
        let [btc, other] = segment.at(part);
        let bridged = match coin {
            Coin::Btc => btc,
            Coin::Eth => path::correlated(path::CORRELATION, btc, other),
        };
        self.path.ln_index(coin, day)
            + own.diffusion * part
            + jumped
            + own.volatility * (1.0_f64 / 365.0).sqrt() * bridged
    }

    /// Mean over the 450 samples of the settlement window.
    fn window_mean(&self, coin: Coin, expiry_ms: i64) -> f64 {
        let (mut sum, mut current) = (0.0, None::<(usize, Segment)>);
        for sample in (1..=TWAP_SAMPLES).rev() {
            let (day, part) = Path::locate(expiry_ms - sample * TWAP_STEP_MS);
            let segment = match current {
                Some((of, segment)) if of == day && segment.contains(part) => segment,
                _ => self.index_segment(coin, day, part),
            };
            current = Some((day, segment));
            sum += exp(self.ln_index_in(coin, day, part, &segment));
        }
        sum / TWAP_SAMPLES as f64
    }

    /// Index and surface of one coin at one instant. Bands of one chain are asked for one after the other.
    fn instant(&self, coin: Coin, at_ms: i64) -> Instant {
        let last = &self.instants[slot(coin)];
        let known = *last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, instant)) = known.filter(|(of_ms, _)| *of_ms == at_ms) {
            return instant;
        }
        let made = self.made_instant(coin, at_ms);
        *last.lock().unwrap_or_else(PoisonError::into_inner) = Some((at_ms, made));
        made
    }

    fn made_instant(&self, coin: Coin, at_ms: i64) -> Instant {
        let (day, part) = Path::locate(at_ms);
        let ln_index = self.ln_index(coin, at_ms);
        let [now, next] = [day, day + 1].map(|day| self.path.day(day).coins[slot(coin)]);
        let noise = Noise::new(self.seed, STREAM_SURFACE).at(day as u64);
        let wiggle = bridge(noise.at(coin as u64), SURFACE_LEVELS, part).at(part);
        let shape = &fitted(coin).volatility;
        let blend = |from: f64, to: f64| from + part * (to - from);
        let straight = self.path.ln_index(coin, day) + part * (next.ln_index - now.ln_index);
        let ahead = ln_index - straight;
        let state = SurfaceState {
            level: exp(blend(now.ln_level, next.ln_level)
                + shape.per_return * ahead
                + shape.noise * wiggle[0]),
            far: exp(blend(now.ln_far, next.ln_far)),
            front: exp(blend(now.ln_front, next.ln_front)) - 1.0,
            rho_shift: blend(now.rho_shift, next.rho_shift)
                + shape.rho_per_return * ahead
                + shape.rho_noise * wiggle[1],
            eta_factor: exp(blend(now.ln_eta, next.ln_eta)),
        };
        Instant {
            index: exp(ln_index),
            surface: Surface::new(&fitted(coin).surface, &state),
            basis: blend(now.basis, next.basis),
        }
    }
}

/// Index, surface and basis of one coin at one instant.
#[derive(Clone, Copy, Debug)]
struct Instant {
    index: f64,
    surface: Surface,
    basis: f64,
}

/// What a seed's text draws from.
fn number(seed: &str) -> u64 {
    Random::from_parts(&["synthetic market", seed]).next_u64()
}

fn round_cents(usd: f64) -> f64 {
    (usd * 100.0).round() / 100.0
}

const STREAM_INDEX: u64 = 2;
const STREAM_SURFACE: u64 = 3;
const STREAM_QUOTES: u64 = 4;
/// 4096 intervals of 21 seconds.
const INDEX_LEVELS: u32 = 12;
/// 64 intervals of 22.5 minutes.
const SURFACE_LEVELS: u32 = 6;
const TWAP_SAMPLES: i64 = 450;
const TWAP_STEP_MS: i64 = 4_000;

#[cfg(test)]
mod tests;
