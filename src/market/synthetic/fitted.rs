//! The figures of the synthetic market, and how they were fitted.
//!
//! # What was fitted to what
//! Chains: the 604 recorded snapshots of 2025-12-30 to 2026-05-31, 513,630 quotes of BTC and 459,782 of
//! ETH, rows with a flag left out. Long dynamics: the exchange's daily volatility index (BTC 2021-03 to
//! 2026-04, ETH 2025-01 to 2026-05) against daily closes, and its delivery prices since 2020-06.
//!
//! *Smile.* One SSVI slice per (snapshot, expiry), about 6,900 per coin: mark volatilities of the calls
//! with delta 0.02 to 0.98, weighted by the root of min(delta, 1 - delta), soft-L1 loss, by
//! scipy's `least_squares`. Median of the root-mean-square error: 0.6 to 0.8 volatility points beyond
//! two days, 1.2 to 2.2 under one day. Medians of the slices:
//!
//! | days | ATM BTC | rho | eta | basis %/y | ATM ETH | rho | eta | basis %/y |
//! |---|---|---|---|---|---|---|---|---|
//! | 0.5-1 | 39.7 | -0.18 | 0.87 | 0.1 | 53.3 | -0.13 | 0.96 | 1.5 |
//! | 2-4 | 40.6 | -0.24 | 0.81 | 0.3 | 55.9 | -0.17 | 0.84 | 1.0 |
//! | 4-8 | 41.4 | -0.26 | 0.79 | 0.8 | 58.9 | -0.18 | 0.83 | 1.2 |
//! | 8-16 | 42.3 | -0.28 | 0.76 | 1.4 | 61.7 | -0.18 | 0.79 | 1.8 |
//! | 16-35 | 42.2 | -0.28 | 0.77 | 1.7 | 60.8 | -0.18 | 0.77 | 1.8 |
//! | 35-70 | 42.2 | -0.28 | 0.79 | 2.1 | 63.4 | -0.18 | 0.73 | 2.3 |
//! | 70-130 | 46.5 | -0.28 | 0.78 | 2.4 | 66.3 | -0.18 | 0.71 | 2.5 |
//! | 220-400 | 47.2 | -0.27 | 0.73 | 3.5 | 65.3 | -0.16 | 0.63 | 3.3 |
//!
//! ATM is in volatility points; 5 % and 95 % at 16-35 days: BTC 34.0 and 54.6, ETH 46.0 and 75.1. `rho`
//! is the tilt (it relaxes within three days of maturity to its far value), `eta` the wings: the slope
//! of total variance far out is eta sqrt(theta) (1 +- rho) / 2, and eta falls as a power of maturity.
//! From day to day rho has a standard deviation of 0.068 (BTC) and 0.047 (ETH), autocorrelation 0.89
//! and 0.85, and rises with the index (0.42 and 0.41 correlation); eta 10 % and 8 %, 0.92 and 0.91.
//!
//! *Term structure.* Forward variance = far + (near - far) e^(-8 t) + front near e^(-120 t), t in years,
//! robust least squares per snapshot; median absolute error 0.75 (BTC) and 0.43 (ETH) points. ln far
//! follows 0.33 (0.25) of ln ATM30; ln(1 + front) is an AR(1) of 0.55 a day, deviation 0.5 (0.4).
//!
//! *Level.* d ln ATM30 against the index's daily return r: per r -1.64 and per |r| 0.53 in the chains of
//! 2026 (BTC), -0.61 and 0.33 (ETH); -0.33 and 0.67 in the volatility index of 2021 to 2025 (BTC). Used:
//! -1.0 and 0.6, -0.4 and 0.33. Reversion 0.063 a day to -0.147 + 0.58 ln(realised volatility) (lambda
//! 0.97); the constant is lowered by 0.2 (BTC) to meet the quieter level of the chains. Residual
//! deviation 0.035 and 0.028 a day.
//!
//! *Index.* Days since 2020-06, labelled by 30-day trend (+-10 %) and 10-day volatility (stress over
//! 85 %): shares bull 0.28, bear 0.16, sideways 0.46, stress 0.11; BTC volatility 0.50, 0.52, 0.45, 1.07,
//! scaled by 0.82 to the level of 2024 to 2026; drifts halved, because the labels know the outcome.
//! The labels chop, so regimes last two to three times as long as their runs (6 to 10 days). Moves over
//! 3.5 robust deviations: 12.8 a year, mean -0.9 %, deviation 7.8 % (BTC). BTC-ETH correlation 0.83, ratio
//! of volatilities 1.33. Excess kurtosis of daily returns 2021-06 on: 3.5 and 3.6.
//!
//! *Spread* (ask less bid), medians in 1e-4 coin by |delta| and days in [`SpreadShape::widths`]; spreads
//! scatter by 0.35 to 0.4 (logarithm) for |delta| under 0.5, 0.5 to 1.5 in the money. In volatility
//! points for |delta| 0.2-0.35: BTC 3.0 under a day, 2.0 at 2-8, 1.1 at 16-35, 0.6 beyond 70 days.
//! *Missing bids*: where the bid would be under one tick, which is |delta| under 0.02: recorded 91 %, 67 %,
//! 47 %, 33 %, 13 % at 0-1, 1-2, 4-8, 16-35, 70-130 days (BTC), 10 % at |delta| 0.02-0.05 on the last day,
//! under 0.3 % elsewhere out of the money; in the money 1 to 5 % lack both sides.
//!
//! *Open interest*, medians in coin of out-of-the-money strikes: dailies 18 with three days left, 65 with
//! two, 130 on the last (BTC), 155, 490, 1,250 (ETH); weeklies and longer 350 to 1,200 (BTC), 1,500 to 5,800
//! (ETH); in the money a tenth. Logarithms scatter by 0.9 to 2. *Volume* of a day over open interest: 0.7,
//! 0.4, 0.2, 0.1, 0.05, 0.03 at 0-1, 2-4, 4-16, 16-35, 35-130, 220-400 days, a fifth of it in the money.
//! *Sizes* at the top of book (2021 and 2022 chains, BTC): medians 28 coin out of the money, 12 at, 4 in;
//! a third of that beyond 70 days; logarithms scatter by 1.8. ETH, not recorded, is set to ten times that.

