//! What the keys of workers.toml may hold: ranges of numbers, forms of texts, and keys that must agree.

mod ranges;

use super::text::table;
use super::{Config, ConfigError, DecisionMode, ExchangeKind};
use crate::domain::coin::Coin;
use crate::domain::instrument::Style;
use crate::domain::ticks::size_step;
use crate::exchange::deribit::Host;
use crate::policy::profiles::standard;
use crate::step::council::Judge;
use ranges::{JOB_RANGES, RANGES, within};
use rust_decimal::Decimal;
use std::net::SocketAddr;

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
mod tests;
