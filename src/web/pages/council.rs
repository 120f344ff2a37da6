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
    underlying: &'static str,
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

/// What is said of one coin; amounts of two are never added.
struct Heard {
    coin: Coin,
    judged: Vec<Judged>,
    rows: Vec<Opinion>,
}

pub(super) async fn view(site: &Site, query: &Query) -> Result<View, PageError> {
    let coins = &site.ctx.config.desk.underlyings;
    let one: Option<Coin> = query.get("coin").and_then(|coin| coin.parse().ok());
    let wanted = one.map_or_else(|| coins.clone(), |coin| vec![coin]);
    let mut heard = Vec::new();
    for coin in wanted {
        heard.push(Heard::of(site, coin).await?);
    }
    let sections = heard.iter_mut().map(|heard| {
        let chart = chart(heard.coin, &heard.judged);
        table::sort(&mut heard.judged, query.sort());
        let names: Vec<&str> = policies_of(&heard.rows).into_keys().collect();
        json!({
            "coin": heard.coin, "judged": heard.judged, "chart": chart, "policies": names,
            "ticks": ticks(&heard.rows, &names),
        })
    });
    let sections: Vec<Value> = sections.collect();
    Ok(View {
        title: one.map_or_else(|| "Council".to_owned(), |coin| format!("Council on {coin}")),
        name: "council",
        fragments: &["opinions"],
        values: json!({
            "tabs": tabs(coins, one, query), "sections": sections, "asked": policies(&site.ctx.config),
        }),
        tables: vec![
            Table::of(
                "judged",
                JUDGED,
                heard.iter().flat_map(|heard| &heard.judged),
            ),
            Table::of("opinions", OPINIONS, heard.iter().flat_map(Heard::opinions)),
        ],
    })
}

/// All coins below each other, or one alone.
fn tabs(coins: &[Coin], one: Option<Coin>, query: &Query) -> Vec<Value> {
    let tab = |name: &str, coin: &str, on: bool| {
        let address = query.with("/council", &[("coin", coin), ("notice", "")]);
        json!({"name": name, "on": on, "address": address})
    };
    let each = coins
        .iter()
        .map(|coin| tab(coin.as_str(), coin.as_str(), one == Some(*coin)));
    let all = (coins.len() > 1).then(|| tab("all coins", "", one.is_none()));
    all.into_iter().chain(each).collect()
}

impl Heard {
    async fn of(site: &Site, coin: Coin) -> Result<Self, PageError> {
        let rows = shadow_decisions::last(&site.ctx.db, &site.ctx.desk, coin, COUNTED).await?;
        let judged = policies_of(&rows)
            .iter()
            .map(|(name, rows)| judged(coin, name, rows))
            .collect::<anyhow::Result<Vec<Judged>>>()?;
        Ok(Self { coin, judged, rows })
    }

    /// Rows of the table, each with its coin.
    fn opinions(&self) -> impl Iterator<Item = Value> {
        self.rows.iter().map(|row| {
            let mut shown = json!(row);
            shown["underlying"] = self.coin.as_str().into();
            shown
        })
    }
}

fn policies_of(rows: &[Opinion]) -> BTreeMap<&str, Vec<&Opinion>> {
    let mut by_policy: BTreeMap<&str, Vec<&Opinion>> = BTreeMap::new();
    for row in rows {
        by_policy.entry(&row.policy).or_default().push(row);
    }
    by_policy
}

fn judged(coin: Coin, policy: &str, rows: &[&Opinion]) -> anyhow::Result<Judged> {
    let scored: Vec<&&Opinion> = rows.iter().filter(|row| row.scored_ms.is_some()).collect();
    let mean = |value: &dyn Fn(&Opinion) -> f64| {
        let sum: f64 = scored.iter().map(|row| value(row)).sum();
        (!scored.is_empty()).then(|| sum / scored.len() as f64)
    };
    let words = ["nothing", "approved", "refused"];
    let interval = interval(policy, &scored)?;
    Ok(Judged {
        underlying: coin.as_str(),
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

fn chart(coin: Coin, judged: &[Judged]) -> Option<Value> {
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
    let title = format!("{coin} against holding, USD a tick");
    (!groups.is_empty()).then(|| whiskers(&title, "USD", 2, "holding", &groups))
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
    "underlying",
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
    "underlying",
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
