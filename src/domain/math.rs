//! Elementary functions with the same bits on every machine: stored results use these and no others.
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
