//! What one order costs and gets: ticks, fees, matching against a quote, settlement, margin.
//!
//! Shared by the simulated exchange, dry runs and backtests, so that a fill is the same number
//! everywhere. Money is `Decimal`, rounded half to even at 1e-8 of the quote currency once per fee,
//! payoff or margin; prices stay as quoted. Figures are the exchange's published ones.

mod account;
mod fees;
mod margin;
mod matching;
mod settlement;

pub use crate::domain::fees::trade_fee;
pub use crate::domain::ticks::{
    Rounding, is_on_tick, is_valid_size, min_size, round_size, round_to_tick, size_step, step_tick,
    tick, tick_size,
};
pub use account::{account, mark};
pub use fees::{delivery_fee, is_daily};
pub use margin::{SHORT_MARGIN, ShortMargin, initial_margin, maintenance_margin, margins};
pub use matching::fill;
pub use settlement::{payoff_per_coin, settle};