use super::path::RegimeShape;
use crate::domain::coin::Coin;
use crate::domain::math::ln;
use crate::market::surface::SurfaceShape;
use std::sync::OnceLock;

/// Figures of one coin.
#[derive(Debug)]
pub(super) struct Fitted {
    pub(super) surface: SurfaceShape,
    pub(super) volatility: VolatilityShape,
    pub(super) spread: SpreadShape,
    pub(super) basis: BasisShape,
    pub(super) interest: InterestShape,
    /// USD on 2026-01-01 08:00, where the recorded chains begin.
    pub(super) anchor_usd: f64,
    /// Volatility of the index against BTC's.
    pub(super) index_scale: f64,
}

/// Daily dynamics of the surface's state; volatilities in logarithms.
#[derive(Debug)]
pub(super) struct VolatilityShape {
    /// ln level reverts to `base` + `per_realised` x ln(realised volatility).
    pub(super) base: f64,
    pub(super) per_realised: f64,
    pub(super) reversion: f64,
    /// Change of ln level per unit of log return, and per unit of its size above the usual.
    pub(super) per_return: f64,
    pub(super) per_size: f64,
    pub(super) noise: f64,
    /// ln far reverts to `far_base` + `far_per_level` x ln level.
    pub(super) far_base: f64,
    pub(super) far_per_level: f64,
    pub(super) far_noise: f64,
    /// ln(1 + front) reverts to this.
    pub(super) front_mean: f64,
    pub(super) front_noise: f64,
    pub(super) rho_reversion: f64,
    pub(super) rho_noise: f64,
    pub(super) rho_per_return: f64,
    pub(super) eta_noise: f64,
}

/// The forward's premium over the index per year: state x years / (years + `half_years`).
#[derive(Debug)]
pub(super) struct BasisShape {
    pub(super) mean: f64,
    pub(super) reversion: f64,
    pub(super) noise: f64,
    pub(super) half_years: f64,
}

/// Median spread in 1e-4 coin, by days to expiry and |delta|.
#[derive(Debug)]
pub(super) struct SpreadShape {
    pub(super) widths: [[f64; 9]; 6],
    /// Computed once.
    logs: OnceLock<SpreadLogs>,
}

