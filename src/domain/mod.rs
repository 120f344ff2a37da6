//! The words of the business: plain types and arithmetic; no async, no IO, no clock.

pub mod account;
pub mod action;
pub mod chain;
pub mod coin;
pub mod context;
pub mod decision;
pub mod fees;
#[cfg(test)]
pub(crate) mod fixture;
pub mod hex;
pub mod instrument;
pub mod math;
pub mod money;
pub mod order;
pub mod payoff;
pub mod portfolio;
pub mod pricing;
pub mod redact;
pub mod settings;
pub mod tape;
pub mod tick_steps;
pub mod ticks;
