//! What a run depends on besides its data: one declaration for the payload, the form and `--set`.

use crate::clock::iso;
use crate::domain::coin::Coin;
use crate::domain::instrument::Style;
use crate::domain::settings::{ExitStyle, FeeModel, FillModel, Mode, Settings};
use crate::domain::ticks::{min_size, size_step};
use crate::policy::llm::Fallback;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who proposes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// The covered-call simulator's score.
    #[serde(rename = "simulator_v1")]
    Simulator,
    #[serde(rename = "rules_v1")]
    RulesV1,
    #[serde(rename = "rules_v2")]
    RulesV2,
    /// With room for a call, sells the tradable one nearest to the targets.
    Always,
    /// Sells nothing.
    Never,
    /// A language model; rules v2 rank what it is shown.
    Llm,
}

impl Policy {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Simulator => "simulator_v1",
            Self::RulesV1 => "rules_v1",
            Self::RulesV2 => "rules_v2",
            Self::Always => "always",
            Self::Never => "never",
            Self::Llm => "llm",
        }
    }

    /// The rules that score calls.
    pub(super) fn rules(self) -> &'static str {
        match self {
            Self::Llm => Self::RulesV2.as_str(),
            other => other.as_str(),
        }
    }
}

/// Where a model's answers come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answers {
    /// Stored answers to the same request; a missing one is an error.
    #[default]
    Replay,
    /// Stored answers, and the model where there is none.
    Ask,
}

/// Values a key may have.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Range {
    /// Both ends included.
    Between(f64, f64),
    OneOf(&'static [&'static str]),
    /// Any text that is not empty.
    Text,
}

/// One key as a form shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Key {
    pub key: &'static str,
    /// `number`, `integer`, `amount` (exact decimal), `choice` or `text`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Empty for a bare number.
    pub unit: &'static str,
    pub default: Value,
    pub range: Range,
    pub help: &'static str,
}

