//! One integration binary, one file per journey, real databases and real processes.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests fail by panicking and say what they skip"
)]

mod backtest;
mod exchange;
mod exchange_orders;
mod export;
mod fetch;
mod follow;
mod import;
mod llm;
mod mistakes;
mod month;
mod support;

mod browser;
mod chat;
mod cli;
mod council;
mod db;
mod deribit_client;
mod deribit_desk;
mod deribit_wire;
mod desk;
mod docs;
mod doctor;
mod drift;
mod paper;
mod prune;
mod queue;
mod queue_faults;
mod queue_locks;
mod queue_pause;
mod queue_share;
mod reader;
mod reconcile;
mod replay;
mod safety;
mod sim_http;
mod sim_http_document;
mod sim_http_faults;
mod simulation;
mod synthetic;
mod training;
mod training_live;
mod vendors;
mod web;
