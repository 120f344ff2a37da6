//! The volatility surface: one SVI slice per expiry, in the arbitrage-free family SSVI.
//!
//! Total variance of a slice at log-moneyness k = ln(strike / forward) (Gatheral and Jacquier 2014):
//!
//! ```text
//! w(k) = theta/2 (1 + rho phi k + sqrt((phi k + rho)^2 + 1 - rho^2))
//! ```
//!
//! which is raw SVI with a = theta (1 - rho^2) / 2, b = theta phi / 2, m = -rho / phi and
//! sigma = sqrt(1 - rho^2) / phi. `theta` is the total variance at the money; `phi = eta / sqrt(theta)`,
//! so that `eta` and `rho` hardly depend on the maturity: wings scale with the square root of time.

use crate::domain::math::{exp, ln};

/// The smile of one expiry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slice {
    /// Years to expiry, 365 days.
    pub years: f64,
    /// Total variance at the money: volatility squared x years.
    pub theta: f64,
    /// Tilt, -1..1; negative when puts are dearer than calls.
    pub rho: f64,
    /// Curvature per unit of log-moneyness.
    pub phi: f64,
}

impl Slice {
    /// Total variance at log-moneyness `k`.
    pub fn total_variance(&self, k: f64) -> f64 {
        let tilted = self.phi * k + self.rho;
        let root = (tilted * tilted + 1.0 - self.rho * self.rho).sqrt();
        0.5 * self.theta * (1.0 + self.rho * self.phi * k + root)
    }

    /// Black volatility at log-moneyness `k`, a fraction.
    pub fn volatility(&self, k: f64) -> f64 {
        (self.total_variance(k) / self.years).sqrt()
    }

    /// Volatility of a variance swap to this expiry, which the venue's volatility index is.
    ///
    /// The mean of w(k) over a normal d2 (Gatheral 2006, chapter 11), by Gauss-Hermite with five nodes.
    pub fn variance_swap(&self) -> f64 {
        let deviation = self.theta.sqrt();
        let mean: f64 = SWAP_NODES
            .iter()
            .map(|(z, weight)| weight * self.total_variance(-z * deviation))
            .sum();
        (mean / self.years).sqrt()
    }

    /// Sufficient for a density that is nowhere negative: theta phi (1 + |rho|) < 4 and
    /// theta phi^2 (1 + |rho|) <= 4 (Gatheral and Jacquier, theorem 4.2).
    pub fn is_butterfly_free(&self) -> bool {
        let tilt = 1.0 + self.rho.abs();
        self.theta * self.phi * tilt < 4.0 && self.theta * self.phi * self.phi * tilt <= 4.0
    }

    /// Sufficient for total variance to grow from this slice to a later one at every strike:
    /// theta and theta phi grow (the latter by more than the tilt changes) and phi does not
    /// (Corbetta, Cohort, Laachir and Martini 2019, proposition 3.1).
    pub fn is_calendar_free(&self, later: &Self) -> bool {
        let (psi, later_psi) = (self.theta * self.phi, later.theta * later.phi);
        let up = (1.0 + self.rho) / (1.0 + later.rho);
        let down = (1.0 - self.rho) / (1.0 - later.rho);
        later.theta >= self.theta && later.phi <= self.phi && later_psi >= psi * up.max(down)
    }
}

/// Nodes of a standard normal and their weights.
const SWAP_NODES: [(f64, f64); 5] = [
    (-2.856_970_013_872_806, 0.011_257_411_327_720_69),
    (-1.355_626_179_974_266, 0.222_075_922_005_612_6),
    (0.0, 0.533_333_333_333_333_3),
    (1.355_626_179_974_266, 0.222_075_922_005_612_6),
    (2.856_970_013_872_806, 0.011_257_411_327_720_69),
];

/// Everything that moves the surface of one coin at one instant; volatilities are fractions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurfaceState {
    /// At-the-money volatility at 30 days.
    pub level: f64,
    /// At-the-money forward volatility far out.
    pub far: f64,
    /// Dailies against the curve: 0 is on it, 0.2 a fifth more variance today; above -1.
    pub front: f64,
    /// Added to rho at every maturity.
    pub rho_shift: f64,
    /// Multiplies eta at every maturity.
    pub eta_factor: f64,
}

/// The shape of one coin's surface that does not move; fitted, see `synthetic::fitted`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurfaceShape {
    /// Speed at which the forward variance reaches `far`, per year.
    pub kappa: f64,
    /// Speed at which the front's own part dies out, per year.
    pub front_kappa: f64,
    /// rho at once and far out, and the years in between.
    pub rho_near: f64,
    pub rho_far: f64,
    pub rho_years: f64,
    /// eta at 30 days, and its power of maturity.
    pub eta_month: f64,
    pub eta_power: f64,
}

