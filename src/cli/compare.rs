//! `thetaq compare`: runs beside each other, what sets them apart first.

use super::backtest_text::{percent, rounded};
use super::output::{cell, table};
use super::session::Session;
use crate::db::backtests;
use anyhow::Context;
use clap::Args;
use serde_json::{Map, Value, json};

/// Put backtests beside each other: settings that differ first, then figures and their distance from the first run
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  thetaq compare 01KE6Z0V1W3T5Q8R2M4N6P8S0A 01KE6Z0V1W3T5Q8R2M4N6P8S0B\n  thetaq compare 01KE6Z0V1W3T5Q8R2M4N6P8S0A 01KE6Z0V1W3T5Q8R2M4N6P8S0B --all --json"
)]
pub(super) struct Compare {
    /// Ids of backtests; the first is the one the others are measured against
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    runs: Vec<String>,
    /// Settings that are equal, too
    #[arg(long)]
    all: bool,
}

impl Compare {
    pub(super) async fn run(self, session: &Session) -> anyhow::Result<()> {
        let db = session.db().await?;
        let mut runs = Vec::new();
        for id in &self.runs {
            let found = backtests::document(&db, id).await?;
            runs.push(found.with_context(|| {
                format!("there is no backtest {id}; `thetaq sql v_backtests` names the columns, `thetaq sql --query \"select id, policy, created_at from v_backtests\"` lists them")
            })?);
        }
        let mut compared = comparison(&runs);
        if self.all {
            compared["settings"] = settings(&runs, true);
        }
        session.output.result(&compared, || headline(&compared))
    }
}

/// Figures compared: (name, path from a run's document, a percentage).
const FIGURES: [(&str, &[&str], bool); 12] = [
    ("return coin", &["metrics", "coin", "total_return"], true),
    ("return USD", &["metrics", "usd", "total_return"], true),
    ("sharpe coin", &["metrics", "coin", "sharpe"], false),
    ("sharpe USD", &["metrics", "usd", "sharpe"], false),
    ("drawdown coin", &["metrics", "coin", "max_drawdown"], true),
    ("drawdown USD", &["metrics", "usd", "max_drawdown"], true),
    ("win rate", &["metrics", "win_rate"], true),
    ("premium kept", &["metrics", "premium_kept"], true),
    ("assignment rate", &["metrics", "assignment_rate"], true),
    ("rolls", &["metrics", "rolls"], false),
    ("fees", &["metrics", "fees"], false),
    (
        "weekly 25 delta",
        &["baselines", "weekly_25_delta", "coin", "total_return"],
        true,
    ),
];

/// `{runs, settings: {key: [value ..]}, same_data, metrics: {name: {values, differences}}}`; settings are
/// those in which the runs differ.
pub(super) fn comparison(runs: &[Value]) -> Value {
    let ids: Vec<&Value> = runs.iter().map(|run| &run["id"]).collect();
    let prints: Vec<&Value> = runs.iter().map(|run| &run["data"]["fingerprint"]).collect();
    let mut metrics = Map::new();
    for (name, path, _) in FIGURES {
        let values: Vec<&Value> = runs.iter().map(|run| at(run, path)).collect();
        let first = values[0].as_f64();
        let away = |value: &&Value| Some(value.as_f64()? - first?);
        let differences: Vec<Option<f64>> = values.iter().map(away).collect();
        metrics.insert(
            name.to_owned(),
            json!({ "values": values, "differences": differences }),
        );
    }
    json!({
        "runs": ids,
        "settings": settings(runs, false),
        "same_data": prints.windows(2).all(|pair| pair[0] == pair[1]),
        "metrics": metrics,
    })
}

fn settings(runs: &[Value], equal_too: bool) -> Value {
    let empty = Map::new();
    let first = runs[0]["settings"].as_object().unwrap_or(&empty);
    let mut found = Map::new();
    for key in first.keys() {
        let values: Vec<&Value> = runs.iter().map(|run| &run["settings"][key]).collect();
        if equal_too || values.iter().any(|value| *value != values[0]) {
            found.insert(key.clone(), json!(values));
        }
    }
    Value::Object(found)
}

fn at<'v>(run: &'v Value, path: &[&str]) -> &'v Value {
    path.iter().fold(run, |value, name| &value[name])
}

/// One table: settings, then figures; further runs show their distance from the first in brackets.
pub(super) fn headline(compared: &Value) -> String {
    let runs = compared["runs"].as_array().map_or(&[][..], Vec::as_slice);
    let mut rows = Vec::new();
    for (key, values) in compared["settings"].as_object().into_iter().flatten() {
        let values = values.as_array().map_or(&[][..], Vec::as_slice);
        let cells = values.iter().map(|value| Value::from(cell(value)));
        rows.push(std::iter::once(key.as_str().into()).chain(cells).collect());
    }
    for (name, _, share) in FIGURES {
        let of = &compared["metrics"][name];
        let shown = |value: &Value| match name {
            "fees" => value.clone(),
            _ if share => percent(value),
            _ => rounded(value),
        };
        let label = if share {
            format!("{name} %")
        } else {
            name.to_owned()
        };
        let mut row: Vec<Value> = vec![label.into()];
        for n in 0..runs.len() {
            let value = cell(&shown(&of["values"][n]));
            let away = cell(&shown(&of["differences"][n]));
            row.push(if n == 0 {
                value.into()
            } else {
                format!("{value} ({away})").into()
            });
        }
        rows.push(row);
    }
    let ids: Vec<String> = runs.iter().map(cell).collect();
    let mut columns = vec![""];
    columns.extend(ids.iter().map(String::as_str));
    let note = if compared["same_data"] == true {
        ""
    } else {
        "\nThe runs are of different data.\n"
    };
    format!("{}{note}", table(&columns, &rows))
}
