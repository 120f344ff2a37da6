//! Conversations with the desk: what may be looked up, how, and whether an answer says only what was found.
//!
//! Everything here reads. The `chat` job in `jobs` runs the conversation; a draft becomes a job by a
//! person's click and in no other way.

pub mod command;
mod dates;
pub mod facts;
pub mod found;
pub mod history;
pub mod lookup;
pub mod numbers;
pub mod partial;
pub mod prompt;
pub mod receipts;
pub mod times;
pub mod tools;
