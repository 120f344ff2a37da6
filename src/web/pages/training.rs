//! Training: datasets and the form of a new run, one dataset with where it is thin, policies judged on it.

mod cells;
mod dataset;
mod features;
mod form;
mod gaps;
mod policies;
mod rows;
mod start;

pub(in crate::web) use start::start;

use super::{Part, Query, job};
use crate::db::training::{self, DatasetRow};
use crate::db::{Db, jobs};
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::table::{self, Table};
use crate::web::view::View;
use serde_json::{Value, json};

/// Datasets on the page.
const DATASETS: i64 = 100;

pub(super) async fn view(
    site: &Site,
    path: &[&str],
    query: &Query,
    part: Part,
) -> Result<View, PageError> {
    match path {
        [] => list(site, query).await,
        [id] => dataset::view(site, id, query, part).await,
        [id, "rows"] => rows::view(site, id, query).await,
        [id, "policies"] => policies::view(site, id, query).await,
        _ => Err(PageError::not_found("That page")),
    }
}

/// Every dataset, the jobs that still wait or work, and the form.
async fn list(site: &Site, query: &Query) -> Result<View, PageError> {
    let rows = training::list(&site.ctx.db, DATASETS).await?;
    let mut shown: Vec<Value> = rows.iter().map(figures).collect();
    table::sort(&mut shown, query.sort());
    Ok(View {
        title: "Training".to_owned(),
        name: "training",
        fragments: &["waiting", "datasets"],
        values: json!({
            "datasets": shown, "waiting": open_jobs(site, &["train"], |_| true).await?,
            "form": form::form(site, query).await?,
        }),
        tables: vec![Table::of("datasets", COLUMNS, &shown)],
    })
}

/// A dataset's row with its mean rewards.
fn figures(row: &DatasetRow) -> Value {
    let mean = |sum: Option<f64>| {
        let rows = row.rewarded.filter(|rows| *rows > 0)?;
        sum.map(|sum| sum / rows as f64)
    };
    let mut shown = json!(row);
    shown["mean_reward_usd"] = json!(mean(row.reward_usd));
    shown["mean_reward_versus_holding"] = json!(mean(row.reward_versus_holding));
    shown
}

/// The dataset of that id, or the one that a job of that id makes.
async fn find(db: &Db, id: &str) -> Result<Option<DatasetRow>, PageError> {
    match training::get(db, id).await? {
        Some(row) => Ok(Some(row)),
        None => Ok(training::of_job(db, id).await?),
    }
}

async fn known(db: &Db, id: &str) -> Result<DatasetRow, PageError> {
    let found = find(db, id).await?;
    found.ok_or_else(|| PageError::not_found("That dataset"))
}

/// Jobs that have not ended, of some kinds and with some arguments.
pub(super) async fn open_jobs(
    site: &Site,
    kinds: &[&str],
    wanted: impl Fn(&Value) -> bool,
) -> Result<Vec<Value>, PageError> {
    let mut found = Vec::new();
    for kind in kinds {
        let filter = jobs::Filter {
            desk: Some(site.ctx.desk.clone()),
            kind: Some((*kind).to_owned()),
            limit: 50,
            ..jobs::Filter::default()
        };
        let rows = jobs::list(&site.ctx.db, &filter).await?;
        let open = rows
            .into_iter()
            .filter(|row| !row.is_finished() && wanted(&row.args));
        found.extend(open.map(|row| job::shown(&row)));
    }
    Ok(found)
}

const COLUMNS: &[&str] = &[
    "id",
    "job",
    "state",
    "source",
    "from_ms",
    "to_ms",
    "underlyings",
    "profiles",
    "ladder",
    "exit_style",
    "explore_prob",
    "seed",
    "rows",
    "candidates",
    "errors",
    "mean_reward_usd",
    "mean_reward_versus_holding",
    "steps_done",
    "steps",
    "config_hash",
    "code_version",
    "created_ms",
];
