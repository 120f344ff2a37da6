//! What was asked about a run besides the run itself: look-ahead checks and what-ifs, each a job with a page.

use crate::db::jobs::{self, JobRow};
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::pages::job;
use serde_json::{Value, json};

/// Jobs of a kind that are looked through.
const JOBS: i64 = 200;

/// The latest jobs of a kind, newest first.
pub(super) async fn latest(site: &Site, kind: &str) -> Result<Vec<JobRow>, PageError> {
    let filter = jobs::Filter {
        desk: Some(site.ctx.desk.clone()),
        kind: Some(kind.to_owned()),
        limit: JOBS,
        ..jobs::Filter::default()
    };
    Ok(jobs::list(&site.ctx.db, &filter).await?)
}

/// The job of that id and kind.
pub(super) async fn named(site: &Site, kind: &str, id: &str) -> Result<JobRow, PageError> {
    let row = jobs::get(&site.ctx.db, id).await?;
    let row = row.filter(|row| row.kind == kind && row.desk == site.ctx.desk);
    row.ok_or_else(|| PageError::not_found("That job"))
}

/// Look-ahead checks and what-ifs with the market and the settings of a run.
pub(super) async fn of_run(site: &Site, document: &Value) -> Result<Value, PageError> {
    let checks = latest(site, "lookahead").await?;
    let calls = latest(site, "what_if").await?;
    let (market, settings) = (&document["data"]["source"], &document["settings"]);
    let own = |row: &&JobRow| source(&row.args) == *market && row.args["settings"] == *settings;
    let call =
        |row: &&JobRow| source(&row.args) == *market && same_but(&row.args["settings"], settings);
    Ok(json!({
        "lookahead": checks.iter().filter(own).map(check).collect::<Vec<_>>(),
        "what_if": calls.iter().filter(call).map(super::what_if::asked).collect::<Vec<_>>(),
    }))
}

/// The name under which a run stores its market; that of the desk's own seed cannot be told from the job.
fn source(args: &Value) -> Value {
    match (args["source"].as_str(), args["market_seed"].as_str()) {
        (Some("synthetic"), Some(seed)) => format!("synthetic:{seed}").into(),
        _ => args["source"].clone(),
    }
}

/// A what-if of a run may ask for another call and another way out.
fn same_but(asked: &Value, settings: &Value) -> bool {
    let free = ["dte_target", "delta_target", "exit"];
    let (Some(asked), Some(settings)) = (asked.as_object(), settings.as_object()) else {
        return false;
    };
    settings
        .iter()
        .all(|(key, value)| free.contains(&key.as_str()) || asked.get(key) == Some(value))
}

/// A check in a line: where its cuts lie, and how many of them decided otherwise.
pub(super) fn check(row: &JobRow) -> Value {
    let result = row.result.as_ref().unwrap_or(&Value::Null);
    let cuts = result["cuts"].as_array().map_or(&[][..], Vec::as_slice);
    let differing = cuts.iter().filter(|cut| {
        cut["differences"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    });
    json!({
        "work": job::shown(row), "clean": result["clean"], "decisions": result["decisions"],
        "cuts": cuts.len(), "differing": differing.count(),
    })
}
