//! The council: what other policies would have done on the desk's own ticks, and what that came to.

use super::Query;
use crate::clock::Random;
use crate::db::shadow_decisions::{self, Opinion};
use crate::domain::coin::Coin;
use crate::domain::instrument::DAY_MS;
use crate::domain::money::{float, from_e8};
use crate::jobs::council::policies;
use crate::statistics::bootstrap::{Bootstrap, Interval};
use crate::web::Site;
use crate::web::chart::{Group, Whisker, whiskers};
use crate::web::error::PageError;
use crate::web::table::{self, Table};
use crate::web::view::View;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Opinions that are counted, and ticks that are listed.
const COUNTED: i64 = 20_000;
const LISTED: usize = 40;

/// One policy over the ticks it was asked about.
#[derive(Debug, Default, Serialize)]
struct Judged {
    policy: String,
    ticks: usize,
    traded: usize,
    failed: usize,
    /// With the desk, a fraction of the ticks.
    agrees: f64,
    scored: usize,
    /// Per scored tick.
    mean_coin: Option<f64>,
    mean_usd: Option<f64>,
    versus_holding: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
}

pub(super) async fn view(site: &Site, query: &Query) -> Result<View, PageError> {
    let coins = &site.ctx.config.desk.underlyings;
    let coin: Option<Coin> = query.get("coin").and_then(|coin| coin.parse().ok());
    let coin = coin.or_else(|| coins.first().copied()).unwrap_or(Coin::Btc);
    let rows = shadow_decisions::last(&site.ctx.db, &site.ctx.desk, coin, COUNTED).await?;
    let mut by_policy: BTreeMap<&str, Vec<&Opinion>> = BTreeMap::new();
    for row in &rows {
        by_policy.entry(&row.policy).or_default().push(row);
    }
    let names: Vec<&str> = by_policy.keys().copied().collect();
    let mut judged = by_policy
        .iter()
        .map(|(name, rows)| self::judged(name, rows))
        .collect::<anyhow::Result<Vec<Judged>>>()?;
    let chart = chart(&judged);
    table::sort(&mut judged, query.sort());
    let tabs: Vec<Value> = coins
        .iter()
        .map(|one| {
            let address = query.with("/council", &[("coin", one.as_str()), ("notice", "")]);
            json!({"name": one, "on": *one == coin, "address": address})
        })
        .collect();
    Ok(View {
        title: format!("Council on {coin}"),
        name: "council",
        fragments: &["opinions"],
        values: json!({
            "coin": coin, "tabs": tabs, "judged": judged, "chart": chart, "policies": names,
            "asked": policies(&site.ctx.config), "ticks": ticks(&rows, &names),
        }),
        tables: vec![
            Table::of("judged", JUDGED, &judged),
            Table::of("opinions", OPINIONS, &rows),
        ],
    })
}

fn judged(policy: &str, rows: &[&Opinion]) -> anyhow::Result<Judged> {
    let scored: Vec<&&Opinion> = rows.iter().filter(|row| row.scored_ms.is_some()).collect();
    let mean = |value: &dyn Fn(&Opinion) -> f64| {
        let sum: f64 = scored.iter().map(|row| value(row)).sum();
        (!scored.is_empty()).then(|| sum / scored.len() as f64)
    };
    let words = ["nothing", "approved", "refused"];
    let interval = interval(policy, &scored)?;
    Ok(Judged {
        policy: policy.to_owned(),
        ticks: rows.len(),
        traded: rows.iter().filter(|row| row.action != "DO_NOTHING").count(),
        failed: rows
            .iter()
            .filter(|row| !words.contains(&row.verdict.as_str()))
            .count(),
        agrees: rows.iter().filter(|row| row.agrees()).count() as f64 / rows.len().max(1) as f64,
        scored: scored.len(),
        mean_coin: mean(&|row| float(from_e8(row.result_coin_e8.unwrap_or(0)))),
        mean_usd: mean(&|row| row.result_usd.unwrap_or(0.0)),
        versus_holding: mean(&|row| row.versus_holding_usd.unwrap_or(0.0)),
        low: interval.map(|found| found.low),
        high: interval.map(|found| found.high),
    })
}

/// Of the mean against holding: whole days are resampled in blocks, since the calls of a day overlap.
fn interval(policy: &str, scored: &[&&Opinion]) -> anyhow::Result<Option<Interval>> {
    let mut days: BTreeMap<i64, (f64, f64)> = BTreeMap::new();
    for row in scored {
        let day = days.entry(row.as_of_ms.div_euclid(DAY_MS)).or_default();
        day.0 += row.versus_holding_usd.unwrap_or(0.0);
        day.1 += 1.0;
    }
    let days: Vec<(f64, f64)> = days.into_values().collect();
    if days.len() < 2 {
        return Ok(None);
    }
    let mean = |days: &[(f64, f64)]| {
        let sums = days
            .iter()
            .fold((0.0, 0.0), |sum, day| (sum.0 + day.0, sum.1 + day.1));
        (sums.1 > 0.0).then(|| sums.0 / sums.1)
    };
    let mut random = Random::from_parts(&["council", policy]);
    Bootstrap::of_length(days.len()).interval(&days, mean, &mut random)
}

fn chart(judged: &[Judged]) -> Option<Value> {
    let group = |one: &Judged| {
        Some(Group {
            label: one.policy.clone(),
            level: None,
            whiskers: vec![Whisker {
                name: "mean",
                class: "run1",
                value: one.versus_holding?,
                low: one.low?,
                high: one.high?,
            }],
        })
    };
    let groups: Vec<Group> = judged.iter().filter_map(group).collect();
    let title = "Against holding, USD a tick";
    (!groups.is_empty()).then(|| whiskers(title, "USD", 2, "holding", &groups))
}

/// The last ticks, each with what every policy said.
fn ticks(rows: &[Opinion], policies: &[&str]) -> Vec<Value> {
    rows.chunk_by(|one, next| one.decision == next.decision)
        .take(LISTED)
        .map(|tick| {
            let first = &tick[0];
            let said = policies.iter().map(|policy| {
                let said = tick.iter().find(|row| row.policy == *policy);
                said.map(|row| {
                    let mut shown = json!(row);
                    shown["agrees"] = row.agrees().into();
                    shown
                })
            });
            json!({
                "decision": first.decision, "at_ms": first.as_of_ms, "desk_action": first.desk_action,
                "desk_instrument": first.desk_instrument, "said": said.collect::<Vec<_>>(),
            })
        })
        .collect()
}

const JUDGED: &[&str] = &[
    "policy",
    "ticks",
    "traded",
    "failed",
    "agrees",
    "scored",
    "mean_coin",
    "mean_usd",
    "versus_holding",
    "low",
    "high",
];
const OPINIONS: &[&str] = &[
    "decision",
    "as_of_ms",
    "policy",
    "action",
    "instrument",
    "verdict",
    "reason",
    "result_coin_e8",
    "result_usd",
    "versus_holding_usd",
    "desk_action",
    "desk_instrument",
];
