//! Daily steps of the index and of the surface's state, generated in order from the epoch.
//!
//! A day runs from 08:00 to 08:00 UTC, expiry hour to expiry hour. Both coins share the regime, a
//! Markov chain; their returns are correlated, in the diffusion and in the jumps. Blocks of days are
//! made when first asked for and kept: the cost of a later instant is paid once.

use super::fitted::{Fitted, REGIMES, VolatilityShape, fitted};
use crate::clock::Random;
use crate::domain::coin::Coin;
use crate::domain::instrument::{DAY_MS, EXPIRY_HOUR_MS};
use crate::domain::math::{exp, ln};
use std::sync::OnceLock;

/// 2024-01-01 08:00 UTC: two years before the first live day, so that MA200 exists at once.
pub(super) const EPOCH_MS: i64 = 1_704_067_200_000 + EXPIRY_HOUR_MS;
const BLOCK_DAYS: usize = 1024;
/// Forty-four years; an instant outside reads the nearest end.
const BLOCKS: usize = 16;
/// 2026-01-01 08:00 UTC, on which every seed passes through the recorded level of the index.
const ANCHOR_DAY: usize = 731;

/// The state of the whole market, which moves every few weeks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MarketRegime {
    Bull,
    Bear,
    Sideways,
    Stress,
}

impl MarketRegime {
    const ALL: [Self; 4] = [Self::Bull, Self::Bear, Self::Sideways, Self::Stress];
}

/// Drift and volatility of BTC per year in one regime.
#[derive(Debug)]
pub(super) struct RegimeShape {
    pub(super) drift: f64,
    pub(super) volatility: f64,
    pub(super) mean_days: f64,
    pub(super) jumps_per_year: f64,
}

/// One coin at the start of a day, and how the day's return is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CoinDay {
    /// ln(index) at the day's start.
    pub(super) ln_index: f64,
    /// Log return of the day without its jump.
    pub(super) diffusion: f64,
    /// Volatility of the day's diffusion, a fraction per year.
    pub(super) volatility: f64,
    /// Log return of the jump; 0 on most days.
    pub(super) jump: f64,
    /// State of the surface at the day's start, in logarithms.
    pub(super) ln_level: f64,
    pub(super) ln_far: f64,
    /// ln(1 + front).
    pub(super) ln_front: f64,
    pub(super) rho_shift: f64,
    pub(super) ln_eta: f64,
    /// Forward's premium over the index, per year.
    pub(super) basis: f64,
    /// Realised variance per day, exponentially weighted.
    realised: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Day {
    pub(super) regime: MarketRegime,
    /// Part of the day at which a jump falls, the same for both coins.
    pub(super) jump_at: f64,
    /// BTC, ETH.
    pub(super) coins: [CoinDay; 2],
    /// Slow common factor of volatility, in logarithms.
    ln_activity: f64,
}

/// All days of one seed, as far as they have been asked for.
#[derive(Debug)]
pub(super) struct Path {
    seed: u64,
    blocks: [OnceLock<Vec<Day>>; BLOCKS],
    /// Added to ln(index) so that the path passes through the anchor.
    shift: OnceLock<[f64; 2]>,
}

