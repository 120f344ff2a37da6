//! workers.toml and the environment, read once into [`Config`]; unknown keys refuse to start.
//!
//! Each section is declared once with its keys, documentation and defaults; `thetaq config`, the
//! README's table and the test that compares them all read that declaration.

mod check;
mod text;

pub use crate::policy::llm::Fallback;
pub use check::is_address;
pub use text::SECTIONS;

use crate::backtest::Answers;
use crate::domain::coin::Coin;
use crate::domain::settings::{FillModel, Mode, Preset, Settings};
use crate::exchange::deribit::Credentials;
use crate::policy::profiles::Profile;
use rust_decimal::Decimal;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// Declares one section: struct, defaults and the list of keys with their documentation.
macro_rules! section {
    ($(#[doc = $about:literal])+ $name:ident { $($(#[doc = $doc:literal])+ $key:ident: $type:ty = $default:expr),* $(,)? }) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name { $($(#[doc = $doc])+ pub $key: $type),* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($key: $default),* }
            }
        }

        impl $name {
            /// (key, documentation) in the order of the file.
            pub const KEYS: &'static [(&'static str, &'static str)] = &[$((stringify!($key), concat!($($doc),+))),*];
        }
    };
}

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

section! {
    /// [database]
    Database {
        /// sqlite://PATH or postgres://USER@HOST/NAME; THETAQ_DATABASE_URL and --database-url win over it.
        url: String = "sqlite://data/thetaq.db".to_owned(),
    }
}

/// Which exchange the desk trades on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeKind {
    /// The built-in exchange.
    Sim,
    /// Deribit's API at `url`.
    Deribit,
    /// Public market data of `url` under the built-in exchange's account and matching.
    Paper,
}

impl ExchangeKind {
    /// The name in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sim => "sim",
            Self::Deribit => "deribit",
            Self::Paper => "paper",
        }
    }
}

/// Where the built-in exchange takes its prices from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarketKind {
    Synthetic,
    /// Imported chains.
    Replay,
}

section! {
    /// [exchange]
    ExchangeConfig {
        /// sim (built in), deribit (the API at `url`) or paper (its public quotes, orders filled by the built-in exchange).
        kind: ExchangeKind = ExchangeKind::Sim,
        /// Where the API is: test, main (real money), history, or a base URL; THETAQ_EXCHANGE_URL wins and turns kind = sim into deribit.
        url: String = "test".to_owned(),
        /// The third of three settings that let orders go to the main host, besides mode = production and dry_run = false.
        allow_main_host_orders: bool = false,
        /// Prices of the built-in exchange: synthetic (from the seed) or replay (imported chains).
        market: MarketKind = MarketKind::Synthetic,
        /// Seed of the synthetic market and of exploration; the same seed gives the same market.
        seed: String = "thetaq".to_owned(),
        /// Desk seconds per wall second on the built-in exchange; 1 is real time.
        speed: f64 = 720.0,
        /// First instant of the simulated market, ISO 8601 UTC; later starts go on where the desk stopped.
        start: String = "2026-01-05T07:00:00Z".to_owned(),
        /// Bitcoin put into a fresh simulated account.
        deposit_btc: Decimal = Decimal::from(2),
        /// Ether put into a fresh simulated account.
        deposit_eth: Decimal = Decimal::from(4),
    }
}

