//! workers.toml and the environment, read once into [`Config`]; unknown keys refuse to start.
//!
//! Each section is declared once with its keys, documentation and defaults; `thetaq config`, the
//! README's table and the test that compares them all read that declaration.

#[macro_use]
mod section;

mod check;
mod desk;
mod exchange;
mod host;
mod llm;
mod text;

pub use crate::policy::llm::Fallback;
pub use check::is_address;
pub use desk::{DecisionMode, Desk, PolicyConfig, Reconcile};
pub use exchange::{ExchangeConfig, ExchangeKind, MarketKind, credentials};
pub use host::{Database, ExportConfig, JobConfig, Missed, Queue, Web};
pub use llm::{CouncilConfig, LLM_KEY, LlmConfig, StructuredMode, TokenField, llm_key};
pub use text::SECTIONS;

use crate::domain::settings::Mode;
use crate::policy::profiles::Profile;
use serde::{Deserialize, Serialize};

section! {
    /// The whole of workers.toml.
    Config {
        /// Where rows live.
        database: Database = Database::default(),
        /// The market and the account.
        exchange: ExchangeConfig = ExchangeConfig::default(),
        /// What the desk trades and within which limits. Keys that are unset follow the preset, then the mode.
        desk: Desk = Desk::default(),
        /// How candidates are scored.
        policy: PolicyConfig = PolicyConfig::default(),
        /// The language model: any server with OpenAI's chat completions. Its key stands in THETAQ_LLM_API_KEY only.
        llm: LlmConfig = LlmConfig::default(),
        /// Policies that are judged beside the desk's own, on the same ticks.
        council: CouncilConfig = CouncilConfig::default(),
        /// The dashboard.
        web: Web = Web::default(),
        /// Workers as a whole: leases, polling, retention.
        queue: Queue = Queue::default(),
        /// Training profiles by name, beside conservative, moderate and aggressive.
        profiles: std::collections::BTreeMap<String, Profile> = std::collections::BTreeMap::new(),
        /// Files that exports write.
        export: ExportConfig = ExportConfig::default(),
        /// Job kinds by name: how often, how many at once, how patiently.
        jobs: std::collections::BTreeMap<String, JobConfig> = std::collections::BTreeMap::new(),
    }
}

/// Why the configuration was refused; names the file, the key and the next step.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {0}: {1}")]
    Read(String, std::io::Error),
    #[error("{file}: {problem}\n`thetaq config` prints every key with its meaning")]
    Parse { file: String, problem: String },
    #[error(
        "{file} [{section}] {key}: {problem}; `thetaq config` prints every key with its meaning"
    )]
    Value {
        file: String,
        section: String,
        key: String,
        problem: String,
    },
    #[error("{0} is set in the environment, but {1} is not: set both or neither")]
    HalfAKey(&'static str, &'static str),
}

impl Config {
    /// Reads a file; every key it does not name has its default.
    pub fn read(path: &std::path::Path) -> Result<Self, ConfigError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Read(shown.clone(), error))?;
        Self::parse(&text, &shown)
    }

    pub fn parse(text: &str, shown: &str) -> Result<Self, ConfigError> {
        let mut config: Self = toml::from_str(text).map_err(|error| ConfigError::Parse {
            file: shown.to_owned(),
            problem: error.to_string().trim_end().to_owned(),
        })?;
        config.resolve();
        config.check(shown)?;
        Ok(config)
    }

    /// True when all three settings allow orders on the main host.
    pub fn main_orders(&self) -> bool {
        self.missing_for_main_orders().is_empty()
    }

    /// Which of the three settings are not made, as they have to stand in the file.
    pub fn missing_for_main_orders(&self) -> Vec<&'static str> {
        let settings = [
            (
                self.desk.mode == Mode::Production,
                "[desk] mode = \"production\"",
            ),
            (!self.desk.dry_run, "[desk] dry_run = false"),
            (
                self.exchange.allow_main_host_orders,
                "[exchange] allow_main_host_orders = true",
            ),
        ];
        let missing = settings.iter().filter(|(made, _)| !made);
        missing.map(|(_, setting)| *setting).collect()
    }

    /// Takes an address from outside the file; naming one means to use it.
    pub fn set_exchange_url(&mut self, url: &str) -> Result<(), ConfigError> {
        url.clone_into(&mut self.exchange.url);
        if self.exchange.kind == ExchangeKind::Sim {
            self.exchange.kind = ExchangeKind::Deribit;
        }
        self.resolve();
        self.check("THETAQ_EXCHANGE_URL over workers.toml")
    }

    /// A real exchange has one speed: its own.
    fn resolve(&mut self) {
        if self.exchange.kind != ExchangeKind::Sim {
            self.exchange.speed = 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_and_presets_resolve() {
        let parse = |text: &str| Config::parse(text, "test").expect(text).settings();
        assert_eq!(parse("").ivrv_min, 1.0);
        assert_eq!(parse("[desk]\nmode = \"production\"").dte_max, 10.0);
        let safe = parse("[desk]\npreset = \"ULTRA_SAFE\"\ndelta_max = 0.25");
        assert_eq!((safe.ivrv_min, safe.delta_max), (1.3, 0.25));
    }

    #[test]
    fn the_main_host_takes_orders_only_with_three_settings() {
        let main = "[exchange]\nkind = \"deribit\"\nurl = \"main\"\n";
        let with = |allow: bool, desk: &str| {
            let text = format!("{main}allow_main_host_orders = {allow}\n[desk]\n{desk}");
            Config::parse(&text, "test")
        };
        let live = "mode = \"production\"\ndry_run = false";
        assert!(with(true, live).expect("all three").main_orders());
        let (allow, mode) = (
            "[exchange] allow_main_host_orders = true",
            "[desk] mode = \"production\"",
        );
        for (refused, missing) in [
            (with(false, live), allow.to_owned()),
            (with(true, "dry_run = false"), mode.to_owned()),
            (with(false, "dry_run = false"), format!("{mode}, {allow}")),
        ] {
            let error = refused.expect_err("one is missing").to_string();
            assert!(error.contains(&format!("missing: {missing};")), "{error}");
        }
        // The third is the switch itself: without it nothing is sent, and it is named among the missing.
        let dry = with(true, "mode = \"production\"\ndry_run = true").expect("nothing is sent");
        assert_eq!(dry.missing_for_main_orders(), ["[desk] dry_run = false"]);
        let watching = with(false, "dry_run = true").expect("reads only");
        assert!(!watching.main_orders());
        assert_eq!(
            watching.exchange.speed, 1.0,
            "a real exchange has its own speed"
        );
    }

    #[test]
    fn an_address_from_outside_the_file_means_that_exchange() {
        let mut config = Config::default();
        config
            .set_exchange_url("http://127.0.0.1:9901/api/v2")
            .expect("an address");
        assert_eq!(config.exchange.kind, ExchangeKind::Deribit);
        let error = config
            .set_exchange_url("localhost")
            .expect_err("no scheme")
            .to_string();
        assert!(
            error.contains("[exchange] url") && error.contains("test, main, history"),
            "{error}"
        );
    }

    #[test]
    fn unknown_keys_and_bad_values_refuse_to_start() {
        let error = |text: &str| {
            Config::parse(text, "workers.toml")
                .expect_err(text)
                .to_string()
        };
        assert!(error("[desk]\ncolour = 1").contains("colour"));
        assert!(error("[exchange]\nspeed = 0.0").contains("[exchange] speed"));
        assert!(error("[desk]\ndelta_min = 0.5").contains("delta_min"));
    }
}
