//! One run: its progress while it works, then everything it came to.

use super::plots::{self, Look};
use crate::db::{backtests, jobs};
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::pages::{Query, job};
use crate::web::table::{self, Table};
use crate::web::view::View;
use serde_json::{Value, json};

/// The run of that id, or of the job of that id.
pub(super) async fn view(site: &Site, id: &str, query: &Query) -> Result<View, PageError> {
    let db = &site.ctx.db;
    let row = match backtests::get(db, id).await? {
        Some(row) => Some(row),
        None => backtests::of_job(db, id).await?,
    };
    let job_id = row.as_ref().map_or(id, |row| row.job.as_str());
    let work = jobs::get(db, job_id).await?;
    let Some(row) = row else {
        let work = work.ok_or_else(|| PageError::not_found("That run"))?;
        return Ok(waiting(&job::shown(&work)));
    };
    let look = Look {
        usd: query.get("in") == Some("usd"),
        log: query.get("scale") == Some("log"),
    };
    let (equity, legs) = (
        backtests::equity(db, &row.id).await?,
        backtests::legs(db, &row.id).await?,
    );
    let mut chains = backtests::chains(db, &row.id).await?;
    table::sort(&mut chains, query.sort());
    let decisions = backtests::decisions(db, &row.id).await?;
    let document = backtests::document(db, &row.id).await?.unwrap_or_default();
    let causes = &document["attribution"][if look.usd { "usd" } else { "coin" }];
    let (unit, digits) = if look.usd {
        ("USD", 0)
    } else {
        (row.underlying.as_str(), 4)
    };
    let beside = beside(
        &backtests::list(db, row.parent.as_deref(), SIBLINGS_MAX + 1).await?,
        &row,
    );
    let path = format!("/lab/{id}");
    let link = |name: &str, value: &str| query.with(&path, &[(name, value), ("notice", "")]);
    Ok(View {
        title: format!("Backtest {} {}", row.underlying, row.exit_style),
        name: "lab_run",
        fragments: &["work"],
        values: json!({
            "run": row, "work": work.as_ref().map(job::shown), "document": document,
            "plots": plots::plots(&equity, &legs, &row.underlying, look),
            "causes": plots::causes(causes, unit, digits), "unit": unit, "digits": digits,
            "beside": beside, "usd": look.usd, "log": look.log, "metrics": metrics(&document, look.usd),
            "chains": chains.iter().map(|chain| with_legs(chain, &legs)).collect::<Vec<_>>(),
            "decisions": decisions.len(), "settings": changed(&document["settings"]),
            "see": {
                "coin": link("in", ""), "usd": link("in", "usd"), "linear": link("scale", ""), "log": link("scale", "log"),
            },
        }),
        tables: vec![
            Table::of("chains", CHAIN_COLUMNS, &chains),
            Table::of("legs", LEG_COLUMNS, &legs),
            Table::of("equity", EQUITY_COLUMNS, &equity),
            Table::of("decisions", DECISION_COLUMNS, &decisions),
        ],
    })
}

/// As many as the comparison page shows.
const SIBLINGS_MAX: i64 = 6;

/// The comparison with the runs that were asked for at once, when there are a few.
fn beside(family: &[backtests::BacktestRow], row: &backtests::BacktestRow) -> Option<String> {
    let few = (2..=SIBLINGS_MAX as usize).contains(&family.len());
    let ids = family.iter().rev().map(|run| format!("run={}", run.id));
    let address = || format!("/lab/compare?{}", ids.collect::<Vec<_>>().join("&"));
    (few && row.parent.is_some()).then(address)
}

/// Before the first row there is only the job.
fn waiting(work: &Value) -> View {
    View {
        title: "Backtest".to_owned(),
        name: "lab_run",
        fragments: &["work"],
        values: json!({ "run": null, "work": work }),
        tables: Vec::new(),
    }
}

fn with_legs(chain: &backtests::ChainRow, legs: &[backtests::LegRow]) -> Value {
    let mut shown = json!(chain);
    shown["own"] = legs
        .iter()
        .filter(|leg| leg.chain == chain.n)
        .map(|leg| json!(leg))
        .collect();
    shown
}

/// (name, of this run, then of the three alternatives), as (label, kind, values).
fn metrics(document: &Value, usd: bool) -> Vec<Value> {
    let which = if usd { "usd" } else { "coin" };
    let of = |name: &str| {
        let runs = [
            &document["metrics"][which],
            &document["baselines"]["hold_coin"][which],
            &document["baselines"]["hold_usd"][which],
            &document["baselines"]["weekly_25_delta"][which],
        ];
        runs.map(|run| run[name].clone())
    };
    PERFORMANCE
        .iter()
        .map(|(label, name, kind)| json!({"label": label, "kind": kind, "values": of(name)}))
        .collect()
}

/// (label, key, `pct`, `n` or `days`)
pub(super) const PERFORMANCE: [(&str, &str, &str); 9] = [
    ("Total return", "total_return", "pct"),
    ("Annualised return", "annualised_return", "pct"),
    ("Volatility a year", "volatility", "pct"),
    ("Sharpe", "sharpe", "n"),
    ("Sortino", "sortino", "n"),
    ("Calmar", "calmar", "n"),
    ("Deepest drawdown", "max_drawdown", "pct"),
    ("Longest drawdown", "drawdown_days", "days"),
    ("End of equity", "end", "n"),
];

/// Settings that are not the default, then the others: (key, value, unit, changed).
fn changed(settings: &Value) -> Vec<Value> {
    let mut rows: Vec<Value> = crate::backtest::keys()
        .iter()
        .map(|key| {
            let value = &settings[key.key];
            json!({"key": key.key, "value": value, "unit": key.unit, "help": key.help, "changed": *value != key.default})
        })
        .collect();
    rows.sort_by_key(|row| row["changed"] != true);
    rows
}

const CHAIN_COLUMNS: &[&str] = &[
    "n",
    "decision",
    "opened_ms",
    "closed_ms",
    "regime",
    "legs",
    "pnl_e8",
    "pnl_usd",
    "fees_e8",
    "max_drawdown",
];
const LEG_COLUMNS: &[&str] = &[
    "chain",
    "n",
    "instrument",
    "size_e8",
    "opened_ms",
    "closed_ms",
    "strike_usd",
    "dte_open",
    "delta_open",
    "iv_open",
    "score",
    "regime",
    "open_price_e8",
    "open_price_usd",
    "close_price_e8",
    "close_price_usd",
    "fees_e8",
    "fees_usd",
    "pnl_e8",
    "pnl_usd",
    "ended_by",
    "assigned",
];
const EQUITY_COLUMNS: &[&str] = &[
    "n",
    "at_ms",
    "index_price",
    "balance_e8",
    "option_value_e8",
    "equity_e8",
    "equity_usd",
    "short_calls_e8",
    "regime",
    "weekly_e8",
];
const DECISION_COLUMNS: &[&str] = &[
    "n",
    "at_ms",
    "proposed_action",
    "final_action",
    "instrument",
    "rolled_from",
    "size_e8",
    "propensity",
    "explored",
    "fills",
    "reason",
    "refusal",
];