impl Path {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            blocks: std::array::from_fn(|_| OnceLock::new()),
            shift: OnceLock::new(),
        }
    }

    /// The day's number and the part of it that has passed, 0..1.
    pub(super) fn locate(at_ms: i64) -> (usize, f64) {
        let last_ms = EPOCH_MS + (BLOCKS * BLOCK_DAYS - 2) as i64 * DAY_MS;
        let since_ms = at_ms.clamp(EPOCH_MS, last_ms) - EPOCH_MS;
        let within = (since_ms % DAY_MS) as f64 / DAY_MS as f64;
        ((since_ms / DAY_MS) as usize, within)
    }

    pub(super) fn start_ms(day: usize) -> i64 {
        EPOCH_MS + day as i64 * DAY_MS
    }

    pub(super) fn day(&self, day: usize) -> &Day {
        &self.block(day / BLOCK_DAYS)[day % BLOCK_DAYS]
    }

    /// ln(index) at the start of a day.
    pub(super) fn ln_index(&self, coin: Coin, day: usize) -> f64 {
        let slot = slot(coin);
        self.day(day).coins[slot].ln_index + self.shift()[slot]
    }

    fn shift(&self) -> [f64; 2] {
        *self.shift.get_or_init(|| {
            Coin::ALL.map(|coin| {
                ln(fitted(coin).anchor_usd) - self.day(ANCHOR_DAY).coins[slot(coin)].ln_index
            })
        })
    }

    fn block(&self, number: usize) -> &[Day] {
        self.blocks[number].get_or_init(|| {
            let first = if number == 0 {
                first_day(self.seed)
            } else {
                let before = self.block(number - 1);
                next_day(self.seed, number * BLOCK_DAYS, &before[BLOCK_DAYS - 1])
            };
            let mut days = Vec::with_capacity(BLOCK_DAYS);
            days.push(first);
            for offset in 1..BLOCK_DAYS {
                days.push(next_day(
                    self.seed,
                    number * BLOCK_DAYS + offset,
                    &days[offset - 1],
                ));
            }
            days
        })
    }
}

pub(super) fn slot(coin: Coin) -> usize {
    match coin {
        Coin::Btc => 0,
        Coin::Eth => 1,
    }
}

fn first_day(seed: u64) -> Day {
    let start = |coin: Coin| {
        let volatility = &fitted(coin).volatility;
        let usual = 0.42 * fitted(coin).index_scale;
        let realised = usual * usual / 365.0;
        let ln_level = target_level(volatility, realised);
        CoinDay {
            ln_index: 0.0,
            diffusion: 0.0,
            volatility: 0.5,
            jump: 0.0,
            ln_level,
            ln_far: target_far(volatility, ln_level),
            ln_front: volatility.front_mean,
            rho_shift: 0.0,
            ln_eta: 0.0,
            basis: fitted(coin).basis.mean,
            realised,
        }
    };
    let origin = Day {
        regime: MarketRegime::Sideways,
        jump_at: 0.5,
        coins: Coin::ALL.map(start),
        ln_activity: 0.0,
    };
    next_day(seed, 0, &origin)
}

/// Common normal draws of one day: what moves both coins.
struct Common {
    diffusion: f64,
    jump: f64,
    volatility: f64,
}

fn next_day(seed: u64, number: usize, before: &Day) -> Day {
    let mut random = Random::from_numbers(seed, STREAM_DAYS, number as u64);
    let regime = next_regime(before.regime, &mut random);
    let shape = &REGIMES[regime as usize];
    let ln_activity = ACTIVITY_KEPT * before.ln_activity + ACTIVITY_NOISE * random.normal();
    let jumps = random.unit() < shape.jumps_per_year / 365.0;
    let common = Common {
        diffusion: random.normal(),
        jump: if jumps {
            JUMP_MEAN + JUMP_SD * random.normal()
        } else {
            0.0
        },
        volatility: random.normal(),
    };
    let jump_at = random.unit();
    let coins = Coin::ALL.map(|coin| {
        let scale = fitted(coin).index_scale;
        let volatility = shape.volatility * scale * exp(ln_activity);
        let own = random.normal();
        let z = match coin {
            Coin::Btc => common.diffusion,
            Coin::Eth => correlated(CORRELATION, common.diffusion, own),
        };
        let mut day = state_after(
            fitted(coin),
            &before.coins[slot(coin)],
            common.volatility,
            &mut random,
        );
        day.volatility = volatility;
        day.diffusion = shape.drift / 365.0 + volatility * z * (1.0_f64 / 365.0).sqrt();
        day.jump = common.jump * scale * if jumps { exp(0.2 * own) } else { 1.0 };
        day
    });
    Day {
        regime,
        jump_at,
        coins,
        ln_activity,
    }
}

