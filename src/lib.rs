//! thetaq

pub mod clock;
pub mod config;
pub mod ctx;
pub mod db;
pub mod domain;
pub mod exchange;
pub mod fills;
pub mod jobs;
