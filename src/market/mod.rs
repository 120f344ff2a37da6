//! The market as pure functions: listing rules, the volatility surface, and a market made from a seed.

pub mod candidates;
pub mod features;
pub mod listing;
pub mod surface;
pub mod synthetic;