/// The state at the end of a day, which is the start of the next; its return is still to be drawn.
fn state_after(fitted: &Fitted, day: &CoinDay, common: f64, random: &mut Random) -> CoinDay {
    let shape = &fitted.volatility;
    let moved = day.diffusion + day.jump;
    let usual = 0.8 * day.realised.sqrt();
    let realised = REALISED_KEPT * day.realised + (1.0 - REALISED_KEPT) * moved * moved;
    let shock = correlated(VOLATILITY_CORRELATION, common, random.normal());
    let ln_level = day.ln_level
        + shape.reversion * (target_level(shape, realised) - day.ln_level)
        + shape.per_return * moved
        + shape.per_size * (moved.abs() - usual)
        + shape.noise * shock;
    let ln_level = ln_level.clamp(LN_LEVEL_LEAST, LN_LEVEL_MOST);
    let ln_far = day.ln_far
        + FAR_REVERSION * (target_far(shape, ln_level) - day.ln_far)
        + shape.far_noise * random.normal();
    let ln_front = shape.front_mean
        + FRONT_KEPT * (day.ln_front - shape.front_mean)
        + shape.front_noise * random.normal();
    let basis = &fitted.basis;
    CoinDay {
        ln_index: day.ln_index + moved,
        diffusion: 0.0,
        volatility: 0.0,
        jump: 0.0,
        ln_level,
        ln_far,
        ln_front: ln_front.clamp(-1.5, 1.0),
        rho_shift: (1.0 - shape.rho_reversion) * day.rho_shift
            + shape.rho_per_return * moved
            + shape.rho_noise * random.normal(),
        ln_eta: ETA_KEPT * day.ln_eta + shape.eta_noise * random.normal(),
        basis: day.basis
            + basis.reversion * (basis.mean - day.basis)
            + basis.noise * random.normal(),
        realised,
    }
}

fn target_level(shape: &VolatilityShape, realised: f64) -> f64 {
    shape.base + shape.per_realised * 0.5 * ln(realised * 365.0)
}

fn target_far(shape: &VolatilityShape, ln_level: f64) -> f64 {
    shape.far_base + shape.far_per_level * ln_level
}

fn next_regime(regime: MarketRegime, random: &mut Random) -> MarketRegime {
    let leaves = random.unit() < 1.0 / REGIMES[regime as usize].mean_days;
    let draw = random.unit();
    if !leaves {
        return regime;
    }
    let weights = TRANSITIONS[regime as usize];
    let mut sum = 0.0;
    for (next, weight) in MarketRegime::ALL.into_iter().zip(weights) {
        sum += weight;
        if draw < sum {
            return next;
        }
    }
    MarketRegime::Sideways
}

pub(super) fn correlated(correlation: f64, common: f64, own: f64) -> f64 {
    correlation * common + (1.0 - correlation * correlation).sqrt() * own
}

/// Where a regime goes when it ends: rows from, columns to, bull, bear, sideways, stress.
const TRANSITIONS: [[f64; 4]; 4] = [
    [0.0, 0.0, 0.85, 0.15],
    [0.0, 0.0, 0.84, 0.16],
    [0.45, 0.45, 0.0, 0.10],
    [0.30, 0.37, 0.33, 0.0],
];
const STREAM_DAYS: u64 = 1;
pub(super) const CORRELATION: f64 = 0.83;
const VOLATILITY_CORRELATION: f64 = 0.8;
const ACTIVITY_KEPT: f64 = 0.93;
const ACTIVITY_NOISE: f64 = 0.10;
const JUMP_MEAN: f64 = -0.009;
const JUMP_SD: f64 = 0.055;
const REALISED_KEPT: f64 = 0.97;
const FAR_REVERSION: f64 = 0.07;
const FRONT_KEPT: f64 = 0.55;
const ETA_KEPT: f64 = 0.915;
const LN_LEVEL_LEAST: f64 = -1.6;
const LN_LEVEL_MOST: f64 = 0.7;
