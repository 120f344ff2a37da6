//! What an export would be, and what the linter says of it, while somebody waits for the page.

use super::payload;
use crate::db::Db;
use crate::export::lint::{Linter, Report};
use crate::export::preview::{Preview, preview as look};
use crate::export::reading::{Reading, WHOLE};
use crate::jobs::export::Export;
use crate::web::Site;
use crate::web::pages::Query;
use crate::web::table::Table;
use serde_json::{Value, json};
use std::time::Duration;

/// Rows that are shown.
const ROWS: usize = 5;
/// Time for each of the two looks. Reading stops when it is over.
const PATIENCE: Duration = Duration::from_secs(10);

/// Null while nothing is asked for; problems are words on the page, beside the form that has them.
pub(super) async fn preview(site: &Site, query: &Query, tables: &mut Vec<Table>) -> Value {
    let sources = ["dataset", "query", "sql"];
    if sources.iter().all(|name| query.get(name).is_none()) {
        return Value::Null;
    }
    let job = match payload(query) {
        Ok(job) => job,
        Err(error) => return json!({"problem": error.title}),
    };
    match shown(&site.ctx.db, &job, query, tables).await {
        Ok(shown) => shown,
        Err(problem) => json!({"problem": problem.trim_start_matches("--")}),
    }
}

async fn shown(
    db: &Db,
    job: &Export,
    query: &Query,
    tables: &mut Vec<Table>,
) -> Result<Value, String> {
    let reading = job
        .reading(db)
        .await
        .map_err(|error| format!("{error:#}"))?;
    let found = tokio::time::timeout(PATIENCE, look(db, &reading, WHOLE, &job.shape(), ROWS)).await;
    let Ok(found) = found else {
        return Ok(json!({"slow": PATIENCE.as_secs(), "fields": fields(query), "job": job}));
    };
    let found = found.map_err(|error| error.to_string())?;
    let report = lint(db, &reading).await?;
    let blocking = report
        .as_ref()
        .map(|report| job.lint.blocking(&report.findings));
    let blocking = blocking.unwrap_or_default();
    let mut stops: Vec<&str> = blocking
        .iter()
        .map(|finding| finding.code.as_str())
        .collect();
    stops.dedup();
    let findings: Vec<Value> = report
        .iter()
        .flat_map(|report| &report.findings)
        .map(|finding| {
            let mut shown = json!(finding);
            shown["blocks"] = blocking.contains(&finding).into();
            shown
        })
        .collect();
    tables.push(Table::of(
        "schema",
        &["name", "type", "unit", "about"],
        &found.columns,
    ));
    tables.push(Table::of(
        "findings",
        &["code", "severity", "column", "rows", "text"],
        &findings,
    ));
    let names: Vec<&str> = found
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    tables.push(Table::of("first", &names, &found.first));
    Ok(json!({
        "rows": found.rows, "bytes": found.bytes_estimate, "columns": found.columns, "names": names,
        "first": cells(&found, &names), "findings": findings, "stops": stops, "linted": report.is_some(),
        "parquet": job.format == crate::export::Format::Parquet, "fields": fields(query), "job": job,
    }))
}

/// `None` when there are too many rows to look at here.
async fn lint(db: &Db, reading: &Reading) -> Result<Option<Report>, String> {
    let linter = Linter::new(reading);
    let looked = reading.rows(db, WHOLE, &[], crate::db::scan::StopFlag::default(), linter);
    match tokio::time::timeout(PATIENCE, looked).await {
        Err(_) => Ok(None),
        Ok(linter) => Ok(Some(linter.map_err(|error| error.to_string())?.report())),
    }
}

/// First rows as texts in the order of the columns.
fn cells(found: &Preview, names: &[&str]) -> Vec<Vec<String>> {
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let row = |row: &Value| names.iter().map(|name| cut(text(&row[*name]))).collect();
    found.first.iter().map(row).collect()
}

/// A glance at a long text.
fn cut(text: String) -> String {
    const LETTERS: usize = 120;
    if text.chars().count() <= LETTERS {
        return text;
    }
    let start: String = text.chars().take(LETTERS).collect();
    format!("{start}…")
}

/// Everything the address says, to be posted as it is.
fn fields(query: &Query) -> Vec<(String, String)> {
    let mut names: Vec<&str> = query.names().collect();
    names.sort_unstable();
    names.dedup();
    let of = |name: &str| {
        let values = query.all(name).into_iter();
        values
            .map(|value| (name.to_owned(), value.to_owned()))
            .collect::<Vec<_>>()
    };
    names.into_iter().flat_map(of).collect()
}
