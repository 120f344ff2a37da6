//! One decision: what it saw, what it weighed, what risk said, what came of it.

use super::calls;
use super::query::Query;
use super::why_not::{self, Asked};
use crate::db::jobs::JobRow;
use crate::db::pages::decision;
use crate::db::{
    candidates, configs, decisions, fills, jobs, llm_calls, orders, risk_lines, shadow_decisions,
};
use crate::jobs::Job;
use crate::jobs::replay_decision::ReplayDecision;
use crate::policy::llm::is_stand_in;
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::table::{self, Table};
use crate::web::view::View;
use serde_json::{Value, json};

pub(super) async fn view(site: &Site, id: &str, query: &Query) -> Result<View, PageError> {
    let db = &site.ctx.db;
    let row = decisions::get(db, id)
        .await?
        .ok_or_else(|| PageError::not_found("That decision"))?;
    let seen = candidates::of_decision(db, id).await?;
    let lines = risk_lines::of_decision(db, id).await?;
    let orders = orders::of_decision(db, id).await?;
    let fills = fills::of_decision(db, id).await?;
    let settings = configs::get(db, &row.config_hash).await?;
    let (before, after) = decision::neighbours(db, &row.desk, &row.underlying, id).await?;
    let asked = Asked::of(query);
    let failed = why_not::rejected(&seen, settings.as_ref(), row.index_price, &asked);
    let mut passed = ranked(&seen);
    table::sort(&mut passed, query.sort());
    let features = features(&row.context.0);
    let council = shadow_decisions::of_decision(db, id).await?;
    let calls = calls::of_decision(&llm_calls::of_decision(db, id).await?, &council);
    let replay = replay(&jobs::children(db, &row.job).await?, id);
    Ok(View {
        title: format!("Decision {} {}", row.underlying, row.final_action),
        name: "decision",
        fragments: &["outcome", "replay"],
        tables: vec![
            Table::of("qualified", CANDIDATE_COLUMNS, &passed),
            Table::of("candidates", CANDIDATE_COLUMNS, &seen),
            Table::of("rejected", why_not::COLUMNS, &failed),
            Table::of("risk_lines", RISK_COLUMNS, &lines),
            Table::of(
                "features",
                &["name", "value", "unit", "source", "note"],
                &features,
            ),
            Table::of("calls", calls::COLUMNS, &calls),
            Table::of("orders", ORDER_COLUMNS, &orders),
            Table::of("fills", FILL_COLUMNS, &fills),
        ],
        values: json!({
            "stands_in": is_stand_in(&row.policy_version), "d": row, "features": features, "passed": passed,
            "failed": failed, "filters": why_not::counts(&seen), "asked": asked, "kept": seen.len(),
            "lines": lines, "orders": orders, "fills": fills,
            "settlements": decision::settlements(db, id).await?,
            "job": jobs::get(db, &row.job).await?, "replay": replay,
            "calls": calls, "before": before, "after": after, "settings": settings,
            "account": row.context.0.get("account"), "positions": row.context.0.get("positions"),
        }),
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
const ORDER_COLUMNS: &[&str] = &[
    "label",
    "leg",
    "instrument",
    "side",
    "size_e8",
    "filled_e8",
    "limit_price_e8",
    "average_price_e8",
    "state",
    "simulated",
    "error",
    "created_ms",
    "updated_ms",
];
const FILL_COLUMNS: &[&str] = &[
    "trade_id",
    "leg",
    "instrument",
    "side",
    "size_e8",
    "price_e8",
    "fee_e8",
    "cash_e8",
    "currency",
    "index_price_e8",
    "at_ms",
];

/// The calls that qualified, best first.
fn ranked(seen: &[candidates::CandidateRow]) -> Vec<&candidates::CandidateRow> {
    let mut rows: Vec<_> = seen
        .iter()
        .filter(|call| call.failed_filter.is_none())
        .collect();
    rows.sort_by_key(|call| call.rank.unwrap_or(i64::MAX));
    rows
}

/// The latest job that made this decision again, with its outcome.
fn replay(children: &[JobRow], id: &str) -> Option<Value> {
    let again = |job: &&JobRow| job.kind == ReplayDecision::KIND && job.args["decision"] == id;
    let job = children.iter().rfind(again)?;
    Some(json!({
        "job": job.id, "state": job.state, "error": job.error, "finished_ms": job.finished_ms,
        "finished": job.is_finished(), "result": job.result,
    }))
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
                "unit": unit(name)})
        })
        .collect()
}

/// What a feature is measured in: USD for averages of the price, a fraction for all others but counts.
fn unit(name: &str) -> &'static str {
    const FRACTIONS: [&str; 8] = [
        "return",
        "realised",
        "distance",
        "dvol",
        "iv_rank",
        "term_slope",
        "skew",
        "rv",
    ];
    if name.starts_with("ma") {
        "USD"
    } else if FRACTIONS.iter().any(|start| name.starts_with(start)) {
        "%"
    } else {
        ""
    }
}
