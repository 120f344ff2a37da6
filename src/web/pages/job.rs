//! One job: its life, its attempts, its arguments, and what it produced.

use crate::db::jobs;
use crate::db::pages::decision;
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::table::Table;
use crate::web::view::View;
use serde_json::json;

pub(super) async fn view(site: &Site, id: &str) -> Result<View, PageError> {
    let db = &site.ctx.db;
    let row = jobs::get(db, id)
        .await?
        .ok_or_else(|| PageError::not_found("That job"))?;
    let events = jobs::events(db, id).await?;
    let decisions = decision::of_job(db, id).await?;
    let orders = decision::orders_of_job(db, id).await?;
    Ok(View {
        title: format!("Job {} {}", row.kind, row.state),
        name: "job",
        fragments: &["detail"],
        values: json!({
            "job": row, "events": events, "decisions": decisions, "orders": orders,
            "children": jobs::children(db, id).await?,
            "finished": row.is_finished(),
        }),
        tables: vec![Table::of(
            "events",
            &[
                "n",
                "at_ms",
                "started_ms",
                "attempt",
                "event",
                "message",
                "worker",
            ],
            &events,
        )],
    })
}
