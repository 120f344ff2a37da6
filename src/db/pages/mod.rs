//! What pages read: one question per function, shaped like the part of the page that shows it.

pub mod book;
pub mod decision;
pub mod equity;
pub mod feed;
pub mod market;
pub mod queue;
pub mod status;