section! {
    /// [desk]. `None` follows the preset, then the mode.
    Desk {
        /// research or production.
        mode: Mode = Mode::Research,
        /// ULTRA_SAFE, BALANCED or AGGRESSIVE; unset for the mode's own limits.
        preset: Option<Preset> = None,
        /// Coins to write calls on.
        underlyings: Vec<Coin> = Coin::ALL.to_vec(),
        /// Fills come from the fill model and no order is sent to the exchange.
        dry_run: bool = true,
        /// Nothing opens while true, and working orders are taken back.
        kill_switch: bool = false,
        /// Closing and buy-backs only.
        close_only: bool = false,
        /// Least implied / realised volatility ratio (research 1.0, production 1.2).
        ivrv_min: Option<f64> = None,
        /// Least delta of a call (0.10 / 0.20).
        delta_min: Option<f64> = None,
        /// Greatest delta of a call (0.40 / 0.30).
        delta_max: Option<f64> = None,
        /// Least days to expiry (1 / 5).
        dte_min: Option<f64> = None,
        /// Most days to expiry (21 / 10).
        dte_max: Option<f64> = None,
        /// Most short calls per expiry, BTC (1.0 / 0.3).
        max_expiry_exposure_btc: Option<Decimal> = None,
        /// Most short calls per expiry, ETH (1 / 3).
        max_expiry_exposure_eth: Option<Decimal> = None,
        /// Most initial margin / equity after a trade, percent.
        max_margin_used_pct: Option<f64> = None,
        /// Most |net delta| after a trade, the coin included, in coin.
        max_net_delta_abs: Option<f64> = None,
        /// Size of one call, BTC; the venue's minimum is 0.1.
        order_size_btc: Option<Decimal> = None,
        /// Size of one call, ETH; the venue's minimum is 1.
        order_size_eth: Option<Decimal> = None,
        /// Short calls open at once per underlying.
        max_calls_per_underlying: Option<u32> = None,
        /// Widest spread / mid of a candidate (0.05).
        spread_max: Option<f64> = None,
        /// A spread of so many ticks passes whatever its share of the mid.
        spread_max_ticks: Option<f64> = None,
        /// Least open interest of a candidate, coin.
        open_interest_min: Option<f64> = None,
        /// Loss since the day's peak equity that stops new entries, a fraction; 0 is off.
        daily_drawdown_limit: Option<f64> = None,
        /// Quotes older than this refuse a trade, milliseconds.
        quote_max_age_ms: Option<i64> = None,
        /// Most orders per minute.
        order_rate_max: Option<u32> = None,
        /// Fills of dry runs: mid, bid_ask or bid_ask_size.
        fill_model: Option<FillModel> = None,
        /// Sell orders start at the midpoint and walk to the bid in so many steps.
        walk_steps: u32 = 4,
        /// Orders may only add liquidity.
        post_only: bool = false,
        /// Positions that differ from the exchange's: halt (stop and say so) or adopt (take theirs).
        reconcile: Reconcile = Reconcile::Halt,
        /// Differences up to this value agree, USD.
        reconcile_tolerance_usd: f64 = 10.0,
        /// Resting orders are cancelled when the desk stops.
        cancel_on_stop: bool = true,
    }
}

/// What to do when the exchange holds something else than our folded fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reconcile {
    Halt,
    Adopt,
}

/// Who decides at a tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionMode {
    /// The rules.
    #[default]
    RuleOnly,
    /// The model; where it fails, what [llm] fallback says.
    LlmOnly,
    /// The rules, and the model is asked what it would have done.
    HybridShadow,
}

section! {
    /// [policy]
    PolicyConfig {
        /// rules_v2, or rules_v1 (the baseline).
        name: String = "rules_v2".to_owned(),
        /// Who decides: rule_only, llm_only (the model of [llm]), or hybrid_shadow (the rules; the model is asked and scored beside them).
        decision_mode: DecisionMode = DecisionMode::RuleOnly,
        /// llm_only on a replayed desk: replay (stored answers to the same request; a missing one is an error) or ask (the model where there is none).
        answers: Answers = Answers::Replay,
        /// Probability of drawing from the top k instead of taking the best (research 0.25, production 0).
        explore_prob: Option<f64> = None,
        /// How many of the best are drawn from.
        explore_top_k: Option<usize> = None,
        /// rules_v1: least premium in USD per 1.0 contract.
        premium_min_usd: Option<f64> = None,
        /// Any call with fewer days to expiry is rolled (1); 0 holds it to expiry.
        roll_dte: Option<f64> = None,
        /// A call in the money is rolled from so many days to expiry on (2).
        roll_dte_itm: Option<f64> = None,
        /// A call out of the money by less than roll_near is rolled from so many days to expiry on (1).
        roll_dte_near: Option<f64> = None,
        /// How close to the strike the index counts as near, a fraction of it (0.02).
        roll_near: Option<f64> = None,
        /// rules_v2: least annualised premium yield on the coin, net of fees, a fraction.
        yield_min: Option<f64> = None,
        /// rules_v2: weight of the yield term.
        weight_yield: Option<f64> = None,
        /// rules_v2: weight of the distance from the middle of the delta band.
        weight_delta: Option<f64> = None,
        /// rules_v2: weight of the distance from the middle of the DTE band.
        weight_dte: Option<f64> = None,
        /// rules_v2: weight of the implied / realised volatility ratio.
        weight_ivrv: Option<f64> = None,
    }
}

/// How a server is asked for JSON that follows a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StructuredMode {
    /// `response_format` with the schema.
    JsonSchema,
    /// `response_format` that says JSON, the schema in the prompt.
    JsonObject,
    /// A function that must be called, the schema being its parameters'.
    Tool,
    /// The schema in the prompt, nothing else.
    Prompt,
}

impl StructuredMode {
    /// The name in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JsonSchema => "json_schema",
            Self::JsonObject => "json_object",
            Self::Tool => "tool",
            Self::Prompt => "prompt",
        }
    }
}

/// Which field of a request bounds the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenField {
    MaxTokens,
    MaxCompletionTokens,
}

