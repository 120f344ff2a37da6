//! One job: its life, its attempts with their errors and log lines, and what it produced.

use crate::db::Db;
use crate::db::drifts::{self, DifferenceRow};
use crate::db::exports;
use crate::db::jobs::{self, EventRow, JobRow};
use crate::db::pages::decision;
use crate::domain::redact::redact;
use crate::jobs::registry;
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::table::Table;
use crate::web::view::View;
use serde_json::{Value, json};

pub(super) async fn view(site: &Site, id: &str) -> Result<View, PageError> {
    let db = &site.ctx.db;
    let row = jobs::get(db, id)
        .await?
        .ok_or_else(|| PageError::not_found("That job"))?;
    let events = jobs::events(db, id).await?;
    let parent = match &row.parent {
        Some(parent) => jobs::get(db, parent).await?,
        None => None,
    };
    let finished = row.is_finished();
    let (drifts, differences) = drifts(db, id).await?;
    let mut tables = vec![Table::of("events", EVENT_COLUMNS, &events)];
    if !drifts.is_empty() {
        tables.push(Table::of("differences", DIFFERENCE_COLUMNS, &differences));
    }
    let goes_on = registry::all()
        .get(&row.kind)
        .is_some_and(|kind| kind.defaults.goes_on);
    Ok(View {
        title: format!("Job {} {}", row.kind, row.state),
        name: "job",
        fragments: &["detail"],
        values: json!({
            "job": shown(&row), "attempts": attempts(&row, &events), "by_hand": by_hand(&events),
            "decisions": decision::of_job(db, id).await?, "orders": decision::orders_of_job(db, id).await?,
            "decision": row.args.get("decision"), "parent": parent.as_ref().map(shown),
            "children": jobs::children(db, id).await?.iter().map(shown).collect::<Vec<_>>(),
            "finished": finished, "goes_on": goes_on, "drifts": drifts, "export": export(site, id).await?,
        }),
        tables,
    })
}

/// The files of an export, those that are whole so far; nothing for other jobs.
async fn export(site: &Site, id: &str) -> Result<Value, PageError> {
    let Some(row) = exports::of_job(&site.ctx.db, id).await? else {
        return Ok(Value::Null);
    };
    let files = exports::files(&site.ctx.db, id).await?;
    Ok(json!({"done": row.state == "done", "folder": row.folder, "files": files}))
}

const EVENT_COLUMNS: &[&str] = &[
    "n",
    "at_ms",
    "started_ms",
    "attempt",
    "event",
    "message",
    "worker",
];

const DIFFERENCE_COLUMNS: &[&str] = &[
    "drift",
    "n",
    "at_ms",
    "about",
    "kind",
    "because",
    "decision",
    "desk_says",
    "backtest_says",
    "explanation",
];

/// What a `drift` job found: each underlying with its differences, and all of them for the file.
async fn drifts(db: &Db, job: &str) -> Result<(Vec<Value>, Vec<DifferenceRow>), PageError> {
    let (mut shown, mut all) = (Vec::new(), Vec::new());
    for row in drifts::of_job(db, job).await? {
        let rows = drifts::differences(db, &row.id).await?;
        shown.push(json!({ "of": row, "rows": rows }));
        all.extend(rows);
    }
    Ok((shown, all))
}

/// The row without secrets.
pub(super) fn shown(row: &JobRow) -> Value {
    let mut value = serde_json::to_value(row).unwrap_or_default();
    for part in ["args", "result"] {
        value[part] = redact(&value[part]);
    }
    if row.state == "succeeded" {
        // How far it was when it last said so is no news of a job that is done.
        value["progress_note"] = Value::Null;
    }
    value
}

/// Every attempt, the latest first: how it ended, how long it took, what it wrote.
fn attempts(row: &JobRow, events: &[EventRow]) -> Vec<Value> {
    (1..=row.attempt)
        .rev()
        .map(|attempt| {
            let own = || events.iter().filter(move |event| event.attempt == attempt);
            let end = own().find(|event| event.started_ms.is_some());
            let lines: Vec<&EventRow> = own().filter(|event| event.event == "log").collect();
            let running = attempt == row.attempt && row.state == "running";
            let started_ms = end
                .and_then(|event| event.started_ms)
                .or(row.started_ms.filter(|_| attempt == row.attempt));
            json!({
                "attempt": attempt, "started_ms": started_ms, "ended_ms": end.map(|event| event.at_ms),
                "state": if running { Some("running") } else { end.map(|event| event.event.as_str()) },
                "message": end.and_then(|event| event.message.as_deref()),
                "worker": end.and_then(|event| event.worker.as_deref()), "lines": lines,
            })
        })
        .collect()
}

/// What people did to the job, and transitions outside of an attempt.
fn by_hand(events: &[EventRow]) -> Vec<&EventRow> {
    let outside = |event: &&EventRow| event.started_ms.is_none() && event.event != "log";
    events.iter().filter(outside).collect()
}
