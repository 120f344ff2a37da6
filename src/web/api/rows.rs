//! Single rows with what belongs to them: a decision with its candidates, a job with its events.

use crate::db::reader::{Limits, Reader};
use crate::domain::redact::redact;
use crate::web::Site;
use crate::web::error::PageError;
use axum::Json;
use serde_json::{Value, json};

/// One row of a view by its id.
#[derive(Debug)]
pub(super) struct Row {
    pub path: &'static str,
    /// What a missing one is called.
    pub what: &'static str,
    pub view: &'static str,
    pub parts: &'static [Part],
}

/// Rows of another view that name the row in `column`, in the order of `order`.
#[derive(Debug)]
pub(super) struct Part {
    pub name: &'static str,
    pub view: &'static str,
    pub column: &'static str,
    pub order: &'static str,
}

pub(super) const ROWS: &[Row] = &[
    Row {
        path: "/decisions/{id}",
        what: "That decision",
        view: "v_decisions",
        parts: &[
            Part::of("candidates", "v_candidates", "decision", "n"),
            Part::of("risk_lines", "v_risk_lines", "decision", "n"),
            Part::of("orders", "v_orders", "decision", "id"),
            Part::of("fills", "v_fills", "decision", "filled_at, trade_id"),
        ],
    },
    Row {
        path: "/jobs/{id}",
        what: "That job",
        view: "v_jobs",
        parts: &[
            Part::of("events", "v_job_events", "job", "at, n"),
            Part::of("children", "v_jobs", "parent", "id"),
        ],
    },
];

impl Part {
    const fn of(
        name: &'static str,
        view: &'static str,
        column: &'static str,
        order: &'static str,
    ) -> Self {
        Self {
            name,
            view,
            column,
            order,
        }
    }
}

pub(super) async fn answer(site: &Site, row: &Row, id: &str) -> Result<Json<Value>, PageError> {
    let reader = Reader::new(&site.ctx.db);
    let found = select(&reader, row.view, "id", "id", id).await?;
    let Some(mut object) = found.into_iter().next() else {
        return Err(PageError::not_found(row.what));
    };
    for part in row.parts {
        let rows = select(&reader, part.view, part.column, part.order, id).await?;
        object[part.name] = json!(rows);
    }
    Ok(Json(redact(&object)))
}

async fn select(
    reader: &Reader,
    view: &str,
    column: &str,
    order: &str,
    id: &str,
) -> Result<Vec<Value>, PageError> {
    let sql = format!("select * from {view} where {column} = cast($1 as text) order by {order}");
    let rows = reader.query(&sql, &[id.into()], Limits::default()).await?;
    Ok(rows.objects())
}
