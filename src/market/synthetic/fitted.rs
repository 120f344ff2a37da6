//! Figures of the synthetic market, one set per coin; how they were fitted follows with the fit.
use super::path::RegimeShape;
use crate::domain::coin::Coin;
use crate::market::surface::SurfaceShape;

/// Figures of one coin.
#[derive(Debug)]
pub(super) struct Fitted {
    pub(super) surface: SurfaceShape,
    pub(super) volatility: VolatilityShape,
    pub(super) spread: SpreadShape,
    pub(super) interest: InterestShape,
    /// USD on 2026-01-01 08:00, where the recorded chains begin.
    pub(super) anchor_usd: f64,
    /// Mean, daily reversion and daily noise of the forward's premium over the index, per year.
    pub(super) basis: [f64; 3],
}

/// Daily dynamics of the surface's state; logarithms of volatilities.
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
    pub(super) far_reversion: f64,
    pub(super) far_noise: f64,
    pub(super) front_reversion: f64,
    pub(super) front_noise: f64,
    pub(super) rho_reversion: f64,
    pub(super) rho_noise: f64,
    pub(super) rho_per_return: f64,
    pub(super) eta_reversion: f64,
    pub(super) eta_noise: f64,
}

#[derive(Debug)]
pub(super) struct SpreadShape {
    /// Median full spread in volatility points by |delta| (columns) and DTE (rows).
    pub(super) points: [[f64; 6]; 6],
    pub(super) noise: f64,
}

#[derive(Debug)]
pub(super) struct InterestShape {
    /// Coin, median of a strike by DTE class.
    pub(super) scale: f64,
}

impl SpreadShape {
    pub(super) fn row(&self, _dte: f64) -> [f64; 6] {
        self.points[0]
    }

    pub(super) fn width(&self, row: &[f64; 6], delta: f64) -> f64 {
        row[((delta * 6.0) as usize).min(5)] * 2e-4
    }
}

pub(super) fn fitted(coin: Coin) -> &'static Fitted {
    match coin {
        Coin::Btc => &BTC,
        Coin::Eth => &ETH,
    }
}

/// Bull, bear, sideways, stress.
pub(super) static REGIMES: [RegimeShape; 4] = [
    RegimeShape {
        drift: 0.80,
        volatility: 0.44,
        mean_days: 60.0,
        jumps_per_year: 4.0,
    },
    RegimeShape {
        drift: -0.55,
        volatility: 0.50,
        mean_days: 50.0,
        jumps_per_year: 8.0,
    },
    RegimeShape {
        drift: 0.05,
        volatility: 0.33,
        mean_days: 45.0,
        jumps_per_year: 3.0,
    },
    RegimeShape {
        drift: -0.90,
        volatility: 0.85,
        mean_days: 10.0,
        jumps_per_year: 40.0,
    },
];

static BTC: Fitted = Fitted {
    surface: SurfaceShape {
        kappa: 12.0,
        front_kappa: 120.0,
        rho_near: -0.14,
        rho_far: -0.28,
        rho_years: 0.012,
        eta_month: 0.78,
        eta_power: -0.03,
    },
    volatility: VolatilityShape {
        base: -0.28,
        per_realised: 0.55,
        reversion: 0.03,
        per_return: -0.35,
        per_size: 0.35,
        noise: 0.03,
        far_base: -0.52,
        far_per_level: 0.3,
        far_reversion: 0.03,
        far_noise: 0.01,
        front_reversion: 0.4,
        front_noise: 0.12,
        rho_reversion: 0.1,
        rho_noise: 0.03,
        rho_per_return: 0.4,
        eta_reversion: 0.08,
        eta_noise: 0.04,
    },
    spread: SpreadShape {
        points: [[6.0, 4.0, 3.0, 3.0, 3.0, 6.0]; 6],
        noise: 0.3,
    },
    interest: InterestShape { scale: 60.0 },
    anchor_usd: 88_000.0,
    basis: [0.03, 0.05, 0.004],
};

static ETH: Fitted = Fitted {
    surface: SurfaceShape {
        kappa: 12.0,
        front_kappa: 120.0,
        rho_near: -0.10,
        rho_far: -0.18,
        rho_years: 0.012,
        eta_month: 0.77,
        eta_power: -0.08,
    },
    volatility: VolatilityShape {
        base: -0.10,
        per_realised: 0.55,
        reversion: 0.03,
        per_return: -0.30,
        per_size: 0.30,
        noise: 0.03,
        far_base: -0.25,
        far_per_level: 0.3,
        far_reversion: 0.03,
        far_noise: 0.01,
        front_reversion: 0.4,
        front_noise: 0.12,
        rho_reversion: 0.1,
        rho_noise: 0.025,
        rho_per_return: 0.4,
        eta_reversion: 0.08,
        eta_noise: 0.03,
    },
    spread: SpreadShape {
        points: [[6.0, 4.0, 3.0, 3.0, 3.0, 6.0]; 6],
        noise: 0.3,
    },
    interest: InterestShape { scale: 500.0 },
    anchor_usd: 2_970.0,
    basis: [0.03, 0.05, 0.004],
};
