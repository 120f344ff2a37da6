//! The Backtesting Lab: what was run, a form made from the settings' own declaration, one run, comparisons.

mod checks;
mod compare;
mod coverage;
mod drawer;
mod form;
mod lookahead;
mod plots;
mod presets;
mod progress;
mod run;
mod series;
mod start;
mod sweeps;
mod what_if;

pub(super) use form::{field, market, sources};
pub(in crate::web) use start::start;

use super::query::Query;
use crate::db::{backtests, jobs};
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::table::{self, Table};
use crate::web::view::View;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Runs on the page; older ones are one click away.
const RUNS: i64 = 100;

pub(super) async fn view(site: &Site, path: &[&str], query: &Query) -> Result<View, PageError> {
    match path {
        [] => list(site, query).await,
        ["compare"] => compare::view(site, query).await,
        ["sweeps", rest @ ..] => sweeps::view(site, rest, query).await,
        ["coverage"] => coverage::view(site, query).await,
        ["what-if"] => what_if::list(site, query).await,
        ["what-if", id] => what_if::view(site, id, query).await,
        ["lookahead", id] => lookahead::view(site, id, query).await,
        [id] => run::view(site, id, query).await,
        _ => Err(PageError::not_found("That page")),
    }
}

/// Every run, the jobs that still wait or work, and the form.
async fn list(site: &Site, query: &Query) -> Result<View, PageError> {
    let db = &site.ctx.db;
    let mut runs = backtests::list(db, None, RUNS).await?;
    table::sort(&mut runs, query.sort());
    let setups = backtests::setups(db, RUNS).await?;
    let setups: HashMap<String, Value> = setups.into_iter().collect();
    let waiting = waiting(site).await?;
    Ok(View {
        title: "Backtesting lab".to_owned(),
        name: "lab",
        fragments: &["waiting", "runs"],
        values: json!({
            "runs": runs.iter().map(|row| shown(row, &setups)).collect::<Vec<_>>(), "waiting": waiting, "form": form::form(site, query).await?,
        }),
        tables: vec![Table::of("runs", COLUMNS, &runs)],
    })
}

/// Settings under the name of a run.
const NAMED: usize = 4;
/// A run as the list shows it: with the settings that tell it from others, and marked when its model may know
/// what followed.
fn shown(row: &backtests::BacktestRow, setups: &HashMap<String, Value>) -> Value {
    let mut shown = json!(row);
    shown["before_cutoff"] = json!(row.before_cutoff());
    let mut named = setups.get(&row.id).map_or_else(Vec::new, run::differing);
    shown["more"] = named.len().saturating_sub(NAMED).into();
    named.truncate(NAMED);
    shown["differs"] = json!(named);
    shown
}

/// Jobs of the lab that have not ended.
async fn waiting(site: &Site) -> Result<Vec<Value>, PageError> {
    let mut found = Vec::new();
    for kind in ["backtest", "sweep", "lookahead", "what_if"] {
        let filter = jobs::Filter {
            desk: Some(site.ctx.desk.clone()),
            kind: Some(kind.to_owned()),
            limit: 50,
            ..jobs::Filter::default()
        };
        let rows = jobs::list(&site.ctx.db, &filter).await?;
        let open = rows.into_iter().filter(|row| !row.is_finished());
        found.extend(open.map(|row| super::job::shown(&row)));
    }
    Ok(found)
}

const COLUMNS: &[&str] = &[
    "id",
    "job",
    "state",
    "underlying",
    "source",
    "from_ms",
    "to_ms",
    "policy",
    "exit_style",
    "seed",
    "steps_done",
    "return_coin",
    "return_usd",
    "annualised_coin",
    "annualised_usd",
    "sharpe_coin",
    "sharpe_usd",
    "drawdown_coin",
    "drawdown_usd",
    "win_rate",
    "chains",
    "legs",
    "fees",
    "excess_coin",
    "settings_hash",
    "fingerprint",
    "code_version",
    "created_ms",
];