/// Logarithms of [`SPREAD_DTE`] and of the widths in coin.
#[derive(Debug)]
struct SpreadLogs {
    dte: [f64; 6],
    widths: [[f64; 9]; 6],
}

/// Median open interest of a fully grown out-of-the-money strike, coin, and the typical size quoted.
#[derive(Debug)]
pub(super) struct InterestShape {
    pub(super) daily: f64,
    pub(super) longer: f64,
    pub(super) quoted: f64,
    /// Open interest, volume and sizes come in steps: so many make a coin.
    pub(super) steps_per_coin: u32,
}

/// Where [`SpreadShape::widths`] stand: rows.
const SPREAD_DTE: [f64; 6] = [0.5, 3.0, 10.0, 40.0, 120.0, 310.0];
/// Columns.
const SPREAD_DELTA: [f64; 9] = [0.01, 0.035, 0.1, 0.2, 0.375, 0.575, 0.725, 0.865, 0.965];

impl SpreadShape {
    /// Logarithms of the widths at one maturity, by the logarithm of its days.
    pub(super) fn row(&self, ln_dte: f64) -> [f64; 9] {
        let logs = self.logs.get_or_init(|| SpreadLogs {
            dte: SPREAD_DTE.map(ln),
            widths: self.widths.map(|row| row.map(|width| ln(width * 1e-4))),
        });
        let (at, along) = place(&logs.dte, ln_dte);
        let [from, to] = [&logs.widths[at], &logs.widths[at + 1]];
        std::array::from_fn(|column| from[column] + along * (to[column] - from[column]))
    }

    /// Logarithm of the median spread in coin at a |delta|, from a row.
    pub(super) fn ln_width(row: &[f64; 9], delta: f64) -> f64 {
        let (at, along) = place(&SPREAD_DELTA, delta);
        row[at] + along * (row[at + 1] - row[at])
    }

    /// Scatter of the spread's logarithm.
    pub(super) fn scatter(delta: f64) -> f64 {
        0.38 + 1.6 * (delta - 0.5).max(0.0)
    }
}

/// The knot at or below `x` and the part of the way to the next, flat outside.
fn place(knots: &[f64], x: f64) -> (usize, f64) {
    // So few are counted faster than searched: no branch to guess.
    let below: usize = knots.iter().map(|knot| usize::from(*knot <= x)).sum();
    let at = below.clamp(1, knots.len() - 1) - 1;
    let along = (x - knots[at]) / (knots[at + 1] - knots[at]);
    (at, along.clamp(0.0, 1.0))
}

impl BasisShape {
    /// ln(forward / index) from the state of the basis.
    pub(super) fn premium(&self, state: f64, years: f64) -> f64 {
        state * years * years / (years + self.half_years)
    }
}

impl InterestShape {
    /// Median open interest of a strike `age_days` after its listing; `missing` is the exponential of
    /// [`Self::ln_missing`].
    pub(super) fn grown(&self, daily: bool, age_days: f64, missing: f64) -> f64 {
        if daily {
            let part = (age_days / 4.0).min(1.0);
            self.daily * part * part
        } else {
            self.longer * (1.0 - missing)
        }
    }

    /// Logarithm of the part of its open interest that a strike of the longer expiries has yet to get.
    pub(super) fn ln_missing(age_days: f64) -> f64 {
        -age_days / 7.0
    }

    pub(super) fn steps_per_coin(&self) -> f64 {
        f64::from(self.steps_per_coin)
    }
}

pub(super) fn fitted(coin: Coin) -> &'static Fitted {
    match coin {
        Coin::Btc => &BTC,
        Coin::Eth => &ETH,
    }
}

/// Bull, bear, sideways, stress; drift is of the logarithm.
pub(super) static REGIMES: [RegimeShape; 4] = [
    RegimeShape {
        drift: 1.2,
        volatility: 0.37,
        mean_days: 35.0,
        jumps_per_year: 8.0,
    },
    RegimeShape {
        drift: -0.8,
        volatility: 0.40,
        mean_days: 22.0,
        jumps_per_year: 10.0,
    },
    RegimeShape {
        drift: 0.0,
        volatility: 0.33,
        mean_days: 30.0,
        jumps_per_year: 8.0,
    },
    RegimeShape {
        drift: -0.8,
        volatility: 0.80,
        mean_days: 14.0,
        jumps_per_year: 30.0,
    },
];

