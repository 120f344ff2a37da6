//! Rows and mean rewards by profile and action, regime, delta and days: grids whose thin cells stand out.

use super::gaps::{self, Lack};
use crate::backtest::{DELTA, DTE};
use crate::db::Db;
use crate::db::training::{self, DatasetRow};
use crate::policy::profiles::Profile;
use crate::training::{ACTIONS, Plan};
use crate::web::error::PageError;
use crate::web::pages::Query;
use crate::web::table::Table;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Fewer rows than this say little.
pub(super) const THIN: i64 = 30;

/// What the grids count, by the address.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Seen {
    /// The only underlying; all of them without one.
    pub coin: Option<String>,
    pub reward: String,
    pub unit: String,
    pub digits: usize,
}

impl Seen {
    /// Rewards in coin are of one coin only.
    pub(super) fn of(row: &DatasetRow, query: &Query) -> Self {
        let held: Vec<&str> = row.underlyings.split(',').collect();
        let coin = query.get("coin").filter(|coin| held.contains(coin));
        let coin = coin.or((held.len() == 1).then(|| held[0]));
        let wished = query.get("reward").unwrap_or("reward_versus_holding");
        let (reward, unit, digits) = match (wished, coin) {
            ("reward_coin", Some(coin)) => ("reward_coin", coin, 6),
            ("reward_usd", _) => ("reward_usd", "USD", 2),
            _ => ("reward_versus_holding", "USD", 2),
        };
        Self {
            coin: coin.map(str::to_owned),
            reward: reward.to_owned(),
            unit: unit.to_owned(),
            digits,
        }
    }

    /// Where the tabs lead: underlyings, then rewards.
    pub(super) fn links(&self, query: &Query, row: &DatasetRow) -> Value {
        let path = format!("/training/{}", row.id);
        let link = |name: &str, value: &str| query.with(&path, &[(name, value), ("notice", "")]);
        let held: Vec<&str> = row.underlyings.split(',').collect();
        let mut coins: Vec<Value> = Vec::new();
        if held.len() > 1 {
            coins.push(json!({"name": row.underlyings, "on": self.coin.is_none(), "address": link("coin", "")}));
            coins.extend(held.iter().map(|coin| {
                json!({"name": coin, "on": self.coin.as_deref() == Some(*coin), "address": link("coin", coin)})
            }));
        }
        let mut rewards = vec![
            ("reward_versus_holding", "against holding"),
            ("reward_usd", "USD"),
        ];
        rewards.extend(self.coin.as_deref().map(|coin| ("reward_coin", coin)));
        let rewards: Vec<Value> = rewards
            .into_iter()
            .map(|(key, name)| {
                json!({"name": name, "on": self.reward == key, "address": link("reward", key)})
            })
            .collect();
        json!({"coins": coins, "rewards": rewards})
    }
}

