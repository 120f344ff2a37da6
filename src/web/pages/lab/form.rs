//! The form of a new run, made from the declaration of its settings; filled from the address or from a run.

use super::{coverage, presets};
use crate::backtest::{Key, Range, keys, keys_with};
use crate::clock::iso;
use crate::db::{backtests, chains};
use crate::domain::coin::Coin;
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::pages::Query;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// (heading, keys); a key that no group names stands under the last heading.
const GROUPS: &[(&str, &[&str])] = &[
    (
        "Run",
        &[
            "underlying",
            "interval_ms",
            "initial_coin",
            "order_size",
            "policy",
            "answers",
            "fallback",
            "exit",
            "fill_model",
            "fee_model",
            "seed",
        ],
    ),
    (
        "Which call",
        &[
            "dte_target",
            "dte_tolerance",
            "delta_target",
            "delta_tolerance",
            "dte_min",
            "dte_max",
            "delta_min",
            "delta_max",
            "score_min",
            "ivrv_min",
            "open_interest_min",
            "spread_max",
            "spread_max_ticks",
        ],
    ),
    (
        "When to leave",
        &[
            "take_profit",
            "roll_dte_min",
            "defend_at",
            "rolls_max",
            "roll_dte",
            "roll_dte_itm",
            "roll_dte_near",
            "roll_near",
        ],
    ),
    ("Everything else", &[]),
];

/// Keys that the form asks for as times of the calendar.
const TIMES: [&str; 2] = ["from_ms", "to_ms"];

pub(super) async fn form(site: &Site, query: &Query) -> Result<Value, PageError> {
    let given = given(site, query).await?;
    let keys = keys_with(site.ctx.config.llm.fallback);
    let named = |name: &str| GROUPS.iter().any(|(_, keys)| keys.contains(&name));
    let groups: Vec<Value> = GROUPS
        .iter()
        .map(|(heading, names)| {
            let own = keys.iter().filter(|key| {
                let other = names.is_empty() && !named(key.key) && !TIMES.contains(&key.key);
                names.contains(&key.key) || other
            });
            let mut fields: Vec<(usize, Value)> = own
                .map(|key| {
                    let place = names.iter().position(|name| *name == key.key);
                    (
                        place.unwrap_or(usize::MAX),
                        field(key, given.settings.get(key.key)),
                    )
                })
                .collect();
            fields.sort_by_key(|(place, _)| *place);
            let changed = fields.iter().any(|(_, field)| field["changed"] == true);
            let fields: Vec<Value> = fields.into_iter().map(|(_, field)| field).collect();
            json!({"heading": heading, "fields": fields, "changed": changed})
        })
        .collect();
    let time = |key: &str| given.settings.get(key).and_then(Value::as_i64).map(iso);
    Ok(json!({
        "groups": groups, "from": query.owned("from").or_else(|| time("from_ms")),
        "to": query.owned("to").or_else(|| time("to_ms")),
        "source": given.source, "sources": sources(site).await?, "copied": given.copied,
        "market_seed": given.market_seed, "calendars": coverage::chains(site).await?,
        "presets": presets::shown(query), "json": given.json,
        "open": given.copied.is_some() || query.get("new").is_some() || query.get("preset").is_some(),
    }))
}

/// What the fields hold before a person touches them.
#[derive(Default)]
struct Given {
    settings: Map<String, Value>,
    source: Option<String>,
    /// The seed of a copied synthetic market.
    market_seed: Option<String>,
    copied: Option<String>,
    /// Everything that was copied, to be pasted elsewhere.
    json: Option<String>,
}

async fn given(site: &Site, query: &Query) -> Result<Given, PageError> {
    let mut given = Given {
        source: query.owned("source"),
        ..Given::default()
    };
    if let Some(id) = query.get("copy") {
        let row = backtests::get(&site.ctx.db, id).await?;
        let row = row.ok_or_else(|| PageError::not_found("That run"))?;
        let setup = backtests::setup(&site.ctx.db, id).await?;
        if let Some(Value::Object(settings)) = setup.map(|setup| json!(setup)) {
            given.settings = settings;
        }
        given.json = serde_json::to_string_pretty(&given.settings).ok();
        (given.source, given.market_seed) = market(row.source);
        given.copied = Some(id.to_owned());
    }
    let chosen = query.all("preset").into_iter();
    given
        .settings
        .extend(chosen.filter_map(presets::settings).flatten());
    for key in keys() {
        if let Some(text) = query.get(key.key) {
            given.settings.insert(key.key.to_owned(), Value::from(text));
        }
    }
    Ok(given)
}

/// A synthetic source of a run names its seed, which the form asks for apart.
pub(in crate::web::pages) fn market(source: String) -> (Option<String>, Option<String>) {
    match source.split_once(':') {
        Some(("synthetic", seed)) => (Some("synthetic".to_owned()), Some(seed.to_owned())),
        _ => (Some(source), None),
    }
}

pub(in crate::web::pages) fn field(key: &Key, value: Option<&Value>) -> Value {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let (default, own) = (text(&key.default), value.map(text));
    let changed = own.as_ref().is_some_and(|own| *own != default);
    let (low, high, choices) = match key.range {
        Range::Between(low, high) => (Some(low), Some(high), None),
        Range::OneOf(names) => (None, None, Some(names)),
        Range::Text => (None, None, None),
    };
    json!({
        "key": key.key, "kind": key.kind, "unit": key.unit, "help": key.help, "default": default,
        "shown": in_use(key.key).unwrap_or(&default),
        "value": own.filter(|_| changed), "changed": changed, "low": low, "high": high, "choices": choices,
    })
}

/// What an empty field comes to where the default stands for an amount of each coin.
fn in_use(key: &str) -> Option<&'static str> {
    match key {
        "initial_coin" => Some("1 BTC, 4 ETH"),
        "order_size" => Some("0.1 BTC, 1 ETH"),
        _ => None,
    }
}

/// Chain stores that hold something, each with what it holds of every coin; the synthetic market is always there.
pub(in crate::web::pages) async fn sources(site: &Site) -> Result<Vec<Value>, PageError> {
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for coin in Coin::ALL {
        for source in chains::sources(&site.ctx.db, coin).await? {
            let times = chains::times(&site.ctx.db, &source, coin, 0, i64::MAX).await?;
            let (first, last) = (times.first().copied(), times.last().copied());
            found.entry(source).or_default().push(json!({
                "underlying": coin, "snapshots": times.len(), "first_ms": first, "last_ms": last,
            }));
        }
    }
    let one = |(source, holds): (String, Vec<Value>)| json!({"source": source, "holds": holds});
    Ok(found.into_iter().map(one).collect())
}
