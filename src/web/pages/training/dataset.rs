//! One dataset: its progress while it works, then what it holds and where it is thin.

use super::cells::{self, Seen};
use super::{features, figures, find};
use crate::db::training::{self, DatasetRow};
use crate::db::{Db, exports, jobs};
use crate::web::Site;
use crate::web::error::PageError;
use crate::web::pages::{Part, Query, job};
use crate::web::table::Table;
use crate::web::view::View;
use serde_json::{Value, json};

pub(super) async fn view(
    site: &Site,
    id: &str,
    query: &Query,
    part: Part,
) -> Result<View, PageError> {
    let db = &site.ctx.db;
    let row = find(db, id).await?;
    let job_id = row.as_ref().map_or(id, |row| row.job.as_str());
    let work = jobs::get(db, job_id).await?;
    let shown = work.as_ref().map(job::shown);
    let Some(row) = row else {
        let work = work.filter(|work| work.kind == "train");
        work.ok_or_else(|| PageError::not_found("That dataset"))?;
        return Ok(plain(json!({"dataset": null, "work": shown})));
    };
    let collecting = row.state == "running" && row.desk.is_some();
    let walking = row.state == "running" && !collecting;
    if walking || part == Part::Live {
        let counts = training::counts(db, &row.id).await?;
        let progress = walking.then(|| progress(&row));
        return Ok(plain(json!({
            "dataset": figures(&row), "work": shown, "counts": counts, "progress": progress,
            "collecting": collecting,
        })));
    }
    whole(db, &row, query, shown).await
}

/// A page that only follows its job.
fn plain(values: Value) -> View {
    View {
        title: "Dataset".to_owned(),
        name: "training_dataset",
        fragments: &["work", "progress"],
        values,
        tables: Vec::new(),
    }
}

fn progress(row: &DatasetRow) -> Value {
    let elapsed_ms = row.updated_ms - row.created_ms;
    let rate = (elapsed_ms > 0 && row.steps_done > 0)
        .then(|| row.steps_done as f64 * 1_000.0 / elapsed_ms as f64);
    let left_ms =
        rate.map(|rate| ((row.steps - row.steps_done).max(0) as f64 / rate * 1_000.0) as i64);
    json!({"share": row.steps_done as f64 / row.steps.max(1) as f64, "rate": rate, "left_ms": left_ms})
}

/// Everything a dataset holds.
async fn whole(
    db: &Db,
    row: &DatasetRow,
    query: &Query,
    work: Option<Value>,
) -> Result<View, PageError> {
    let described = exports::dataset(db, &row.id).await?.unwrap_or_default();
    let seen = Seen::of(row, query);
    let grids = cells::grids(db, row, &seen).await?;
    let features = features::shown(db, row, &described).await?;
    let splits = splits(&described, training::counts(db, &row.id).await?);
    let mut tables = vec![
        Table::of(
            "features",
            &["name", "unit", "about", "null_share"],
            &features.rows,
        ),
        Table::of("splits", &["split", "from_ms", "to_ms", "rows"], &splits),
    ];
    tables.extend(cells::tables(&grids));
    Ok(View {
        title: format!("Dataset {} {}", row.underlyings, row.source),
        values: json!({
            "dataset": figures(row), "work": work, "progress": null, "tab": "figures",
            "collecting": row.state == "running",
            "see": seen.links(query, row), "seen": seen, "thin": cells::THIN,
            "grids": grids.iter().map(cells::Grid::shown).collect::<Vec<_>>(), "features": features.rows,
            "sampled": features.sampled, "splits": splits, "rewards": described["rewards"],
            "actions": described["actions"],
        }),
        tables,
        ..plain(Value::Null)
    })
}

/// Splits with their times and rows.
fn splits(described: &Value, counts: Option<training::CountsBy>) -> Vec<Value> {
    let counts = counts.unwrap_or_default().split;
    let spans = described["splits"].as_array().cloned().unwrap_or_default();
    let one = |mut span: Value| {
        let name = span["split"].as_str().unwrap_or_default();
        span["rows"] = counts.get(name).copied().unwrap_or(0).into();
        span
    };
    spans.into_iter().map(one).collect()
}
