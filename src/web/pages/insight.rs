//! The text about a result beside the facts it was written from, on the pages of the lab.

use crate::db::{insights, jobs};
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::pages::{chat, job};
use crate::web::receipts;
use serde_json::{Value, json};

/// What templates/insight.html shows: the latest text, and the button for another one.
pub(super) async fn insight(site: &Site, about: &str, runs: &[&str]) -> Result<Value, PageError> {
    let db = &site.ctx.db;
    let Some(subject) = runs.first() else {
        return Ok(Value::Null);
    };
    let row = insights::latest(db, about, subject, runs.get(1).copied()).await?;
    let work = match &row {
        Some(row) => jobs::get(db, &row.job)
            .await?
            .filter(|work| !work.is_finished()),
        None => None,
    };
    let shown = row
        .as_ref()
        .map(|row| receipts::html(&row.id, &row.text, row.numbers.as_ref()));
    let facts = row
        .as_ref()
        .map(|row| row.facts["tables"][0]["rows"].clone());
    Ok(json!({
        "about": about, "runs": runs, "model": chat::model(site), "row": row, "html": shown, "facts": facts,
        "work": work.as_ref().map(job::shown),
    }))
}
