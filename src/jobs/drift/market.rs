//! The chains and daily prices of the instants, as data of a run.

use super::instants::Instant;
use super::lived::Lived;
use crate::backtest::{Builder, Daily, Data, synthetic_daily};
use crate::ctx::Ctx;
use crate::db::backtest_data;
use crate::domain::context::Features;
use crate::domain::instrument::{DAY_MS, EXPIRY_HOUR_MS};
use crate::domain::money::{float, from_e8};
use crate::jobs::decide::{stored_chain, synthetic};
use serde_json::Value;
use std::collections::BTreeMap;

/// What the backtester is given.
pub(super) struct Made {
    pub(super) data: Data,
    pub(super) features: FeatureDrift,
}

/// Where stored history gives other features than the desk saw.
#[derive(Clone, Debug, Default)]
pub(super) struct FeatureDrift {
    /// Instants.
    pub(super) count: usize,
    /// The first one: when, then name, the desk's value, ours.
    pub(super) first: Option<(i64, String, String, String)>,
}

/// Loads every chain; instants without one are marked. The features are those the desk saw, where it did:
/// a difference in them is said once and does not spoil every decision after it.
pub(super) async fn made(
    ctx: &Ctx,
    lived: &Lived,
    instants: &mut BTreeMap<i64, Instant>,
) -> anyhow::Result<Made> {
    let mut builder = Builder::new(lived.coin, daily(ctx, lived).await?);
    let mut features = FeatureDrift::default();
    for (at_ms, instant) in instants {
        let (Some(source), row) = (&instant.source, instant.row) else {
            continue;
        };
        let row = row.map(|at| &lived.decisions[at]);
        let quoted_ms = row.and_then(|row| row.snapshot_at_ms).unwrap_or(*at_ms);
        let Some(mut chain) = stored_chain(ctx, source, lived.coin, quoted_ms).await? else {
            continue;
        };
        instant.quoted = true;
        chain.at_ms = *at_ms;
        let ours = builder.features(&chain);
        let seen = row.and_then(|row| lived.contexts.get(&row.id));
        let seen = seen.map_or_else(|| ours.clone(), |context| context.features.clone());
        features.compare(*at_ms, &seen, &ours);
        let digest = format!("{source} {quoted_ms}");
        let index = chain.source.as_str();
        builder.push_with(chain, seen, &digest, index);
    }
    Ok(Made {
        data: builder.finish(&lived.sources().join(", ")),
        features,
    })
}

async fn daily(ctx: &Ctx, lived: &Lived) -> anyhow::Result<Daily> {
    let (coin, to_ms) = (lived.coin, lived.range.1);
    let seed = lived.sources().into_iter();
    let seed = seed.rev().find_map(|name| name.strip_prefix("synthetic:"));
    if let Some(seed) = seed {
        return Ok(synthetic_daily(&synthetic(ctx, seed), coin, to_ms));
    }
    let mut daily = backtest_data::daily(&ctx.db, coin, to_ms).await?;
    let mut prices: BTreeMap<i64, f64> = daily.deliveries.points.iter().copied().collect();
    for row in lived.settlements_in_range() {
        let price = float(from_e8(row.delivery_price_e8));
        prices.entry(row.at_ms).or_insert(price);
    }
    let first_day = lived.range.0 - lived.range.0.rem_euclid(DAY_MS);
    for day in (first_day..=to_ms).step_by(DAY_MS as usize) {
        let expiry_ms = day + EXPIRY_HOUR_MS;
        if expiry_ms > to_ms || prices.contains_key(&expiry_ms) {
            continue;
        }
        // Nobody may need it; the run says so when it does.
        let asked = ctx.exchange.delivery_price(coin, expiry_ms, to_ms).await;
        if let Ok(Some((price, _))) = asked {
            prices.insert(expiry_ms, float(price));
        }
    }
    daily.deliveries.points = prices.into_iter().collect();
    Ok(daily)
}

impl FeatureDrift {
    fn compare(&mut self, at_ms: i64, seen: &Features, ours: &Features) {
        let [seen, ours] = [seen, ours].map(|one| serde_json::to_value(one).unwrap_or_default());
        let (Some(seen), Some(ours)) = (seen.as_object(), ours.as_object()) else {
            return;
        };
        let differs = |name: &&String| shown(&seen[*name]) != shown(&ours[*name]);
        let Some(name) = seen.keys().find(differs) else {
            return;
        };
        self.count += 1;
        let (theirs, now) = (shown(&seen[name]), shown(&ours[name]));
        self.first
            .get_or_insert_with(|| (at_ms, name.clone(), theirs, now));
    }
}

/// The value alone: two stores may hold one number under two names.
fn shown(feature: &Value) -> String {
    match feature.get("value") {
        Some(Value::Null) => "not known".to_owned(),
        Some(value) => value.to_string(),
        None => feature.to_string(),
    }
}
