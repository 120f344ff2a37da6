//! A sweep as one JSON document: what `thetaq sweep --json` prints and programs read.

use super::{RunRow, SweepRow, get, runs};
use crate::db::{Db, json};
use serde_json::{Value, json};

/// `{id, job, state, plan, settings, data, runs, refused, failed, best: [..], statistics}`; `best` are the
/// first `limit` runs of the ranking with their figures. `None` when there is no such sweep.
pub async fn document(db: &Db, id: &str, limit: i64) -> sqlx::Result<Option<Value>> {
    let Some(row) = get(db, id).await? else {
        return Ok(None);
    };
    let rows = runs(db, id, limit).await?;
    let best = rows
        .iter()
        .map(run_of)
        .collect::<sqlx::Result<Vec<Value>>>()?;
    Ok(Some(json!({
        "id": row.id, "job": row.job, "state": row.state, "error": row.error, "code_version": row.code_version,
        "search": row.search, "currency": row.currency,
        "plan": exact(Some(&row.plan))?, "settings": exact(Some(&row.settings))?,
        "walk_forward": exact(row.walk_forward.as_deref())?,
        "data": data(&row)?,
        "runs": row.runs, "done": row.runs_done, "failed": row.runs_failed, "refused": row.refused,
        "best": best,
        "statistics": exact(row.statistics.as_deref())?,
    })))
}

fn data(row: &SweepRow) -> sqlx::Result<Value> {
    Ok(json!({
        "source": row.source, "underlying": row.underlying, "fingerprint": row.fingerprint,
        "snapshots": row.snapshots, "quotes": row.quotes, "shares": exact(Some(&row.shares))?,
        "from_ms": row.from_ms, "to_ms": row.to_ms,
    }))
}

fn run_of(row: &RunRow) -> sqlx::Result<Value> {
    let mut value = serde_json::to_value(row).map_err(|error| sqlx::Error::Decode(error.into()))?;
    value["settings"] = exact(Some(&row.settings))?;
    if let Some(fields) = value.as_object_mut() {
        fields.remove("sweep");
    }
    Ok(value)
}

fn exact(text: Option<&str>) -> sqlx::Result<Value> {
    let read = |text| json::exact(text).map_err(|error| sqlx::Error::Decode(error.into()));
    text.map_or(Ok(Value::Null), read)
}
