//! The only folder that names sqlx: two engines, one schema, one set of SQL.
//!
//! Reads run on a pool (`read!`), writes in a [`Tx`] (`on!`); the same expression serves both engines.
//! "Not found" is `Ok(None)`; a write that must change a row checks the rows affected.

#[macro_use]
mod engine;

#[macro_use]
mod bulk;

pub mod access;
pub mod backtest_data;
pub mod backtests;
mod blocking;
pub mod books;
pub mod candidates;
pub mod chains;
pub mod chat_drafts;
pub mod chats;
mod checkpoint;
pub mod configs;
pub mod coverage;
pub mod decisions;
pub mod desks;
pub mod drifts;
pub mod equity;
pub mod exports;
pub mod feed;
pub mod fetched;
pub mod fills;
pub mod history;
pub mod insights;
pub mod instruments;
pub mod jobs;
pub mod jobs_control;
pub mod jobs_turn;
pub mod json;
pub mod leases;
pub mod llm_calls;
pub mod named;
pub mod orders;
pub mod pages;
pub mod prints;
pub mod probe;
pub mod reader;
pub mod reconciliations;
pub mod risk_lines;
pub mod scan;
pub mod schedules;
pub mod series;
pub mod settlements;
pub mod shadow_decisions;
pub mod sweeps;
pub mod training;
pub mod tripwire;
pub mod venues;
pub mod views;
pub mod workers;

pub use engine::{Db, DbError, Tx};
pub use sqlx::{Error, Result};