/// Declares the settings: `key: type = default, "unit", range, "help";`.
macro_rules! setup {
    ($($key:ident: $type:ty = $default:expr, $unit:literal, $range:expr, $help:literal;)*) => {
        /// Settings of one run. Volatilities, deltas and shares are fractions.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Setup { $(#[doc = $help] pub $key: $type,)* }

        impl Default for Setup {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        /// Every key in the order of a form.
        pub fn keys() -> Vec<Key> {
            let of = |value: Value| value;
            vec![$(Key {
                key: stringify!($key),
                kind: kind(stringify!($type)),
                unit: $unit,
                default: of(serde_json::to_value::<$type>($default).unwrap_or(Value::Null)),
                range: $range,
                help: $help,
            },)*]
        }
    };
}

use Range::{Between, OneOf, Text};

setup! {
    underlying: Coin = Coin::Btc, "", OneOf(&["BTC", "ETH"]), "The coin that is held and written on.";
    from_ms: i64 = 0, "ms UTC", Between(0.0, TIME_MAX), "First instant.";
    to_ms: i64 = TIME_MAX as i64, "ms UTC", Between(0.0, TIME_MAX), "Last instant, included.";
    interval_ms: i64 = 21_600_000, "ms", Between(60_000.0, 86_400_000.0), "One decision in each interval of this length, at the first snapshot in it.";
    initial_coin: Decimal = Decimal::ZERO, "coin", Between(0.0, 1e6), "Coin held at the start; 0 takes 1 BTC or 4 ETH.";
    order_size: Decimal = Decimal::ZERO, "coin", Between(0.0, 1e6), "Size of one call; 0 takes 0.1 BTC or 1 ETH.";
    policy: Policy = Policy::Simulator, "", OneOf(&["simulator_v1", "rules_v1", "rules_v2", "always", "never", "llm"]), "What scores and proposes; llm is the model of workers.toml.";
    answers: Answers = Answers::Replay, "", OneOf(&["replay", "ask"]), "llm: replay takes stored answers only, ask asks the model where there is none.";
    fallback: Fallback = Fallback::Nothing, "", OneOf(&["nothing", "rule"]), "llm: what is done where it gives no decision or risk refuses it; [llm] fallback of workers.toml when not named.";
    exit: ExitStyle = ExitStyle::TpAndRoll, "", OneOf(&["tp_and_roll", "hold_to_expiry", "rules"]), "When a call is bought back before it expires.";
    seed: String = "thetaq".to_owned(), "", Text, "Seed of exploration.";
    explore_prob: f64 = 0.0, "", Between(0.0, 1.0), "Probability of drawing from the best few instead of taking the best.";
    explore_top_k: u32 = 3, "", Between(1.0, 100.0), "How many of the best are drawn from.";
    fill_model: FillModel = FillModel::BidAsk, "", OneOf(&["bid_ask", "bid_ask_size", "mid"]), "Where fills happen.";
    fee_model: FeeModel = FeeModel::Standard, "", OneOf(&["standard", "none"]), "Which fees are paid.";
    dte_target: f64 = 7.0, "days", Between(0.0, 400.0), "Days to expiry that score best.";
    dte_tolerance: f64 = 2.0, "days", Between(0.0, 400.0), "At this distance the score of the days is lost.";
    delta_target: f64 = 0.25, "", Between(0.0, 1.0), "Delta that scores best.";
    delta_tolerance: f64 = 0.05, "", Between(0.0, 1.0), "At this distance half of the delta's score is lost.";
    dte_min: f64 = 1.0, "days", Between(0.0, 400.0), "Least days to expiry.";
    dte_max: f64 = 21.0, "days", Between(0.0, 400.0), "Most days to expiry.";
    delta_min: f64 = 0.10, "", Between(0.0, 1.0), "Least delta.";
    delta_max: f64 = 0.40, "", Between(0.0, 1.0), "Greatest delta.";
    ivrv_min: f64 = 1.0, "", Between(0.0, 100.0), "Least implied / realised volatility.";
    score_min: f64 = 3.0, "points", Between(0.0, 10.0), "simulator_v1: least score of a call that is sold.";
    take_profit: f64 = 0.80, "", Between(0.0, 1.0), "tp_and_roll: share of the premium that is taken.";
    roll_dte_min: f64 = 2.0, "days", Between(0.0, 400.0), "tp_and_roll: with no more days to expiry a call is left alone.";
    defend_at: f64 = 0.98, "", Between(0.0, 10.0), "tp_and_roll: spot / strike from which a call is rolled.";
    rolls_max: u32 = 3, "", Between(0.0, 1_000.0), "tp_and_roll: rolls in one chain.";
    roll_dte: f64 = 1.0, "days", Between(0.0, 400.0), "rules: a call with fewer days to expiry is rolled.";
    roll_dte_itm: f64 = 2.0, "days", Between(0.0, 400.0), "rules: a call in the money is rolled from so many days on.";
    roll_dte_near: f64 = 1.0, "days", Between(0.0, 400.0), "rules: a call near the money is rolled from so many days on.";
    roll_near: f64 = 0.02, "", Between(0.0, 1.0), "rules: how close to the strike the index counts as near, a share of it.";
    premium_min_usd: f64 = 50.0, "USD", Between(0.0, 1e6), "rules_v1: least premium per 1.0 contract.";
    yield_min: f64 = 0.02, "a year", Between(0.0, 100.0), "rules_v2: least premium yield on the coin, net of fees.";
    weight_yield: f64 = 1.0, "", Between(0.0, 100.0), "rules_v2: weight of the yield.";
    weight_delta: f64 = 1.0, "", Between(0.0, 100.0), "rules_v2: weight of the distance from the middle of the delta band.";
    weight_dte: f64 = 0.5, "", Between(0.0, 100.0), "rules_v2: weight of the distance from the middle of the band of days.";
    weight_ivrv: f64 = 1.0, "", Between(0.0, 100.0), "rules_v2: weight of implied / realised volatility.";
    spread_max: f64 = 0.05, "of mid", Between(0.0, 2.0), "Widest spread of a call that is sold.";
    spread_max_ticks: f64 = 2.0, "ticks", Between(0.0, 1_000.0), "A spread of so many ticks passes whatever its share.";
    open_interest_min: f64 = 50.0, "coin", Between(0.0, 1e9), "Least open interest of a call that is sold; 0 admits calls whose interest is not known, as in rebuilt chains.";
    max_calls: u32 = 1, "", Between(0.0, 1_000.0), "Calls open at once.";
    max_expiry_exposure: Decimal = Decimal::ONE, "coin", Between(0.0, 1e6), "Most short calls per expiry.";
    max_margin_used_pct: f64 = 80.0, "%", Between(0.0, 1_000.0), "Most initial margin / equity after a trade.";
    max_net_delta_abs: f64 = 5.0, "coin", Between(0.0, 1e6), "Most |net delta| after a trade, the coin included.";
    daily_drawdown_limit: f64 = 0.0, "", Between(0.0, 1.0), "Loss since the day's peak that stops new calls; 0 is off.";
}

/// The same keys where a model that fails is followed by something else when nobody says by what.
pub fn keys_with(fallback: Fallback) -> Vec<Key> {
    let mut keys = keys();
    let named = keys.iter_mut().find(|key| key.key == FALLBACK);
    if let Some(key) = named {
        key.default = serde_json::to_value(fallback).unwrap_or(Value::Null);
    }
    keys
}

/// The key that takes its default from outside; what is stored always names it.
pub const FALLBACK: &str = "fallback";

/// 2100-01-01.
const TIME_MAX: f64 = 4_102_444_800_000.0;

fn kind(rust: &str) -> &'static str {
    match rust {
        "f64" => "number",
        "i64" | "u32" => "integer",
        "Decimal" => "amount",
        "String" => "text",
        _ => "choice",
    }
}

/// A setting that cannot be used; names the key and what it may be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct SetupError {
    pub key: String,
    pub problem: String,
}

pub(super) fn refuse(key: &str, problem: impl Into<String>) -> SetupError {
    SetupError {
        key: key.to_owned(),
        problem: problem.into(),
    }
}

