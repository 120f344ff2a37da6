//! The only folder that names sqlx: two engines, one schema, one set of SQL.
//!
//! Reads run on a pool (`read!`), writes in a [`Tx`] (`on!`); the same expression serves both engines.
//! "Not found" is `Ok(None)`; a write that must change a row checks the rows affected.

#[macro_use]
mod engine;

pub use engine::{Db, DbError, Tx};
