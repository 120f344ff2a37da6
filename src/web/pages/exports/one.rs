//! One export: how far it is, its files, its columns, and what the linter found.

use super::listed;
use crate::db::{exports, jobs};
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::pages::job;
use crate::web::table::Table;
use crate::web::view::View;
use serde_json::{Value, json};

pub(super) async fn view(site: &Site, id: &str) -> Result<View, PageError> {
    let db = &site.ctx.db;
    let work = jobs::get(db, id)
        .await?
        .filter(|work| work.kind == "export");
    let row = exports::of_job(db, id).await?;
    if work.is_none() && row.is_none() {
        return Err(PageError::not_found("That export"));
    }
    let export = match &row {
        Some(row) => listed(site, row).await?,
        None => Value::Null,
    };
    let linted: Option<(Value, Value)> = row.as_ref().and_then(|row| row.linted().ok().flatten());
    let (columns, lint) = linted.unwrap_or_default();
    let rows = |value: &Value| value.as_array().cloned().unwrap_or_default();
    Ok(View {
        title: format!("Export {id}"),
        name: "exports_one",
        fragments: &["detail"],
        tables: vec![
            Table::of(
                "files",
                &["path", "rows", "bytes", "sha256"],
                rows(&export["files"]),
            ),
            Table::of("schema", &["name", "type", "unit", "about"], rows(&columns)),
            Table::of(
                "findings",
                &["code", "severity", "column", "rows", "text"],
                rows(&lint),
            ),
        ],
        values: json!({
            "id": id, "export": export, "work": work.as_ref().map(job::shown), "columns": columns, "lint": lint,
        }),
    })
}
