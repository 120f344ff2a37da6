//! Takes approved intents to the exchange and follows them until they are final; survives any crash.
//!
//! How: (1) the intent row is committed before anything is sent; (2) every [`drive::turn`] starts by
//! looking the order up by its label, which the decision and the leg determine, so a turn may be cut off
//! between any two statements and the next one goes on from what the exchange knows; (3) executions are
//! keyed by the exchange's trade id, so recording them twice changes nothing. Nothing here sleeps:
//! waiting is a time at which the caller comes back.

pub mod drive;
pub mod plan;
pub mod reconcile;
pub mod roll;
pub mod schedule;
pub mod ticket;

#[cfg(test)]
mod tests;
