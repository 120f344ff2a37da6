//! The form of a new training run, filled from the address or from a dataset.

use crate::backtest::keys;
use crate::clock::iso;
use crate::db::training;
use crate::domain::coin::Coin;
use crate::jobs::train;
use crate::policy::profiles::Profile;
use crate::training::EXPLORE_PROB;
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::pages::{Query, lab};
use serde_json::{Map, Value, json};

/// Settings with a field of their own; the others are pasted.
const KEYS: [&str; 7] = [
    "exit",
    "explore_prob",
    "explore_top_k",
    "seed",
    "interval_ms",
    "initial_coin",
    "order_size",
];
/// Settings that other parts of the form hold.
const ELSEWHERE: [&str; 9] = [
    "from_ms",
    "to_ms",
    "underlying",
    "policy",
    "max_calls",
    "delta_min",
    "delta_max",
    "dte_min",
    "dte_max",
];

pub(super) async fn form(site: &Site, query: &Query) -> Result<Value, PageError> {
    let given = given(site, query).await?;
    let known = train::known(&site.ctx.config);
    let all = given.profiles.is_empty() || given.profiles.iter().any(|name| name == "all");
    let on = |name: &String| all || given.profiles.contains(name);
    let profiles = known
        .iter()
        .map(|(name, profile)| json!({"name": name, "about": about(profile), "on": on(name)}));
    let coins = Coin::ALL.map(|coin| {
        let on = given.coins.is_empty() || given.coins.iter().any(|name| name == coin.as_str());
        json!({"name": coin, "on": on})
    });
    let time = |key: &str| given.settings.get(key).and_then(Value::as_i64).map(iso);
    Ok(json!({
        "open": given.copied.is_some() || query.get("new").is_some(), "copied": given.copied, "why": query.get("why"),
        "source": given.source, "sources": lab::sources(site).await?, "market_seed": given.market_seed,
        "from": query.owned("from").or_else(|| time("from_ms")), "to": query.owned("to").or_else(|| time("to_ms")),
        "profiles": profiles.collect::<Vec<_>>(), "coins": coins, "ladder": given.ladder,
        "train_share": given.shares.map(|shares| shares.0), "validation_share": given.shares.map(|shares| shares.1),
        "discount_per_day": given.discount, "fields": fields(&given.settings), "json": rest(&given.settings),
    }))
}

fn about(profile: &Profile) -> String {
    format!(
        "delta {} to {}, {} to {} days",
        profile.delta_min, profile.delta_max, profile.dte_min, profile.dte_max
    )
}

/// What the fields hold before a person touches them.
#[derive(Default)]
struct Given {
    settings: Map<String, Value>,
    source: Option<String>,
    market_seed: Option<String>,
    coins: Vec<String>,
    profiles: Vec<String>,
    ladder: bool,
    shares: Option<(f64, f64)>,
    discount: Option<f64>,
    copied: Option<String>,
}

/// A copied dataset first, then what the address says otherwise.
async fn given(site: &Site, query: &Query) -> Result<Given, PageError> {
    let mut given = match query.get("copy") {
        Some(id) => copied(site, id).await?,
        None => Given::default(),
    };
    let own = |name: &str| query.all(name).into_iter().map(str::to_owned).collect();
    for (name, place) in [("coin", &mut given.coins), ("profile", &mut given.profiles)] {
        let named: Vec<String> = own(name);
        if !named.is_empty() {
            *place = named;
        }
    }
    given.source = query.owned("source").or(given.source);
    given.market_seed = query.owned("market_seed").or(given.market_seed);
    given.ladder |= query.get("ladder").is_some();
    for key in keys() {
        if let Some(text) = query.get(key.key) {
            given.settings.insert(key.key.to_owned(), Value::from(text));
        }
    }
    Ok(given)
}

async fn copied(site: &Site, id: &str) -> Result<Given, PageError> {
    let row = super::known(&site.ctx.db, id).await?;
    let plan = training::plan(&site.ctx.db, &row.id).await?;
    let plan = plan.ok_or_else(|| PageError::not_found("That dataset"))?;
    let (source, market_seed) = lab::market(row.source);
    let Value::Object(mut settings) = json!(plan.setup) else {
        return Err(PageError::not_found("Its plan"));
    };
    if row.desk.is_some() {
        // Of its own ticks, not of another run.
        for key in ["from_ms", "to_ms", "interval_ms"] {
            settings.remove(key);
        }
    }
    Ok(Given {
        settings,
        source,
        market_seed,
        coins: plan.underlyings.iter().map(Coin::to_string).collect(),
        profiles: plan.names().into_iter().map(str::to_owned).collect(),
        ladder: plan.ladder > 1,
        shares: Some((plan.train_share, plan.validation_share)),
        discount: Some(plan.discount_per_day),
        copied: Some(row.id),
    })
}

fn fields(settings: &Map<String, Value>) -> Vec<Value> {
    let keys = keys();
    let own = KEYS
        .iter()
        .filter_map(|name| keys.iter().find(|key| key.key == *name));
    own.map(|key| {
        let mut key = key.clone();
        if key.key == "explore_prob" {
            key.default = EXPLORE_PROB.into();
        }
        lab::field(&key, settings.get(key.key))
    })
    .collect()
}

/// Settings without a field that are not the default, to be pasted.
fn rest(settings: &Map<String, Value>) -> Option<String> {
    let own =
        |key: &&crate::backtest::Key| !KEYS.contains(&key.key) && !ELSEWHERE.contains(&key.key);
    let keys = keys();
    let changed = keys.iter().filter(own).filter_map(|key| {
        let value = settings
            .get(key.key)
            .filter(|value| **value != key.default)?;
        Some((key.key.to_owned(), value.clone()))
    });
    let changed: Map<String, Value> = changed.collect();
    (!changed.is_empty()).then(|| json!(changed).to_string())
}
