//! `thetaq compare`: runs beside each other, what sets them apart first.

use super::backtest_text::{percent, rounded};
use super::output::{cell, table};
use super::session::Session;
use crate::backtest::{FIGURES, Unit, comparison};
use crate::db::backtests;
use anyhow::Context;
use clap::Args;
use serde_json::Value;

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
        let compared = comparison(&runs, self.all);
        session.output.result(&compared, || headline(&compared))
    }
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
    for figure in FIGURES {
        let of = &compared["metrics"][figure.name];
        let shown = |value: &Value| match figure.unit {
            Unit::Coin => value.clone(),
            Unit::Share => percent(value),
            _ => rounded(value),
        };
        let label = match figure.unit {
            Unit::Share => format!("{} %", figure.name),
            _ => figure.name.to_owned(),
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
    format!("{}{}{note}", notices(compared), table(&columns, &rows))
}

/// A line for each run that a language model decided.
fn notices(compared: &Value) -> String {
    let notices = compared["notices"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let line = |notice: &Value| {
        let warned = if notice["bad"] == true {
            "warning: "
        } else {
            ""
        };
        format!(
            "{warned}{}: {}\n",
            cell(&notice["run"]),
            cell(&notice["text"])
        )
    };
    notices.iter().map(line).collect()
}
