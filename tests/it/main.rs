//! One integration binary, one file per journey, real databases and real processes.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests fail by panicking and say what they skip"
)]

mod import;
mod support;

mod browser;
mod db;
mod desk;
mod queue;
mod queue_faults;
mod reader;
mod replay;
mod synthetic;
mod web;
