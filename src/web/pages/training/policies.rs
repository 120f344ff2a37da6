//! What other policies would have earned on a dataset: estimates with intervals, and the form of another.

use super::{figures, known, open_jobs};
use crate::db::training::{self, DatasetRow, EvaluationRow};
use crate::jobs::evaluate::SPLITS;
use crate::jobs::train;
use crate::training::REWARDS;
use crate::web::Site;
use crate::web::chart::{Group, Whisker, whiskers};
use crate::web::error::PageError;
use crate::web::pages::Query;
use crate::web::table::{self, Table};
use crate::web::view::View;
use serde_json::{Value, json};

/// Estimates on the page, and in one chart.
const ESTIMATES: i64 = 200;
const CHARTED: usize = 4;
/// Policies that are no profiles.
const POLICIES: [(&str, &str); 5] = [
    ("greedy", "the best by the logged score, always"),
    ("uniform", "any call, with equal probability"),
    ("rules_v1", "the best by the first rules' score"),
    ("rules_v2", "the best by the rules' score"),
    ("logged", "what was logged: its estimate is what was earned"),
];

pub(super) async fn view(site: &Site, id: &str, query: &Query) -> Result<View, PageError> {
    let db = &site.ctx.db;
    let row = known(db, id).await?;
    let mut rows = training::evaluations(db, Some(&row.id), ESTIMATES).await?;
    let charts = charts(&row, &rows);
    table::sort(&mut rows, query.sort());
    let shown: Vec<Value> = rows.iter().map(|one| shown(&row, one)).collect();
    Ok(View {
        title: format!("Policies on dataset {}", row.id),
        name: "training_policies",
        fragments: &["judged"],
        values: json!({
            "dataset": figures(&row), "tab": "policies", "estimates": shown, "charts": charts,
            "waiting": open_jobs(site, &["evaluate"], |args| args["dataset"] == row.id.as_str()).await?,
            "form": form(site, &row),
        }),
        tables: vec![Table::of("estimates", COLUMNS, &rows)],
    })
}

/// What an estimate counts in.
fn unit(dataset: &DatasetRow, row: &EvaluationRow) -> String {
    let coin = row.underlying.as_ref().unwrap_or(&dataset.underlyings);
    match row.reward.as_str() {
        "reward_coin" => coin.clone(),
        _ => "USD".to_owned(),
    }
}

fn digits(row: &EvaluationRow) -> usize {
    if row.reward == "reward_coin" { 6 } else { 2 }
}

fn shown(dataset: &DatasetRow, row: &EvaluationRow) -> Value {
    let mut value = json!(row);
    value["unit"] = unit(dataset, row).into();
    value["digits"] = digits(row).into();
    value["share"] = json!(row.effective_sample_size / row.episodes.max(1) as f64);
    value
}

/// One chart for each thing that is added up: coins of two kinds, or coin and USD, share no axis.
fn charts(dataset: &DatasetRow, rows: &[EvaluationRow]) -> Vec<Value> {
    let mut kinds: Vec<(&str, String)> = Vec::new();
    for row in rows {
        let kind = (row.reward.as_str(), unit(dataset, row));
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let one = |(reward, unit): &(&str, String)| {
        let own = rows
            .iter()
            .filter(|row| row.reward == *reward && unit == &self::unit(dataset, row));
        let mut groups: Vec<Group> = own.take(CHARTED).map(group).collect();
        groups.reverse();
        let decimals = if *reward == "reward_coin" { 6 } else { 2 };
        let title = format!("{} an episode, {unit}", reward.replace('_', " "));
        whiskers(&title, unit, decimals, "logged", &groups)
    };
    kinds.iter().map(one).collect()
}

fn group(row: &EvaluationRow) -> Group {
    let parts = [
        ("IPS", "run2", row.ips, row.ips_low, row.ips_high),
        ("SNIPS", "run3", row.snips, row.snips_low, row.snips_high),
        ("DR", "run1", row.dr, row.dr_low, row.dr_high),
    ];
    let whisker =
        |(name, class, value, low, high): (_, _, Option<f64>, Option<f64>, Option<f64>)| {
            Some(Whisker {
                name,
                class,
                value: value?,
                low: low?,
                high: high?,
            })
        };
    let mut label = row.policy.clone();
    let split = (row.split != "all").then_some(&row.split);
    let parts_of = [row.underlying.as_ref(), row.profile.as_ref(), split];
    for part in parts_of.into_iter().flatten() {
        label = format!("{label} {part}");
    }
    Group {
        label,
        level: row.logged,
        whiskers: parts.into_iter().filter_map(whisker).collect(),
    }
}

fn form(site: &Site, dataset: &DatasetRow) -> Value {
    let own = train::known(&site.ctx.config);
    let named = |(name, about): (&str, &str)| json!({"name": name, "about": about});
    let mut policies: Vec<Value> = POLICIES.into_iter().map(named).collect();
    policies.extend(
        own.iter()
            .map(|(name, _)| named((name, "the best by this profile's score"))),
    );
    json!({
        "policies": policies, "splits": SPLITS,
        "rewards": REWARDS.map(|(name, about)| json!({"name": name, "about": about})),
        "coins": dataset.underlyings.split(',').collect::<Vec<_>>(),
        "profiles": dataset.profiles.split(',').collect::<Vec<_>>(),
    })
}

const COLUMNS: &[&str] = &[
    "id",
    "job",
    "policy",
    "underlying",
    "profile",
    "split",
    "reward",
    "episodes",
    "draws",
    "logged",
    "ips",
    "ips_low",
    "ips_high",
    "snips",
    "snips_low",
    "snips_high",
    "dr",
    "dr_low",
    "dr_high",
    "level",
    "resamples",
    "effective_sample_size",
    "max_weight",
    "uncovered",
    "overlap_warning",
    "seed",
    "config_hash",
    "code_version",
    "created_ms",
];