section! {
    /// [llm]
    LlmConfig {
        /// Address of an OpenAI-compatible server such as http://127.0.0.1:8080/v1; empty: no model is asked.
        base_url: String = String::new(),
        /// Name of the model, as the server knows it.
        model: String = String::new(),
        /// How the server is asked for JSON: json_schema, json_object, tool or prompt.
        structured_mode: StructuredMode = StructuredMode::JsonSchema,
        /// Which field bounds an answer: max_tokens or max_completion_tokens.
        token_field: TokenField = TokenField::MaxTokens,
        /// Most tokens of one answer.
        max_tokens: u32 = 800,
        /// Randomness of answers, 0 for the most repeatable; unset: it is not sent, as reasoning models want it.
        temperature: Option<f64> = None,
        /// One call may take so long, waits and retries included, milliseconds.
        timeout_ms: u64 = 60_000,
        /// A connection may take so long, milliseconds.
        connect_timeout_ms: u64 = 5_000,
        /// Price of a million input tokens, USD; unset: costs are unknown, not 0.
        price_input_usd: Option<f64> = None,
        /// Price of a million output tokens, USD; unset: costs are unknown, not 0.
        price_output_usd: Option<f64> = None,
        /// Which price list that is, as kept with every call.
        price_version: String = String::new(),
        /// Most that calls may cost in a day of desk time, USD; unset for no limit. Wants both prices.
        budget_day_usd: Option<f64> = None,
        /// Most that one backtest, one setting of a sweep or one answer of the chat may cost, USD; unset for no limit. Wants both prices.
        budget_run_usd: Option<f64> = None,
        /// Last day the model was trained on, such as 2025-06-30; backtests before it are flagged.
        training_cutoff: String = String::new(),
        /// What is done without a usable answer, or where risk refuses it: nothing, or rule (what the rules would do, labelled as that). A backtest may name its own.
        fallback: Fallback = Fallback::Nothing,
    }
}

section! {
    /// [council]
    CouncilConfig {
        /// Any of rules_v1, rules_v2, random, always, never, llm and llm:MODEL; empty: nobody is asked. Nothing of it is traded.
        policies: Vec<String> = Vec::new(),
    }
}

section! {
    /// [web]
    Web {
        /// Address of the dashboard; anything but loopback needs `expose` and a token.
        bind: String = "127.0.0.1:8787".to_owned(),
        /// Allow an address that other machines reach.
        expose: bool = false,
        /// Host names the dashboard answers to besides the bound address.
        hosts: Vec<String> = Vec::new(),
    }
}

section! {
    /// [queue]
    Queue {
        /// A running job whose worker is silent for so long runs again, milliseconds.
        lease_ms: i64 = 20_000,
        /// Other processes' jobs are looked for this often, milliseconds.
        probe_ms: i64 = 50,
        /// Running jobs may finish for so long after SIGTERM, milliseconds.
        shutdown_ms: i64 = 10_000,
        /// Finished jobs are kept for so many days.
        keep_days: i64 = 30,
        /// Decisions of the live desk whose rejected candidates are kept as rows.
        keep_candidates: i64 = 2_000,
    }
}

section! {
    /// [export]
    ExportConfig {
        /// The folder of all exports; nothing is written outside of it.
        dir: String = "data/exports".to_owned(),
    }
}

section! {
    /// [jobs.KIND]. `None` follows the kind's own default.
    JobConfig {
        /// Queue the kind is counted and paused under; the kind's own when unset.
        queue: Option<String> = None,
        /// Jobs of this kind at once in one process; 0 is one for each core.
        concurrency: Option<usize> = None,
        /// One attempt may take so long, milliseconds.
        timeout_ms: Option<i64> = None,
        /// Attempts before a job is discarded.
        max_attempts: Option<u32> = None,
        /// First wait before a retry, milliseconds; it doubles with jitter.
        backoff_ms: Option<i64> = None,
        /// Cron with seconds, UTC desk time; `auto` paces ticks to the speed; `off` never.
        schedule: Option<String> = None,
        /// Slots that passed while nothing ran: run_once or skip.
        missed: Option<Missed> = None,
    }
}

