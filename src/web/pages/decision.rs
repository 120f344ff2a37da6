//! One decision: what it saw, what it weighed, what risk said, what came of it.

use super::query::Query;
use crate::db::pages::decision;
use crate::db::{candidates, decisions, fills, jobs, orders, risk_lines};
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::table::Table;
use crate::web::view::View;
use serde_json::{Value, json};

/// Rejected contracts shown unless asked for all: those that came nearest.
const NEAR: usize = 30;

pub(super) async fn view(site: &Site, id: &str, query: &Query) -> Result<View, PageError> {
    let db = &site.ctx.db;
    let row = decisions::get(db, id)
        .await?
        .ok_or_else(|| PageError::not_found("That decision"))?;
    let seen = candidates::of_decision(db, id).await?;
    let lines = risk_lines::of_decision(db, id).await?;
    let orders = orders::of_decision(db, id).await?;
    let fills = fills::of_decision(db, id).await?;
    let (before, after) = decision::neighbours(db, &row.desk, &row.underlying, id).await?;
    let (passed, failed): (Vec<_>, Vec<_>) =
        seen.iter().partition(|call| call.failed_filter.is_none());
    let all = query.get("all").is_some();
    let search = query.get("contract").map(str::to_uppercase);
    let shown: Vec<_> = failed
        .iter()
        .filter(|call| {
            search
                .as_ref()
                .is_none_or(|text| call.instrument.contains(text.as_str()))
        })
        .filter(|call| {
            all || search.is_some() || call.failed_filter.as_deref() != Some("out_of_the_money")
        })
        .take(if all || search.is_some() {
            usize::MAX
        } else {
            NEAR
        })
        .collect();
    Ok(View {
        title: format!("Decision {} {}", row.underlying, row.final_action),
        name: "decision",
        fragments: &["outcome"],
        values: json!({
            "d": row, "features": features(&row.context.0),
            "passed": ranked(&passed), "failed": shown, "failed_count": failed.len(), "all": all, "contract": search,
            "lines": lines, "orders": orders, "fills": fills,
            "settlements": decision::settlements(db, id).await?,
            "job": jobs::get(db, &row.job).await?,
            "before": before, "after": after,
            "account": row.context.0.get("account"), "positions": row.context.0.get("positions"),
        }),
        tables: vec![
            Table::of("candidates", CANDIDATE_COLUMNS, &seen),
            Table::of("risk_lines", RISK_COLUMNS, &lines),
        ],
    })
}

const CANDIDATE_COLUMNS: &[&str] = &[
    "instrument",
    "expiry_ms",
    "strike_usd",
    "dte",
    "delta",
    "bid",
    "ask",
    "mark_iv",
    "ivrv",
    "open_interest",
    "premium_usd",
    "yield_net",
    "failed_filter",
    "failed_by",
    "admit_at",
    "score",
    "rank",
    "propensity",
    "chosen",
    "terms",
];
const RISK_COLUMNS: &[&str] = &[
    "n",
    "leg",
    "check_name",
    "value",
    "limit_value",
    "headroom",
    "unit",
    "verdict",
    "note",
];

fn ranked(passed: &[&candidates::CandidateRow]) -> Vec<Value> {
    let mut rows = passed.to_vec();
    rows.sort_by_key(|call| call.rank.unwrap_or(i64::MAX));
    rows.iter()
        .map(|call| serde_json::to_value(call).unwrap_or_default())
        .collect()
}

/// (name, value, source, note) of every feature, in the order of the context.
fn features(context: &Value) -> Vec<Value> {
    let Some(Value::Object(features)) = context.get("features") else {
        return Vec::new();
    };
    features
        .iter()
        .filter(|(_, feature)| feature.is_object())
        .map(|(name, feature)| {
            json!({"name": name, "value": feature["value"], "source": feature["source"], "note": feature["note"],
                "usd": name.starts_with("ma")})
        })
        .collect()
}
