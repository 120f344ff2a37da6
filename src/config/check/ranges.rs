//! Which numbers every key takes.

use super::{Problem, require};
use toml::Value;

/// The numbers a key takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    least: f64,
    /// Whether `least` itself is taken.
    closed: bool,
    most: f64,
}

pub(super) const fn within(least: f64, most: f64) -> Range {
    Range {
        least,
        closed: true,
        most,
    }
}

/// Above zero and at most `most`.
const fn positive(most: f64) -> Range {
    Range {
        least: 0.0,
        closed: false,
        most,
    }
}

const WEEK_MS: f64 = 604_800_000.0;
const DAY_MS: f64 = 86_400_000.0;
const HOUR_MS: f64 = 3_600_000.0;

/// Every numeric key; a test compares this list with the sections.
pub(super) const RANGES: &[(&str, &str, Range)] = &[
    ("exchange", "speed", positive(1e6)),
    ("exchange", "deposit_btc", within(0.0, 1e6)),
    ("exchange", "deposit_eth", within(0.0, 1e6)),
    ("desk", "ivrv_min", within(0.0, 10.0)),
    ("desk", "delta_min", within(0.0, 1.0)),
    ("desk", "delta_max", within(0.0, 1.0)),
    ("desk", "dte_min", within(0.0, 1_000.0)),
    ("desk", "dte_max", within(0.0, 1_000.0)),
    ("desk", "max_expiry_exposure_btc", within(0.0, 1e6)),
    ("desk", "max_expiry_exposure_eth", within(0.0, 1e6)),
    ("desk", "max_margin_used_pct", positive(100.0)),
    ("desk", "max_net_delta_abs", positive(1e6)),
    ("desk", "order_size_btc", positive(1e6)),
    ("desk", "order_size_eth", positive(1e6)),
    ("desk", "max_calls_per_underlying", within(1.0, 1_000.0)),
    ("desk", "spread_max", within(0.0, 2.0)),
    ("desk", "spread_max_ticks", within(0.0, 1_000.0)),
    ("desk", "open_interest_min", within(0.0, 1e9)),
    ("desk", "daily_drawdown_limit", within(0.0, 1.0)),
    ("desk", "quote_max_age_ms", within(1.0, DAY_MS)),
    ("desk", "order_rate_max", within(1.0, 10_000.0)),
    ("desk", "walk_steps", within(0.0, 100.0)),
    ("desk", "reconcile_tolerance_usd", within(0.0, 1e9)),
    ("policy", "explore_prob", within(0.0, 1.0)),
    ("policy", "explore_top_k", within(1.0, 1_000.0)),
    ("policy", "premium_min_usd", within(0.0, 1e6)),
    ("policy", "yield_min", within(0.0, 10.0)),
    ("policy", "roll_dte", within(0.0, 365.0)),
    ("policy", "roll_dte_itm", within(0.0, 365.0)),
    ("policy", "roll_dte_near", within(0.0, 365.0)),
    ("policy", "roll_near", within(0.0, 1.0)),
    ("policy", "weight_yield", within(0.0, 1_000.0)),
    ("policy", "weight_delta", within(0.0, 1_000.0)),
    ("policy", "weight_dte", within(0.0, 1_000.0)),
    ("policy", "weight_ivrv", within(0.0, 1_000.0)),
    ("llm", "max_tokens", within(1.0, 1e6)),
    ("llm", "temperature", within(0.0, 2.0)),
    ("llm", "timeout_ms", within(1.0, HOUR_MS)),
    ("llm", "connect_timeout_ms", within(1.0, HOUR_MS)),
    ("llm", "price_input_usd", within(0.0, 1e6)),
    ("llm", "price_output_usd", within(0.0, 1e6)),
    ("llm", "budget_day_usd", within(0.0, 1e6)),
    ("llm", "budget_run_usd", within(0.0, 1e6)),
    ("queue", "lease_ms", within(1_000.0, HOUR_MS)),
    ("queue", "probe_ms", within(1.0, 60_000.0)),
    ("queue", "shutdown_ms", within(0.0, HOUR_MS)),
    ("queue", "keep_days", within(1.0, 36_500.0)),
    ("queue", "keep_candidates", within(0.0, 1e9)),
];

/// The numeric keys of every `[jobs.KIND]`.
pub(super) const JOB_RANGES: &[(&str, Range)] = &[
    ("concurrency", within(0.0, 1_000.0)),
    ("timeout_ms", within(1.0, WEEK_MS)),
    ("max_attempts", within(1.0, 1_000.0)),
    ("backoff_ms", within(0.0, HOUR_MS)),
];

impl Range {
    pub(super) fn check(
        self,
        section: &str,
        key: &str,
        value: Option<&Value>,
    ) -> Result<(), Problem> {
        let Some(number) = value.and_then(number) else {
            return Ok(());
        };
        require(self.takes(number), section, key, || {
            format!("{number} is not {self}")
        })
    }

    /// NaN and the infinities are outside of every range.
    pub(super) fn takes(self, number: f64) -> bool {
        let above = number > self.least || (self.closed && number == self.least);
        above && number <= self.most
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (least, most) = (self.least, self.most);
        if self.closed {
            write!(f, "between {least} and {most}")
        } else {
            write!(f, "above {least} and at most {most}")
        }
    }
}

/// Amounts of coin are written as text, so that they stay exact.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number),
        Value::Integer(number) => Some(*number as f64),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}
