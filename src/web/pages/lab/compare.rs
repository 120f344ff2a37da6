//! Any number of runs side by side: what they were asked to do differently, and what that came to.

use super::plots;
use super::run::PERFORMANCE;
use super::series::Equity;
use crate::backtest::keys;
use crate::db::backtests;
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::pages::Query;
use crate::web::table::Table;
use crate::web::view::View;
use serde_json::{Value, json};

/// More lines than this cannot be told apart.
const RUNS_MAX: usize = 6;
/// (name, class) of the lines.
const LINES: [(&str, &str); RUNS_MAX] = [
    ("A, the baseline", "equity"),
    ("B", "index"),
    ("C", "today"),
    ("D", "hold"),
    ("E", "usd"),
    ("F", "weekly"),
];

pub(super) async fn view(site: &Site, query: &Query) -> Result<View, PageError> {
    let ids = query.all("run");
    if ids.len() < 2 || ids.len() > RUNS_MAX {
        return Err(PageError::bad_request(
            format!("{} runs were chosen", ids.len()),
            format!(
                "Tick two to {RUNS_MAX} runs in the lab's list; the first one is the baseline."
            ),
        ));
    }
    let mut documents = Vec::new();
    let mut lines = Vec::new();
    for ((name, class), id) in LINES.into_iter().zip(&ids) {
        let document = backtests::document(&site.ctx.db, id).await?;
        documents.push(document.ok_or_else(|| PageError::not_found("One of those runs"))?);
        let equity = backtests::equity(&site.ctx.db, id).await?;
        lines.push((name, class, Equity::of(&equity, false).own));
    }
    let all = query.get("all").is_some();
    let settings: Vec<Value> = settings(&documents)
        .into_iter()
        .filter(|row| all || row["differs"] == true)
        .collect();
    let metrics = metrics(&documents);
    let flat = |row: &Value| flat(row, ids.len());
    Ok(View {
        title: "Compare runs".to_owned(),
        name: "lab_compare",
        fragments: &[],
        tables: vec![
            Table::of("settings", COLUMNS, settings.iter().map(flat)),
            Table::of("metrics", COLUMNS, metrics.iter().map(flat)),
        ],
        values: json!({
            "runs": documents.iter().zip(LINES).map(|(run, (name, class))| json!({"run": run, "name": name, "class": class})).collect::<Vec<_>>(),
            "settings": settings, "metrics": metrics, "overlay": plots::overlay(&lines), "all": all,
            "all_link": query.with("/lab/compare", &[("all", if all { "" } else { "1" })]),
        }),
    })
}

const COLUMNS: &[&str] = &["name", "a", "b", "c", "d", "e", "f"];

fn flat(row: &Value, runs: usize) -> Value {
    let mut shown = json!({ "name": row["label"] });
    for (n, letter) in ["a", "b", "c", "d", "e", "f"]
        .into_iter()
        .enumerate()
        .take(runs)
    {
        shown[letter] = row["values"][n].clone();
    }
    shown
}

/// One row a key with each run's value, those that differ first.
fn settings(runs: &[Value]) -> Vec<Value> {
    let row = |label: &str, values: Vec<Value>| {
        let differs = values.windows(2).any(|pair| pair[0] != pair[1]);
        json!({"label": label, "values": values, "differs": differs})
    };
    let data = ["source", "fingerprint"].map(|name| {
        row(
            name,
            runs.iter().map(|run| run["data"][name].clone()).collect(),
        )
    });
    let keys = keys();
    let keys = keys.iter().map(|key| {
        row(
            key.key,
            runs.iter()
                .map(|run| run["settings"][key.key].clone())
                .collect(),
        )
    });
    let mut rows: Vec<Value> = data.into_iter().chain(keys).collect();
    rows.sort_by_key(|row| row["differs"] != true);
    rows
}

/// One row a figure with each run's value and how far it is from the baseline's.
fn metrics(runs: &[Value]) -> Vec<Value> {
    let row = |label: String, kind: &str, values: Vec<Value>| {
        let first = values[0].as_f64();
        let away = |value: &Value| {
            value
                .as_f64()
                .zip(first)
                .map(|(value, first)| value - first)
        };
        let deltas: Vec<Option<f64>> = values.iter().map(away).collect();
        json!({"label": label, "kind": kind, "values": values, "deltas": deltas})
    };
    let series = ["coin", "usd"]
        .into_iter()
        .flat_map(|which| PERFORMANCE.iter().map(move |one| (which, one)));
    let mut rows: Vec<Value> = series
        .map(|(which, (label, name, kind))| {
            let unit = if which == "usd" { "USD" } else { "coin" };
            let values = runs
                .iter()
                .map(|run| run["metrics"][which][*name].clone())
                .collect();
            row(format!("{label}, {unit}"), kind, values)
        })
        .collect();
    rows.extend(COUNTS.iter().map(|(label, name, kind)| {
        row(
            (*label).to_owned(),
            kind,
            runs.iter()
                .map(|run| run["metrics"][*name].clone())
                .collect(),
        )
    }));
    rows
}

const COUNTS: [(&str, &str, &str); 10] = [
    ("Chains", "chains", "count"),
    ("Legs", "legs", "count"),
    ("Rolls", "rolls", "count"),
    ("Win rate", "win_rate", "pct"),
    ("Profit factor", "profit_factor", "n"),
    ("Premium kept", "premium_kept", "pct"),
    ("Assignment rate", "assignment_rate", "pct"),
    ("Fees, coin", "fees", "n"),
    ("Upside given away, coin", "upside_given_away", "n"),
    ("Time in market", "time_in_market", "pct"),
];
