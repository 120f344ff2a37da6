//! What a model is told: templates/prompt/* filled with the context, the live settings and the choices.
//!
//! A prompt is a function of its arguments, to the byte. Texts that others wrote stand in it as JSON strings.

use super::answer::{REASON_MAX, number};
use super::menu::{Choice, Menu};
use crate::clock::iso;
use crate::domain::account::{Position, WorkingOrder};
use crate::domain::action::Action;
use crate::domain::coin::Coin;
use crate::domain::context::{Context, Features};
use crate::domain::decision::Candidate;
use crate::domain::hex::hex;
use crate::domain::instrument::DAY_MS;
use crate::domain::settings::Settings;
use crate::market::candidates::floor;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

const SYSTEM: &str = include_str!("../../../templates/prompt/system.txt");
const USER: &str = include_str!("../../../templates/prompt/user.txt");
const REPAIR: &str = include_str!("../../../templates/prompt/repair.txt");

/// Changes by hand when what is put into the templates does.
const DATA_VERSION: &str = "2";
/// Characters of a stored reason that a prompt repeats.
const QUOTED_MAX: usize = 200;

/// One question to a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub system: String,
    pub user: String,
    /// Of the answer.
    pub schema: Value,
    pub version: &'static str,
}

/// An earlier decision of the same desk and underlying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    pub at_ms: i64,
    /// What was done after risk, `OPEN_COVERED_CALL` ..
    pub action: String,
    pub instrument: Option<String>,
    /// Written by a policy, a model or a person: data, whatever it says.
    pub reason: String,
}

/// A template that cannot be filled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("templates/prompt/{name}: {problem}")]
pub struct PromptError {
    name: &'static str,
    problem: String,
}

/// The version of the templates and of the data put into them, stored with every call.
pub fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let digest = Sha256::digest([SYSTEM, USER, REPAIR].concat().as_bytes());
        format!("{DATA_VERSION}-{}", hex(&digest[..4]))
    });
    &VERSION
}

impl Question {
    pub fn new(
        menu: &Menu,
        context: &Context,
        settings: &Settings,
        past: &[Past],
    ) -> Result<Self, PromptError> {
        let about = json!({
            "coin": context.coin,
            "as_of": iso(context.as_of_ms),
            "reason_max": REASON_MAX,
            "settings": text(&in_force(context.coin, settings)),
        });
        let data = data(menu, context, past);
        Ok(Self {
            system: fill("system.txt", SYSTEM, &about)?,
            user: fill("user.txt", USER, &json!({ "data": text(&data) }))?,
            schema: menu.schema(),
            version: version(),
        })
    }
}

/// Settings that a choice of this tick can break or that made the list; thresholds of other policies, and what
/// only a backtest pays and fills by, are none of a model's business.
const BEARING: &[&str] = &[
    "delta_min",
    "delta_max",
    "dte_min",
    "dte_max",
    "ivrv_min",
    "spread_max",
    "spread_max_ticks",
    "open_interest_min",
    "max_calls_per_underlying",
    "max_margin_used_pct",
    "max_net_delta_abs",
    "daily_drawdown_limit",
    "quote_max_age_ms",
    "order_rate_max",
    "kill_switch",
    "close_only",
    "paused",
];

fn in_force(coin: Coin, settings: &Settings) -> Value {
    let all = json!(settings);
    let own = coin.as_str().to_lowercase();
    let mut names: Vec<String> = BEARING.iter().map(|name| (*name).to_owned()).collect();
    // The floor of the filters is the one of the policy that ranks the list.
    names.extend(floor(&settings.policy).map(str::to_owned));
    names.extend(["order_size", "max_expiry_exposure"].map(|name| format!("{name}_{own}")));
    let kept = names.into_iter().map(|name| {
        let value = all[&name].clone();
        (name, value)
    });
    Value::Object(kept.collect())
}

/// What a model is told whose answer was not taken.
pub fn repair(problem: &str) -> Result<String, PromptError> {
    fill("repair.txt", REPAIR, &json!({ "problem": problem }))
}

fn fill(name: &'static str, template: &str, values: &Value) -> Result<String, PromptError> {
    let mut engine = minijinja::Environment::new();
    engine.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    let values = minijinja::Value::from(minijinja::value::Serde(values));
    let filled = engine.render_named_str(name, template, values);
    filled.map_err(|error| PromptError {
        name,
        problem: error.to_string(),
    })
}

/// JSON with one entry of the outer lists and objects a line.
fn text(value: &Value) -> String {
    let Value::Object(fields) = value else {
        return value.to_string();
    };
    let line = |(name, value): (&String, &Value)| {
        let name = Value::from(name.as_str());
        match value {
            Value::Array(rows) if !rows.is_empty() => {
                let rows: Vec<String> = rows.iter().map(|row| format!("    {row}")).collect();
                format!("  {name}: [\n{}\n  ]", rows.join(",\n"))
            }
            other => format!("  {name}: {other}"),
        }
    };
    let lines: Vec<String> = fields.iter().map(line).collect();
    format!("{{\n{}\n}}", lines.join(",\n"))
}

