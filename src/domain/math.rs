//! Elementary functions with the same bits on every machine: stored results use these and no others,
//! except that option prices have faster ones of the same kind (pricing/elementary.rs).
//!
//! `f64::ln`, `exp`, `powf` and the like call the platform's library, whose last digit differs between
//! systems; `sqrt` and the four operations are exact by IEEE 754 and may be used directly.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

pub fn ln(x: f64) -> f64 {
    libm::log(x)
}

pub fn exp(x: f64) -> f64 {
    libm::exp(x)
}

pub fn pow(x: f64, y: f64) -> f64 {
    libm::pow(x, y)
}

/// Standard normal density.
pub fn norm_pdf(x: f64) -> f64 {
    exp(-0.5 * x * x) / (2.0 * PI).sqrt()
}

/// Standard normal distribution function, accurate in both tails.
pub fn norm_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// The x with `norm_cdf(x) = p`, by bisection; -38 and 38 stand for the ends at 0 and 1.
///
/// Some thousand times slower than the others: for the few quantiles of a statistic, not for prices.
pub fn norm_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-38.0, 38.0);
    loop {
        let middle = 0.5 * (low + high);
        // Neighbours: the middle is one of them.
        if middle == low || middle == high {
            return middle;
        }
        let bound = if norm_cdf(middle) < p {
            &mut low
        } else {
            &mut high
        };
        *bound = middle;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_the_normal_distribution() {
        // Tables of the distribution, 15 digits.
        assert!((norm_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-14);
        assert!((norm_quantile(0.01) + 2.326_347_874_040_841).abs() < 1e-14);
        assert!(norm_quantile(0.5).abs() < 1e-15);
        assert!((norm_cdf(norm_quantile(1e-100)) / 1e-100 - 1.0).abs() < 1e-12);
    }
}