/// Profiles down, something across.
#[derive(Debug)]
pub(super) struct Grid {
    name: &'static str,
    title: &'static str,
    columns: Vec<String>,
    rows: Vec<(String, Vec<Cell>)>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Cell {
    rows: i64,
    rewarded: i64,
    sum: f64,
    mean_reward: Option<f64>,
    thin: bool,
    /// The profile cannot be there.
    outside: bool,
    /// The form, filled for a run that adds rows here.
    fill: Option<String>,
}

impl Cell {
    fn add(&mut self, rows: i64, rewarded: i64, sum: Option<f64>) {
        self.rows += rows;
        self.rewarded += rewarded;
        self.sum += sum.unwrap_or(0.0);
    }
}

/// Sums by profile and column.
type Sums = BTreeMap<(String, String), Cell>;

pub(super) async fn grids(db: &Db, row: &DatasetRow, seen: &Seen) -> Result<Vec<Grid>, PageError> {
    let plan = training::plan(db, &row.id).await;
    // Of another version: its bands are not known.
    let plan = plan.ok().flatten();
    let (mut actions, mut regimes) = (Sums::new(), Sums::new());
    let counted = |coin: &str| seen.coin.as_deref().is_none_or(|wanted| wanted == coin);
    let reward =
        |coin: Option<f64>, usd: Option<f64>, versus: Option<f64>| match seen.reward.as_str() {
            "reward_coin" => coin,
            "reward_usd" => usd,
            _ => versus,
        };
    let held = training::cells(db, &row.id).await?;
    for one in held.actions {
        if counted(&one.underlying) {
            let sum = reward(one.reward_coin, one.reward_usd, one.reward_versus_holding);
            for (sums, column) in [(&mut actions, one.action), (&mut regimes, one.regime)] {
                let cell = sums.entry((one.profile.clone(), column)).or_default();
                cell.add(one.rows, one.rewarded, sum);
            }
        }
    }
    let (mut deltas, mut days) = (Sums::new(), Sums::new());
    for one in held.calls {
        if counted(&one.underlying) {
            let sum = reward(one.reward_coin, one.reward_usd, one.reward_versus_holding);
            let places = [
                (&mut deltas, label(&DELTA, one.delta_bucket)),
                (&mut days, label(&DTE, one.dte_bucket)),
            ];
            for (sums, column) in places {
                let cell = sums.entry((one.profile.clone(), column)).or_default();
                cell.add(one.rows, one.rewarded, sum);
            }
        }
    }
    let grid = |name, title, known: Vec<String>, sums: Sums| {
        made(row, plan.as_ref(), seen, (name, title), &known, sums)
    };
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let edges = |edges: &[(f64, &str)]| edges.iter().map(|(_, name)| (*name).to_owned()).collect();
    Ok(vec![
        grid(
            "actions",
            "By action",
            owned(&ACTIONS.map(|(name, _)| name)),
            actions,
        ),
        grid(
            "regimes",
            "By regime",
            owned(&["bull", "sideways", "bear"]),
            regimes,
        ),
        grid("delta", "Calls sold, by delta", edges(&DELTA), deltas),
        grid("dte", "Calls sold, by days to expiry", edges(&DTE), days),
    ])
}

fn label(edges: &[(f64, &str)], place: i64) -> String {
    let found = usize::try_from(place)
        .ok()
        .and_then(|place| edges.get(place));
    found.map_or("unknown", |(_, name)| *name).to_owned()
}

/// A grid of the known columns and of those that rows have.
fn made(
    row: &DatasetRow,
    plan: Option<&Plan>,
    seen: &Seen,
    (name, title): (&'static str, &'static str),
    known: &[String],
    mut sums: Sums,
) -> Grid {
    let mut columns = known.to_vec();
    for (_, column) in sums.keys() {
        if !columns.contains(column) {
            columns.push(column.clone());
        }
    }
    let bands = plan.map_or(&[][..], |plan| &plan.profiles[..]);
    let profiles = row.profiles.split(',').filter(|name| !name.is_empty());
    let rows = profiles.map(|profile| {
        let band = bands.iter().find(|(name, _)| name == profile);
        let cell = |column: &String| {
            let mut cell = sums
                .remove(&(profile.to_owned(), column.clone()))
                .unwrap_or_default();
            cell.mean_reward = (cell.rewarded > 0).then(|| cell.sum / cell.rewarded as f64);
            let asked_for = known.contains(column);
            cell.outside = !band.is_none_or(|(_, band)| reaches(band, name, column));
            cell.thin = asked_for && !cell.outside && cell.rows < THIN;
            if cell.thin {
                let lack = Lack {
                    grid: name,
                    profile,
                    column,
                };
                cell.fill = Some(gaps::address(row, seen.coin.as_deref(), &lack));
            }
            cell
        };
        (profile.to_owned(), columns.iter().map(cell).collect())
    });
    Grid {
        name,
        title,
        rows: rows.collect(),
        columns,
    }
}

/// Whether a profile's band has anything of a bucket.
fn reaches(band: &Profile, grid: &str, column: &str) -> bool {
    let (edges, low, high) = match grid {
        "delta" => (&DELTA, band.delta_min, band.delta_max),
        "dte" => (&DTE, band.dte_min, band.dte_max),
        _ => return true,
    };
    let Some(at) = edges.iter().position(|(_, name)| *name == column) else {
        return true;
    };
    let end = edges.get(at + 1).map_or(f64::INFINITY, |(edge, _)| *edge);
    low < end && high > edges[at].0
}

impl Grid {
    pub(super) fn shown(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|(profile, cells)| json!({"profile": profile, "cells": cells}))
            .collect();
        json!({"name": self.name, "title": self.title, "columns": self.columns, "rows": rows})
    }
}

/// The grids as long tables, a line a cell.
pub(super) fn tables(grids: &[Grid]) -> Vec<Table> {
    let columns = ["profile", "column", "rows", "mean_reward", "thin"];
    let lines = |grid: &Grid| {
        let of = |(profile, cells): &(String, Vec<Cell>)| {
            let both = grid.columns.iter().zip(cells.clone());
            let profile = profile.clone();
            both.map(move |(column, cell)| {
                json!({
                    "profile": profile, "column": column, "rows": cell.rows, "mean_reward": cell.mean_reward,
                    "thin": cell.thin,
                })
            })
            .collect::<Vec<_>>()
        };
        let rows: Vec<Value> = grid.rows.iter().flat_map(of).collect();
        Table::of(grid.name, &columns, &rows)
    };
    grids.iter().map(lines).collect()
}
