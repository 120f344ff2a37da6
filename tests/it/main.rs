//! One integration binary, one file per journey, real databases and real processes.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests fail by panicking and say what they skip"
)]

mod import;
mod support;

mod db;
mod deribit_client;
mod deribit_desk;
mod deribit_wire;
mod desk;
mod queue;
mod queue_faults;
mod reader;
mod replay;
mod synthetic;
