//! What the keys of workers.toml may hold: ranges of numbers, forms of texts, and keys that must agree.

use super::text::table;
use super::{Config, ConfigError, DecisionMode, ExchangeKind};
use crate::domain::coin::Coin;
use crate::domain::instrument::Style;
use crate::domain::ticks::size_step;
use crate::exchange::deribit::Host;
use crate::policy::profiles::standard;
use crate::step::council::Judge;
use rust_decimal::Decimal;
use std::net::SocketAddr;
use toml::Value;

/// The numbers a key takes.
#[derive(Clone, Copy, Debug)]
struct Range {
    least: f64,
    /// Whether `least` itself is taken.
    closed: bool,
    most: f64,
}

const fn within(least: f64, most: f64) -> Range {
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
const RANGES: &[(&str, &str, Range)] = &[
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
const JOB_RANGES: &[(&str, Range)] = &[
    ("concurrency", within(0.0, 1_000.0)),
    ("timeout_ms", within(1.0, WEEK_MS)),
    ("max_attempts", within(1.0, 1_000.0)),
    ("backoff_ms", within(0.0, HOUR_MS)),
];

impl Config {
    /// The first key whose value makes no sense; `file` is the name the error says.
    pub(super) fn check(&self, file: &str) -> Result<(), ConfigError> {
        let refuse = |(section, key, problem): Problem| ConfigError::Value {
            file: file.to_owned(),
            section,
            key,
            problem,
        };
        self.numbers()
            .and_then(|()| self.texts())
            .and_then(|()| self.lists())
            .and_then(|()| self.bands())
            .and_then(|()| self.profiles())
            .and_then(|()| self.llm())
            .and_then(|()| self.host())
            .map_err(refuse)
    }

    fn numbers(&self) -> Result<(), Problem> {
        let set = table(self);
        let value = |section: &str, key: &str| set.get(section)?.get(key);
        for (section, key, range) in RANGES {
            range.check(section, key, value(section, key))?;
        }
        for (kind, job) in &self.jobs {
            let set = table(job);
            for (key, range) in JOB_RANGES {
                range.check(&format!("jobs.{kind}"), key, set.get(*key))?;
            }
        }
        let sizes = [
            (Coin::Btc, "order_size_btc", self.desk.order_size_btc),
            (Coin::Eth, "order_size_eth", self.desk.order_size_eth),
        ];
        sizes
            .into_iter()
            .try_for_each(|(coin, key, size)| whole_steps(coin, key, size))
    }

    /// Profiles are named as files and rows may be, and hold their own target.
    fn profiles(&self) -> Result<(), Problem> {
        for (name, profile) in &self.profiles {
            let section = format!("profiles.{name}");
            let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            let ours = standard().iter().any(|(taken, _)| taken == name);
            require(
                !ours && name != "all" && !name.is_empty() && name.chars().all(letter),
                &section,
                "name",
                || "must be a new name of small letters, digits and _".to_owned(),
            )?;
            let set = table(profile);
            for key in ["target_delta", "delta_min", "delta_max"] {
                within(0.0, 1.0).check(&section, key, set.get(key))?;
            }
            for key in ["dte_min", "dte_max"] {
                within(0.0, 1_000.0).check(&section, key, set.get(key))?;
            }
            let (low, high) = (profile.delta_min, profile.delta_max);
            let inside = (low..=high).contains(&profile.target_delta);
            require(inside, &section, "target_delta", || {
                format!(
                    "{} is not in the band {low} to {high}",
                    profile.target_delta
                )
            })?;
            let (low, high) = (profile.dte_min, profile.dte_max);
            require(low <= high, &section, "dte_min", || {
                format!("{low} is above dte_max = {high}")
            })?;
        }
        Ok(())
    }

    fn texts(&self) -> Result<(), Problem> {
        let (exchange, url) = (&self.exchange, &self.database.url);
        let schemes = ["sqlite://", "postgres://", "postgresql://"];
        let known = schemes.iter().any(|scheme| url.starts_with(scheme));
        // The address itself is not repeated: it may hold a password.
        require(known, "database", "url", || {
            "must be sqlite://PATH or postgres://USER@HOST/NAME".to_owned()
        })?;
        require(!exchange.seed.is_empty(), "exchange", "seed", || {
            "must not be empty; any text will do".to_owned()
        })?;
        require(exchange.start_ms().is_some(), "exchange", "start", || {
            said(
                &exchange.start,
                "is not an ISO 8601 time such as 2026-01-05T07:00:00Z",
            )
        })?;
        let name = &self.policy.name;
        let rules = ["rules_v1", "rules_v2"].contains(&name.as_str());
        require(rules, "policy", "name", || {
            said(name, "must be rules_v2 or rules_v1")
        })?;
        let bind = &self.web.bind;
        require(is_address(bind), "web", "bind", || {
            said(bind, "is not HOST:PORT such as 127.0.0.1:8787")
        })
    }

    /// A server without a model cannot be asked, and a budget without prices would never be spent.
    fn llm(&self) -> Result<(), Problem> {
        let llm = &self.llm;
        let (url, cutoff) = (&llm.base_url, &llm.training_cutoff);
        let web = url.starts_with("http://") || url.starts_with("https://");
        let is_base = url.is_empty() || (web && !url.contains(['@', '?', '#', ' ']));
        // The address itself is not repeated: it may hold a password.
        require(is_base, "llm", "base_url", || {
            "must be a base address such as http://127.0.0.1:8080/v1, without a name or a key in it"
                .to_owned()
        })?;
        require(
            url.is_empty() || !llm.model.is_empty(),
            "llm",
            "model",
            || "must name the model that the server is asked for".to_owned(),
        )?;
        let asked = self.policy.decision_mode != DecisionMode::RuleOnly;
        require(!asked || !url.is_empty(), "policy", "decision_mode", || {
            "llm_only and hybrid_shadow want [llm] base_url and model".to_owned()
        })?;
        let is_day = cutoff.is_empty() || cutoff.parse::<chrono::NaiveDate>().is_ok();
        require(is_day, "llm", "training_cutoff", || {
            said(cutoff, "is not a day such as 2025-06-30")
        })?;
        let priced = llm.price_input_usd.is_some() && llm.price_output_usd.is_some();
        for (key, budget) in [
            ("budget_day_usd", llm.budget_day_usd),
            ("budget_run_usd", llm.budget_run_usd),
        ] {
            require(budget.is_none() || priced, "llm", key, || {
                "wants price_input_usd and price_output_usd: without them no cost is known"
                    .to_owned()
            })?;
        }
        Ok(())
    }

    fn lists(&self) -> Result<(), Problem> {
        let coins = &self.desk.underlyings;
        let twice = (1..coins.len()).any(|at| coins[..at].contains(&coins[at]));
        require(!coins.is_empty() && !twice, "desk", "underlyings", || {
            "must name BTC, ETH or both, each once".to_owned()
        })?;
        let is_name = |host: &String| !host.is_empty() && !host.contains(['/', ' ', '@']);
        for host in &self.web.hosts {
            require(is_name(host), "web", "hosts", || {
                said(host, "is not a host name such as desk.example.org")
            })?;
        }
        let asked = &self.council.policies;
        for (at, policy) in asked.iter().enumerate() {
            let model = policy == "llm" || policy.starts_with("llm:");
            let known = Judge::named(policy).is_some() && !asked[..at].contains(policy);
            require(known, "council", "policies", || {
                said(
                    policy,
                    "must be one of rules_v1, rules_v2, random, always, never, llm and llm:MODEL, each once",
                )
            })?;
            require(
                !model || !self.llm.base_url.is_empty(),
                "council",
                "policies",
                || said(policy, "wants [llm] base_url and model"),
            )?;
        }
        for (kind, job) in &self.jobs {
            let named = job.queue.as_ref().is_none_or(|queue| !queue.is_empty());
            require(named, &format!("jobs.{kind}"), "queue", || {
                "must not be empty; leave the key out for the kind's own queue".to_owned()
            })?;
        }
        Ok(())
    }

    /// Compares the values in force: a band may get one end from the mode and the other from the file.
    fn bands(&self) -> Result<(), Problem> {
        let now = self.settings();
        let bands = [
            ("delta_min", "delta_max", now.delta_min, now.delta_max),
            ("dte_min", "dte_max", now.dte_min, now.dte_max),
        ];
        bands.into_iter().try_for_each(|(low, high, least, most)| {
            require(least < most, "desk", low, || {
                format!("is {least} and must be below {high}, which is {most}")
            })
        })
    }

    /// The address has to be one; real money asks for three settings that all say so.
    fn host(&self) -> Result<(), Problem> {
        let (exchange, desk) = (&self.exchange, &self.desk);
        let host = Host::parse(&exchange.url);
        let host =
            host.map_err(|error| ("exchange".to_owned(), "url".to_owned(), error.to_string()))?;
        let orders = exchange.kind == ExchangeKind::Deribit && !desk.dry_run;
        require(
            !(orders && host == Host::History),
            "exchange",
            "url",
            || "history has no accounts: keep dry_run = true there".to_owned(),
        )?;
        let real = orders && host == Host::Main;
        require(!real || self.main_orders(), "exchange", "url", || {
            format!(
                "main is production, and orders go there only with three settings: \
                 [desk] mode = \"production\" (is \"{}\"), [desk] dry_run = false (is false), \
                 [exchange] allow_main_host_orders = true (is {}); missing: {}; set them all, or \
                 dry_run = true",
                desk.mode.as_str(),
                exchange.allow_main_host_orders,
                self.missing_for_main_orders().join(", ")
            )
        })
    }
}

/// (section, key, what is wrong with it)
type Problem = (String, String, String);

fn require(
    holds: bool,
    section: &str,
    key: &str,
    problem: impl FnOnce() -> String,
) -> Result<(), Problem> {
    if holds {
        return Ok(());
    }
    Err((section.to_owned(), key.to_owned(), problem()))
}

fn said(value: &str, problem: &str) -> String {
    format!("`{value}` {problem}")
}

impl Range {
    fn check(self, section: &str, key: &str, value: Option<&Value>) -> Result<(), Problem> {
        let Some(number) = value.and_then(number) else {
            return Ok(());
        };
        require(self.takes(number), section, key, || {
            format!("{number} is not {self}")
        })
    }

    /// NaN and the infinities are outside of every range.
    fn takes(self, number: f64) -> bool {
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
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number),
        Value::Integer(number) => Some(*number as f64),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn whole_steps(coin: Coin, key: &str, size: Option<Decimal>) -> Result<(), Problem> {
    let step = size_step(coin, Style::Inverse);
    let whole = size.is_none_or(|size| (size % step).is_zero());
    require(whole, "desk", key, || {
        format!(
            "{} is not a multiple of {step} {coin}, the step of the exchange",
            size.unwrap_or_default()
        )
    })
}

/// `IP:PORT` or `NAME:PORT`.
pub fn is_address(text: &str) -> bool {
    let named = text
        .rsplit_once(':')
        .is_some_and(|(host, port)| is_host(host) && port.parse::<u16>().is_ok());
    text.parse::<SocketAddr>().is_ok() || named
}

fn is_host(host: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    !host.is_empty() && host.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::super::SECTIONS;
    use super::*;
    use crate::config::{JobConfig, LlmConfig};

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
}