impl Setup {
    /// Reads settings that may leave keys out, and checks them.
    pub fn parse(value: &Value) -> Result<Self, SetupError> {
        let Some(given) = value.as_object() else {
            return Err(refuse(
                "settings",
                "must be a JSON object of keys and values",
            ));
        };
        let keys = keys();
        for (name, value) in given {
            let Some(key) = keys.iter().find(|key| key.key == name) else {
                return Err(refuse(
                    name,
                    "there is no such setting; `thetaq backtest --keys` lists them",
                ));
            };
            key.check(value)?;
        }
        let setup: Self = serde_json::from_value(value.clone())
            .map_err(|error| refuse("settings", error.to_string()))?;
        setup.check()?;
        Ok(setup)
    }

    /// What no key can tell alone.
    pub fn check(&self) -> Result<(), SetupError> {
        if self.from_ms > self.to_ms {
            let (from, to) = (iso(self.from_ms), iso(self.to_ms));
            let problem = format!(
                "the first instant {from} is later than the last {to}; name an earlier first or a later last one"
            );
            return Err(refuse("from_ms", problem));
        }
        let ordered = [
            ("dte_min", self.dte_min, "dte_max", self.dte_max),
            ("delta_min", self.delta_min, "delta_max", self.delta_max),
        ];
        for (low, from, high, to) in ordered {
            if from > to {
                return Err(refuse(low, format!("{from} is above {high} = {to}")));
            }
        }
        let (size, style) = (self.size(), Style::Inverse);
        let step = size_step(self.underlying, style);
        if size < min_size(self.underlying, style) || !(size % step).is_zero() {
            let problem = format!(
                "{size} is not a multiple of the venue's {step} {}",
                self.underlying
            );
            return Err(refuse("order_size", problem));
        }
        Ok(())
    }

    /// Coin held at the start.
    pub fn coin(&self) -> Decimal {
        match (self.initial_coin.is_zero(), self.underlying) {
            (false, _) => self.initial_coin,
            (true, Coin::Btc) => Decimal::ONE,
            (true, Coin::Eth) => Decimal::from(4),
        }
    }

    /// Coin of one call.
    pub fn size(&self) -> Decimal {
        if self.order_size.is_zero() {
            return Settings::of(Mode::Research).order_size(self.underlying);
        }
        self.order_size
    }
}

impl Key {
    /// Whether a value may stand under this key.
    pub(super) fn check(&self, value: &Value) -> Result<(), SetupError> {
        let shown = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match self.range {
            Between(low, high) => {
                let number = shown.parse::<f64>().ok();
                let fits = number.is_some_and(|number| (low..=high).contains(&number));
                let whole = self.kind != "integer" || value.is_i64() || value.is_u64();
                if !fits || !whole {
                    let unit = if self.unit.is_empty() { "" } else { " " };
                    let what = if self.kind == "integer" {
                        "a whole number"
                    } else {
                        "a number"
                    };
                    let problem = format!(
                        "`{shown}` is not {what} from {low} to {high}{unit}{}",
                        self.unit
                    );
                    return Err(refuse(self.key, problem));
                }
            }
            OneOf(names) if !names.contains(&shown.as_str()) => {
                let problem = format!("`{shown}` is not one of {}", names.join(", "));
                return Err(refuse(self.key, problem));
            }
            Text if shown.is_empty() => return Err(refuse(self.key, "must not be empty")),
            OneOf(_) | Text => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_default_passes_its_own_check_and_the_keys_are_the_fields() {
        for key in keys() {
            assert_eq!(key.check(&key.default), Ok(()), "{}", key.key);
        }
        let stored = serde_json::to_value(Setup::default()).expect("plain values");
        assert_eq!(stored.as_object().expect("an object").len(), keys().len());
        assert_eq!(Setup::parse(&stored), Ok(Setup::default()));
    }

    #[test]
    fn errors_name_the_key_and_what_it_may_be() {
        let check = |value: Value, expect: &str| {
            let error = Setup::parse(&value).expect_err(expect).to_string();
            assert!(error.contains(expect), "{error}");
        };
        check(json!({"colour": 1}), "colour: there is no such setting");
        check(
            json!({"delta_max": 40}),
            "delta_max: `40` is not a number from 0 to 1",
        );
        check(
            json!({"rolls_max": 1.5}),
            "rolls_max: `1.5` is not a whole number",
        );
        check(
            json!({"exit": "never"}),
            "exit: `never` is not one of tp_and_roll",
        );
        check(
            json!({"delta_min": 0.5}),
            "delta_min: 0.5 is above delta_max = 0.4",
        );
        check(
            json!({"from_ms": 1_777_593_600_000_i64, "to_ms": 1_767_225_600_000_i64}),
            "from_ms: the first instant 2026-05-01T00:00:00Z is later than the last 2026-01-01T00:00:00Z",
        );
        check(
            json!({"order_size": 0.15}),
            "order_size: 0.15 is not a multiple",
        );
    }
}