/// Smiles of every maturity at one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surface {
    shape: SurfaceShape,
    state: SurfaceState,
    /// Forward variance: far + (near - far) e^(-kappa t) + front near e^(-front_kappa t).
    near_variance: f64,
    far_variance: f64,
}

/// 30 days in years.
const MONTH: f64 = 30.0 / 365.0;

impl Surface {
    pub fn new(shape: &SurfaceShape, state: &SurfaceState) -> Self {
        let far_variance = state.far * state.far;
        let (curve, front) = (decay(shape.kappa, MONTH), decay(shape.front_kappa, MONTH));
        let near_variance = (state.level * state.level - far_variance * (1.0 - curve))
            / (curve + state.front * front);
        Self {
            shape: *shape,
            state: *state,
            near_variance: near_variance.max(LEAST_NEAR * far_variance),
            far_variance,
        }
    }

    /// The smile at a maturity; `years` above 0.
    pub fn slice(&self, years: f64) -> Slice {
        let theta = self.at_the_money_variance(years);
        let rho = self.rho(years);
        let eta = self.eta(years).min((3.9 / (1.0 + rho.abs())).sqrt());
        Slice {
            years,
            theta,
            rho,
            phi: eta / theta.sqrt(),
        }
    }

    fn at_the_money_variance(&self, years: f64) -> f64 {
        let shape = &self.shape;
        let mean = self.far_variance
            + (self.near_variance - self.far_variance) * decay(shape.kappa, years)
            + self.near_variance * self.state.front * decay(shape.front_kappa, years);
        mean * years
    }

    fn rho(&self, years: f64) -> f64 {
        let shape = &self.shape;
        let near = exp(-years / shape.rho_years);
        let rho = shape.rho_far + (shape.rho_near - shape.rho_far) * near + self.state.rho_shift;
        rho.clamp(-0.75, 0.75)
    }

    fn eta(&self, years: f64) -> f64 {
        let power = exp(self.shape.eta_power * ln(years / MONTH));
        self.shape.eta_month * self.state.eta_factor * power
    }
}

/// Forward variance at once is at least this part of the far one, so that it stays positive.
const LEAST_NEAR: f64 = 0.05;

/// Mean of e^(-speed t) over a span of years.
fn decay(speed: f64, years: f64) -> f64 {
    let x = speed * years;
    if x < 1e-6 { 1.0 } else { (1.0 - exp(-x)) / x }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(rho: f64, eta: f64) -> Slice {
        let (years, theta) = (MONTH, 0.45 * 0.45 * MONTH);
        Slice {
            years,
            theta,
            rho,
            phi: eta / theta.sqrt(),
        }
    }

    #[test]
    fn a_slice_has_its_volatility_at_the_money_and_its_skew_beside_it() {
        let smile = slice(-0.28, 0.78);
        assert!((smile.volatility(0.0) - 0.45).abs() < 1e-12);
        assert!(smile.volatility(-0.2) > smile.volatility(0.2));
        assert!(smile.variance_swap() > 0.45 && smile.variance_swap() < 0.52);
        assert!((slice(0.0, 1e-6).variance_swap() - 0.45).abs() < 1e-6);
    }

    #[test]
    fn too_steep_a_smile_is_recognised() {
        assert!(slice(-0.3, 0.8).is_butterfly_free());
        assert!(!slice(-0.3, 2.0).is_butterfly_free());
        let later = Slice {
            theta: 0.9 * slice(-0.3, 0.8).theta,
            ..slice(-0.3, 0.8)
        };
        assert!(!slice(-0.3, 0.8).is_calendar_free(&later));
    }

    #[test]
    fn the_month_of_a_surface_is_its_level() {
        let shape = SurfaceShape {
            kappa: 8.0,
            front_kappa: 120.0,
            rho_near: -0.15,
            rho_far: -0.28,
            rho_years: 0.008,
            eta_month: 0.78,
            eta_power: -0.025,
        };
        let state = SurfaceState {
            level: 0.6,
            far: 0.5,
            front: 0.3,
            rho_shift: 0.0,
            eta_factor: 1.0,
        };
        let surface = Surface::new(&shape, &state);
        assert!((surface.slice(MONTH).volatility(0.0) - 0.6).abs() < 1e-12);
        assert!(surface.slice(1.0).volatility(0.0) < 0.6);
        let days = [1.0, 3.0, 7.0, 14.0, 30.0, 90.0, 365.0];
        let slices = days.map(|days| surface.slice(days / 365.0));
        assert!(
            slices
                .windows(2)
                .all(|pair| pair[0].is_calendar_free(&pair[1]))
        );
    }
}
