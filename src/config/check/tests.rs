//! What a file may not say, by section and key.

use super::super::SECTIONS;
use super::ranges::{JOB_RANGES, RANGES, number};
use super::*;
use crate::config::{JobConfig, LlmConfig};
use toml::Value;

/// The message, without the part that names the file and the next step.
fn refused(text: &str) -> String {
    let error = Config::parse(text, "my.toml").expect_err(text).to_string();
    let inside = error.strip_prefix("my.toml ").expect(&error);
    let advice = "; `thetaq config` prints every key with its meaning";
    inside.strip_suffix(advice).expect(&error).to_owned()
}

#[test]
fn nonsense_is_refused_by_section_and_key() {
    for case in REFUSED.trim().lines() {
        let parts: Vec<&str> = case.split(" | ").collect();
        let [section, line, expect] = parts[..] else {
            panic!("{case}");
        };
        let text = format!("[{section}]\n{line}\n");
        assert_eq!(refused(&text), format!("[{section}] {expect}"));
    }
}

/// Section, line of the file, and what is said of it.
const REFUSED: &str = r#"
exchange | speed = 0.0 | speed: 0 is not above 0 and at most 1000000
exchange | speed = -1.0 | speed: -1 is not above 0 and at most 1000000
exchange | speed = nan | speed: NaN is not above 0 and at most 1000000
exchange | speed = inf | speed: inf is not above 0 and at most 1000000
exchange | deposit_btc = "-1" | deposit_btc: -1 is not between 0 and 1000000
exchange | deposit_eth = -0.5 | deposit_eth: -0.5 is not between 0 and 1000000
exchange | seed = "" | seed: must not be empty; any text will do
exchange | start = "yesterday" | start: `yesterday` is not an ISO 8601 time such as 2026-01-05T07:00:00Z
desk | ivrv_min = -0.1 | ivrv_min: -0.1 is not between 0 and 10
desk | delta_max = 1.5 | delta_max: 1.5 is not between 0 and 1
desk | delta_min = 0.5 | delta_min: is 0.5 and must be below delta_max, which is 0.4
desk | delta_min = nan | delta_min: NaN is not between 0 and 1
desk | dte_min = 30 | dte_min: is 30 and must be below dte_max, which is 21
desk | dte_max = -1 | dte_max: -1 is not between 0 and 1000
desk | max_expiry_exposure_btc = "-1" | max_expiry_exposure_btc: -1 is not between 0 and 1000000
desk | max_margin_used_pct = 101.0 | max_margin_used_pct: 101 is not above 0 and at most 100
desk | max_net_delta_abs = 0.0 | max_net_delta_abs: 0 is not above 0 and at most 1000000
desk | order_size_btc = "0.15" | order_size_btc: 0.15 is not a multiple of 0.1 BTC, the step of the exchange
desk | order_size_btc = -0.1 | order_size_btc: -0.1 is not above 0 and at most 1000000
desk | order_size_eth = "0.5" | order_size_eth: 0.5 is not a multiple of 1 ETH, the step of the exchange
desk | max_calls_per_underlying = 0 | max_calls_per_underlying: 0 is not between 1 and 1000
desk | spread_max = 5.0 | spread_max: 5 is not between 0 and 2
desk | spread_max_ticks = -2 | spread_max_ticks: -2 is not between 0 and 1000
desk | open_interest_min = nan | open_interest_min: NaN is not between 0 and 1000000000
desk | daily_drawdown_limit = 5 | daily_drawdown_limit: 5 is not between 0 and 1
desk | quote_max_age_ms = 0 | quote_max_age_ms: 0 is not between 1 and 86400000
desk | order_rate_max = 0 | order_rate_max: 0 is not between 1 and 10000
desk | walk_steps = 1000 | walk_steps: 1000 is not between 0 and 100
desk | reconcile_tolerance_usd = -1.0 | reconcile_tolerance_usd: -1 is not between 0 and 1000000000
desk | underlyings = [] | underlyings: must name BTC, ETH or both, each once
desk | underlyings = ["BTC", "BTC"] | underlyings: must name BTC, ETH or both, each once
policy | name = "rules_v3" | name: `rules_v3` must be rules_v2 or rules_v1
policy | explore_prob = 1.01 | explore_prob: 1.01 is not between 0 and 1
policy | explore_top_k = 0 | explore_top_k: 0 is not between 1 and 1000
policy | premium_min_usd = -1.0 | premium_min_usd: -1 is not between 0 and 1000000
policy | yield_min = inf | yield_min: inf is not between 0 and 10
policy | weight_dte = -0.5 | weight_dte: -0.5 is not between 0 and 1000
web | bind = "8787" | bind: `8787` is not HOST:PORT such as 127.0.0.1:8787
web | bind = "127.0.0.1:99999" | bind: `127.0.0.1:99999` is not HOST:PORT such as 127.0.0.1:8787
web | hosts = ["http://desk/"] | hosts: `http://desk/` is not a host name such as desk.example.org
llm | base_url = "http://me:secret@host/v1" | base_url: must be a base address such as http://127.0.0.1:8080/v1, without a name or a key in it
llm | base_url = "http://127.0.0.1:8080/v1" | model: must name the model that the server is asked for
policy | decision_mode = "llm_only" | decision_mode: llm_only and hybrid_shadow want [llm] base_url and model
llm | temperature = 3.0 | temperature: 3 is not between 0 and 2
llm | max_tokens = 0 | max_tokens: 0 is not between 1 and 1000000
llm | training_cutoff = "June" | training_cutoff: `June` is not a day such as 2025-06-30
llm | budget_day_usd = 1.0 | budget_day_usd: wants price_input_usd and price_output_usd: without them no cost is known
council | policies = ["rules_v3"] | policies: `rules_v3` must be one of rules_v1, rules_v2, random, always, never, llm and llm:MODEL, each once
council | policies = ["llm"] | policies: `llm` wants [llm] base_url and model
queue | lease_ms = 10 | lease_ms: 10 is not between 1000 and 3600000
queue | probe_ms = 0 | probe_ms: 0 is not between 1 and 60000
queue | shutdown_ms = -1 | shutdown_ms: -1 is not between 0 and 3600000
queue | keep_days = 0 | keep_days: 0 is not between 1 and 36500
queue | keep_candidates = -1 | keep_candidates: -1 is not between 0 and 1000000000
jobs.tick | concurrency = 1001 | concurrency: 1001 is not between 0 and 1000
jobs.tick | timeout_ms = 0 | timeout_ms: 0 is not between 1 and 604800000
jobs.tick | max_attempts = 0 | max_attempts: 0 is not between 1 and 1000
jobs.tick | backoff_ms = -5 | backoff_ms: -5 is not between 0 and 3600000
jobs.tick | queue = "" | queue: must not be empty; leave the key out for the kind's own queue
database | url = "mysql://me:secret@db/x" | url: must be sqlite://PATH or postgres://USER@HOST/NAME
"#;

