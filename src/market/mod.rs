//! The market as pure functions: listing rules, the volatility surface, a market made from a seed, chains rebuilt from trades.

pub mod candidates;
pub mod features;
pub mod listing;
pub mod rebuilt;
pub mod surface;
pub mod synthetic;
