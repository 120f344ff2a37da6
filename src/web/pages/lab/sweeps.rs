//! Sweeps in the lab: the form and the list; one sweep with its ranking, heat map and statistics.

mod map;
mod one;

use crate::backtest::keys_with;
use crate::backtest::sweep::{Axis, Currency, Plan, WalkForwardDays};
use crate::db::{backtests, sweeps};
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::pages::Query;
use crate::web::table::{self, Table};
use crate::web::view::View;
use serde_json::{Map, Value, json};

/// Sweeps on the page.
const SWEEPS: i64 = 100;

pub(super) async fn view(site: &Site, path: &[&str], query: &Query) -> Result<View, PageError> {
    match path {
        [] => list(site, query).await,
        [id] => one::view(site, id, query).await,
        _ => Err(PageError::not_found("That page")),
    }
}

async fn list(site: &Site, query: &Query) -> Result<View, PageError> {
    let mut rows = sweeps::list(&site.ctx.db, SWEEPS).await?;
    table::sort(&mut rows, query.sort());
    let axes = |row: &sweeps::SweepRow| {
        let plan: Option<Plan> = serde_json::from_str(&row.plan).ok();
        plan.map_or_else(Vec::new, |plan| plan.axes.iter().map(Axis::text).collect())
    };
    let shown: Vec<Value> = rows
        .iter()
        .map(|row| json!({"row": row, "axes": axes(row)}))
        .collect();
    Ok(View {
        title: "Sweeps".to_owned(),
        name: "lab_sweeps",
        fragments: &["sweeps"],
        values: json!({
            "sweeps": shown, "keys": keys_with(site.ctx.config.llm.fallback), "copied": copied(site, query).await?,
            "sources": super::form::sources(site).await?,
        }),
        tables: vec![Table::of("sweeps", COLUMNS, &rows)],
    })
}

/// The run that a sweep is laid around: its settings stay but for the axes.
async fn copied(site: &Site, query: &Query) -> Result<Value, PageError> {
    let Some(id) = query.get("copy") else {
        return Ok(Value::Null);
    };
    let row = backtests::get(&site.ctx.db, id).await?;
    let row = row.ok_or_else(|| PageError::not_found("That run"))?;
    let setup = backtests::setup(&site.ctx.db, id).await?;
    let mut settings = serde_json::to_value(setup).unwrap_or_default();
    if let Some(fields) = settings.as_object_mut() {
        // A range without ends is the whole store.
        fields.retain(|key, _| !["from_ms", "to_ms", "underlying"].contains(&key.as_str()));
    }
    Ok(json!({
        "id": row.id, "source": row.source, "underlying": row.underlying, "from_ms": row.from_ms, "to_ms": row.to_ms,
        "settings": serde_json::to_string_pretty(&settings).unwrap_or_default(),
    }))
}

/// What the form posts, as the job takes it; `value` gives a field that is not empty.
pub(super) fn args<'f>(
    value: impl Fn(&str) -> Option<&'f str>,
    settings: &Value,
) -> Result<Map<String, Value>, (String, String)> {
    let problem = |key: &str, text: &str| (key.to_owned(), text.to_owned());
    let lines = value("vary").unwrap_or_default().lines();
    let axes = lines
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(Axis::parse);
    let draws = value("draws").map(str::parse::<usize>);
    let plan = Plan {
        axes: axes
            .collect::<Result<_, _>>()
            .map_err(|error| (error.key, error.problem))?,
        draws: draws
            .transpose()
            .map_err(|_| problem("draws", "write a whole number of runs"))?,
        seed: value("draw_seed").map_or_else(|| Plan::default().seed, str::to_owned),
    };
    let base = settings.as_object().cloned().unwrap_or_default();
    plan.trials(&base)
        .map_err(|error| (error.key, error.problem))?;
    let days = |name: &str| {
        let read = value(name).map(str::parse::<u32>);
        read.transpose()
            .map_err(|_| problem(name, "write a whole number of days"))
    };
    let currency = if value("currency") == Some("usd") {
        Currency::Usd
    } else {
        Currency::Coin
    };
    let mut args = Map::from_iter([
        ("plan".to_owned(), json!(plan)),
        ("currency".to_owned(), json!(currency)),
    ]);
    match (days("train_days")?, days("test_days")?) {
        (None, None) => {}
        (Some(train_days), Some(test_days)) => {
            let plan = WalkForwardDays {
                train_days,
                test_days,
                gap_days: days("gap_days")?.unwrap_or(0),
                anchored: value("anchored").is_some(),
            };
            args.insert("walk_forward".to_owned(), json!(plan));
        }
        _ => {
            return Err(problem(
                "walk-forward",
                "needs both the days to choose on and the days to judge on",
            ));
        }
    }
    Ok(args)
}

const COLUMNS: &[&str] = &[
    "id",
    "job",
    "state",
    "underlying",
    "source",
    "from_ms",
    "to_ms",
    "search",
    "currency",
    "plan",
    "runs",
    "runs_done",
    "runs_failed",
    "refused",
    "deflated_sharpe",
    "overfit_probability",
    "fingerprint",
    "code_version",
    "created_ms",
];
