//! The rows of a dataset, a page at a time.

use super::{figures, known};
use crate::db::training;
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::pages::Query;
use crate::web::table::Table;
use crate::web::view::View;
use serde_json::json;

/// Rows of a page.
const ROWS: i64 = 50;

pub(super) async fn view(site: &Site, id: &str, query: &Query) -> Result<View, PageError> {
    let db = &site.ctx.db;
    let row = known(db, id).await?;
    let from = query.get("from").and_then(|text| text.parse().ok());
    let from: i64 = from.unwrap_or(0).max(0);
    let rows = training::page(db, &row.id, from, ROWS).await?;
    let path = format!("/training/{}/rows", row.id);
    let link = |from: i64| query.with(&path, &[("from", &from.to_string())]);
    let last = (row.rows - 1) / ROWS * ROWS;
    Ok(View {
        title: format!("Rows of dataset {}", row.id),
        name: "training_rows",
        fragments: &[],
        values: json!({
            "dataset": figures(&row), "tab": "rows", "rows": rows, "from": from,
            "first": (from > 0).then(|| link(0)), "before": (from > 0).then(|| link((from - ROWS).max(0))),
            "after": (from + ROWS < row.rows).then(|| link(from + ROWS)),
            "last": (from + ROWS < row.rows).then(|| link(last)),
        }),
        tables: vec![Table::of("rows", COLUMNS, &rows)],
    })
}

const COLUMNS: &[&str] = &[
    "n",
    "underlying",
    "profile",
    "episode",
    "step",
    "decision",
    "chain",
    "at_ms",
    "split",
    "price_source",
    "regime",
    "index_price",
    "observation",
    "legal_actions",
    "proposed_action",
    "action",
    "instrument",
    "rolled_from",
    "size_e8",
    "propensity",
    "explored",
    "refusal",
    "fills",
    "fees_e8",
    "reward_coin",
    "reward_usd",
    "reward_versus_holding",
    "next_at_ms",
    "terminated",
    "truncated",
    "discount",
    "error",
];