#[test]
fn every_number_has_a_range() {
    let numbers = [
        table(&Config::default().settings()),
        Config::default_numbers(),
        table(&LlmConfig {
            temperature: Some(0.0),
            price_input_usd: Some(0.0),
            price_output_usd: Some(0.0),
            budget_day_usd: Some(0.0),
            budget_run_usd: Some(0.0),
            ..LlmConfig::default()
        }),
    ];
    for (section, keys) in SECTIONS {
        for (key, _) in *keys {
            let numeric = numbers.iter().filter_map(|set| set.get(*key));
            let numeric = numeric.filter_map(number).count() > 0;
            let ranged = RANGES.iter().any(|(s, k, _)| (s, k) == (section, key));
            assert_eq!(numeric, ranged, "[{section}] {key}");
        }
    }
    let job = JobConfig {
        concurrency: Some(1),
        timeout_ms: Some(1),
        max_attempts: Some(1),
        backoff_ms: Some(1),
        ..JobConfig::default()
    };
    assert_eq!(table(&job).len(), JOB_RANGES.len());
}

impl Config {
    /// The plain keys of every section, by name.
    fn default_numbers() -> toml::Table {
        let sections = table(&Self::default());
        let inside = sections.into_iter().filter_map(|(_, value)| match value {
            Value::Table(keys) => Some(keys),
            _ => None,
        });
        inside.flatten().collect()
    }
}

#[test]
fn addresses_are_hosts_with_ports() {
    for good in [
        "127.0.0.1:0",
        "[::1]:8787",
        "localhost:80",
        "desk-1.example.org:443",
    ] {
        assert!(is_address(good), "{good}");
    }
    for bad in [
        "",
        ":80",
        "localhost",
        "http://localhost:80",
        "a b:80",
        "::1",
    ] {
        assert!(!is_address(bad), "{bad}");
    }
}
