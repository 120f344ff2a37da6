//! thetaq

pub mod clock;
pub mod config;
pub mod ctx;
pub mod db;
pub mod domain;
pub mod exchange;
pub mod execution;
pub mod fills;
pub mod jobs;
pub mod risk;