fn data(menu: &Menu, context: &Context, past: &[Past]) -> Value {
    let account = &context.account;
    let held = (1..).zip(&menu.positions);
    let calls = (1..).zip(menu.calls.iter().map(|at| &menu.candidates[*at]));
    json!({
        "underlying": context.coin,
        "as_of": iso(context.as_of_ms),
        "index_price_usd": round(context.index_price, 2),
        "account": {
            "balance": number(account.balance),
            "equity": round(account.equity, 6),
            "initial_margin": round(account.initial_margin, 6),
            "day_peak_equity": context.day_peak_equity.and_then(|peak| round(peak, 6)),
        },
        "market": market(&context.features),
        "short_calls": held.map(|(n, held)| position(n, held, context)).collect::<Vec<_>>(),
        "working_orders": context.working.iter().map(order).collect::<Vec<_>>(),
        "room": menu.room,
        "calls": calls.map(|(n, call)| offer(n, call)).collect::<Vec<_>>(),
        "choices": menu.choices.iter().map(choice).collect::<Vec<_>>(),
        "recent_decisions": past.iter().map(quoted).collect::<Vec<_>>(),
    })
}

fn market(features: &Features) -> Value {
    let of = |value: Option<f64>| value.and_then(|value| round(value, 4));
    json!({
        "regime": features.regime.as_str(),
        "return_1d": of(features.return_1d.value),
        "return_7d": of(features.return_7d.value),
        "return_30d": of(features.return_30d.value),
        "realised_vol_7d": of(features.realised_vol_7d.value),
        "realised_vol_30d": of(features.realised_vol_30d.value),
        "distance_ma50": of(features.distance_ma50.value),
        "distance_ma200": of(features.distance_ma200.value),
        "dvol": of(features.dvol.value),
        "iv_rank": of(features.iv_rank.value),
        "term_slope": of(features.term_slope.value),
        "skew_25d": of(features.skew_25d.value),
    })
}

fn position(n: usize, held: &Position, context: &Context) -> Value {
    let quote = context.chain.quote(&held.instrument);
    let of = |value: Option<f64>, digits| value.and_then(|value| round(value, digits));
    json!({
        "id": format!("p{n}"),
        "contract": held.instrument,
        "size": number(-held.size),
        "sold_at": number(held.average_price),
        "bid": of(quote.and_then(|quote| quote.bid), 6),
        "ask": of(quote.and_then(|quote| quote.ask), 6),
        "delta": of(quote.and_then(|quote| quote.delta), 3),
        "mark_iv": of(quote.and_then(|quote| quote.mark_iv), 4),
        "days_to_expiry": round(held.instrument.dte(context.as_of_ms), 2),
        "days_held": round((context.as_of_ms - held.opened_ms) as f64 / DAY_MS as f64, 2),
        "index_over_strike": round(context.index_price / held.instrument.strike(), 4),
        "rolls": held.rolls,
    })
}

fn order(order: &WorkingOrder) -> Value {
    json!({
        "contract": order.instrument,
        "side": order.side.as_str(),
        "remaining": number(order.remaining),
    })
}

fn offer(n: usize, call: &Candidate) -> Value {
    let of = |value: Option<f64>, digits| value.and_then(|value| round(value, digits));
    json!({
        "id": format!("c{n}"),
        "contract": call.instrument,
        "days_to_expiry": round(call.dte, 2),
        "delta": of(call.delta, 3),
        "bid": of(call.bid, 6),
        "ask": of(call.ask, 6),
        "mark_iv": of(call.mark_iv, 4),
        "ivrv": of(call.ivrv, 3),
        "open_interest": of(call.open_interest, 1),
        "premium_usd": of(call.premium_usd, 2),
        "yield_net": of(call.yield_net, 4),
    })
}

fn choice(listed: &Choice) -> Value {
    let (what, sizes) = (&listed.action, &listed.sizes);
    let mut entry = json!({ "id": listed.id, "action": what.name() });
    if *what != Action::DoNothing {
        entry["contract"] = json!(what.instrument());
        entry["size_min"] = number(sizes.min);
        entry["size_max"] = number(sizes.max);
        entry["size_step"] = number(sizes.step);
    }
    if let Some(from) = what.rolled_from() {
        entry["rolled_from"] = json!(from);
    }
    entry
}

fn quoted(past: &Past) -> Value {
    json!({
        "at": iso(past.at_ms),
        "action": past.action,
        "contract": past.instrument,
        "reason": past.reason.chars().take(QUOTED_MAX).collect::<String>(),
    })
}

/// To so many digits after the point; null when it is not finite.
fn round(value: f64, digits: i32) -> Option<f64> {
    let unit = 10f64.powi(digits);
    let rounded = (value * unit).round() / unit;
    rounded.is_finite().then_some(rounded + 0.0)
}