/// What becomes of a schedule's slots that passed while no process was alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    RunOnce,
    Skip,
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

    /// The numbers decisions depend on: mode, then preset, then single keys.
    pub fn settings(&self) -> Settings {
        let (desk, policy) = (&self.desk, &self.policy);
        let base = Settings::of(desk.mode);
        let base = desk
            .preset
            .map_or(base.clone(), |preset| base.preset(preset));
        Settings {
            mode: desk.mode,
            policy: policy.name.clone(),
            ivrv_min: desk.ivrv_min.unwrap_or(base.ivrv_min),
            delta_min: desk.delta_min.unwrap_or(base.delta_min),
            delta_max: desk.delta_max.unwrap_or(base.delta_max),
            dte_min: desk.dte_min.unwrap_or(base.dte_min),
            dte_max: desk.dte_max.unwrap_or(base.dte_max),
            max_expiry_exposure_btc: desk
                .max_expiry_exposure_btc
                .unwrap_or(base.max_expiry_exposure_btc),
            max_expiry_exposure_eth: desk
                .max_expiry_exposure_eth
                .unwrap_or(base.max_expiry_exposure_eth),
            explore_prob: policy.explore_prob.unwrap_or(base.explore_prob),
            explore_top_k: policy.explore_top_k.unwrap_or(base.explore_top_k),
            premium_min_usd: policy.premium_min_usd.unwrap_or(base.premium_min_usd),
            yield_min: policy.yield_min.unwrap_or(base.yield_min),
            max_margin_used_pct: desk.max_margin_used_pct.unwrap_or(base.max_margin_used_pct),
            max_net_delta_abs: desk.max_net_delta_abs.unwrap_or(base.max_net_delta_abs),
            order_size_btc: desk.order_size_btc.unwrap_or(base.order_size_btc),
            order_size_eth: desk.order_size_eth.unwrap_or(base.order_size_eth),
            max_calls_per_underlying: desk
                .max_calls_per_underlying
                .unwrap_or(base.max_calls_per_underlying),
            roll_dte: policy.roll_dte.unwrap_or(base.roll_dte),
            roll_dte_itm: policy.roll_dte_itm.unwrap_or(base.roll_dte_itm),
            roll_dte_near: policy.roll_dte_near.unwrap_or(base.roll_dte_near),
            roll_near: policy.roll_near.unwrap_or(base.roll_near),
            spread_max: desk.spread_max.unwrap_or(base.spread_max),
            spread_max_ticks: desk.spread_max_ticks.unwrap_or(base.spread_max_ticks),
            open_interest_min: desk.open_interest_min.unwrap_or(base.open_interest_min),
            daily_drawdown_limit: desk
                .daily_drawdown_limit
                .unwrap_or(base.daily_drawdown_limit),
            kill_switch: desk.kill_switch,
            close_only: desk.close_only,
            paused: false,
            quote_max_age_ms: desk.quote_max_age_ms.unwrap_or(base.quote_max_age_ms),
            order_rate_max: desk.order_rate_max.unwrap_or(base.order_rate_max),
            fill_model: desk.fill_model.unwrap_or(base.fill_model),
            fee_model: base.fee_model,
            weight_yield: policy.weight_yield.unwrap_or(base.weight_yield),
            weight_delta: policy.weight_delta.unwrap_or(base.weight_delta),
            weight_dte: policy.weight_dte.unwrap_or(base.weight_dte),
            weight_ivrv: policy.weight_ivrv.unwrap_or(base.weight_ivrv),
            simulator: base.simulator,
        }
    }
}

/// The API key of the exchange, from THETAQ_DERIBIT_CLIENT_ID and THETAQ_DERIBIT_CLIENT_SECRET: `None`
/// when neither is set, an error when only one is. It stands nowhere else.
pub fn credentials() -> Result<Option<Credentials>, ConfigError> {
    let read = |name| {
        std::env::var(name)
            .ok()
            .filter(|value| !value.trim().is_empty())
    };
    match (read(CLIENT_ID), read(CLIENT_SECRET)) {
        (Some(id), Some(secret)) => Ok(Some(Credentials::new(id.trim(), secret.trim()))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(ConfigError::HalfAKey(CLIENT_ID, CLIENT_SECRET)),
        (None, Some(_)) => Err(ConfigError::HalfAKey(CLIENT_SECRET, CLIENT_ID)),
    }
}

/// The key of the language model's server, from THETAQ_LLM_API_KEY; it stands nowhere else.
pub fn llm_key() -> Option<SecretString> {
    let key = std::env::var(LLM_KEY).ok();
    key.filter(|key| !key.trim().is_empty()).map(Into::into)
}

/// The variable of the language model's key.
pub const LLM_KEY: &str = "THETAQ_LLM_API_KEY";

const CLIENT_ID: &str = "THETAQ_DERIBIT_CLIENT_ID";
const CLIENT_SECRET: &str = "THETAQ_DERIBIT_CLIENT_SECRET";

impl ExchangeConfig {
    /// `start` in milliseconds UTC; `None` when it does not parse.
    pub fn start_ms(&self) -> Option<i64> {
        chrono::DateTime::parse_from_rfc3339(&self.start)
            .ok()
            .map(|at| at.timestamp_millis())
    }

    pub fn deposit(&self, coin: Coin) -> Decimal {
        match coin {
            Coin::Btc => self.deposit_btc,
            Coin::Eth => self.deposit_eth,
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
