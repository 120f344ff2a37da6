//! What a backtest's figures are worth: performance of an equity series, and how much of it is luck.
//!
//! - [`performance`]: return, volatility, Sharpe, Sortino, Calmar and drawdown, annualised with 365 days.
//! - [`sharpe`]: the probability that a Sharpe ratio is real, also after many trials.
//! - [`overfitting`]: how often the best setting of one half is below the median in the other.
//! - [`bootstrap`]: confidence intervals of any statistic of a series that remembers.
//! - [`ridge`]: a linear model of what is to be expected.
//! - [`walk_forward`]: windows to choose on and windows to judge on.
//!
//! Arithmetic over slices: no database, no clock; draws come from a generator that is handed in. A figure
//! that does not exist (no returns, no variance) is None and never 0 or NaN.

pub mod bootstrap;
mod moments;
pub mod overfitting;
pub mod performance;
pub mod ridge;
pub mod sharpe;
pub mod walk_forward;

/// Days of a year: the market never closes.
pub const YEAR_MS: f64 = 365.0 * 86_400_000.0;
