//! The `backtest` job.