static BTC: Fitted = Fitted {
    surface: SurfaceShape {
        kappa: 8.0,
        front_kappa: 120.0,
        rho_near: -0.15,
        rho_far: -0.28,
        rho_years: 3.0 / 365.0,
        eta_month: 0.78,
        eta_power: -0.025,
    },
    volatility: VolatilityShape {
        base: -0.345,
        per_realised: 0.58,
        reversion: 0.063,
        per_return: -1.0,
        per_size: 0.6,
        noise: 0.035,
        far_base: -0.477,
        far_per_level: 0.33,
        far_noise: 0.012,
        front_mean: -0.06,
        front_noise: 0.40,
        rho_reversion: 0.11,
        rho_noise: 0.028,
        rho_per_return: 0.50,
        eta_noise: 0.040,
    },
    spread: SpreadShape {
        widths: [
            [1.0, 2.0, 2.5, 3.5, 5.0, 10.0, 20.0, 30.0, 100.0],
            [2.0, 2.0, 3.0, 4.0, 9.0, 10.0, 35.0, 60.0, 150.0],
            [2.0, 2.5, 3.5, 8.0, 10.0, 10.0, 30.0, 45.0, 70.0],
            [2.0, 3.0, 5.0, 10.0, 10.0, 14.0, 35.0, 55.0, 130.0],
            [3.0, 4.5, 9.0, 10.0, 12.0, 18.0, 45.0, 80.0, 800.0],
            [4.0, 8.0, 10.0, 14.0, 20.0, 40.0, 60.0, 125.0, 1_900.0],
        ],
        logs: OnceLock::new(),
    },
    basis: BasisShape {
        mean: 0.035,
        reversion: 0.03,
        noise: 0.0027,
        half_years: 25.0 / 365.0,
    },
    interest: InterestShape {
        daily: 170.0,
        longer: 850.0,
        quoted: 28.0,
        steps_per_coin: 10,
    },
    anchor_usd: 88_000.0,
    index_scale: 1.0,
};

static ETH: Fitted = Fitted {
    surface: SurfaceShape {
        kappa: 8.0,
        front_kappa: 120.0,
        rho_near: -0.115,
        rho_far: -0.178,
        rho_years: 3.0 / 365.0,
        eta_month: 0.76,
        eta_power: -0.070,
    },
    volatility: VolatilityShape {
        base: -0.14,
        per_realised: 0.58,
        reversion: 0.063,
        per_return: -0.4,
        per_size: 0.33,
        noise: 0.028,
        far_base: -0.289,
        far_per_level: 0.25,
        far_noise: 0.008,
        front_mean: -0.15,
        front_noise: 0.33,
        rho_reversion: 0.15,
        rho_noise: 0.0235,
        rho_per_return: 0.30,
        eta_noise: 0.034,
    },
    spread: SpreadShape {
        widths: [
            [2.0, 2.0, 3.0, 4.0, 7.0, 10.0, 30.0, 55.0, 300.0],
            [2.0, 2.0, 3.0, 6.0, 11.0, 15.0, 50.0, 130.0, 330.0],
            [2.0, 3.0, 4.5, 9.0, 10.0, 15.0, 40.0, 90.0, 170.0],
            [3.0, 4.5, 8.0, 10.0, 10.0, 15.0, 60.0, 110.0, 500.0],
            [4.0, 7.0, 10.0, 14.0, 16.0, 23.0, 110.0, 190.0, 2_400.0],
            [6.0, 10.0, 15.0, 20.0, 30.0, 75.0, 290.0, 1_000.0, 2_700.0],
        ],
        logs: OnceLock::new(),
    },
    basis: BasisShape {
        mean: 0.035,
        reversion: 0.06,
        noise: 0.0027,
        half_years: 25.0 / 365.0,
    },
    interest: InterestShape {
        daily: 1_500.0,
        longer: 4_800.0,
        quoted: 280.0,
        steps_per_coin: 1,
    },
    anchor_usd: 2_970.0,
    index_scale: 1.33,
};
