//! What an observation is made of, and how often each number is not known.

use crate::db::training::{self, DatasetRow};
use crate::db::{Db, json as stored};
use crate::web::error::PageError;
use serde_json::{Value, json};

/// Stretches of rows that are looked at, evenly over the dataset, and rows of each.
const STRETCHES: i64 = 20;
const ROWS: i64 = 50;

pub(super) struct Features {
    pub rows: Vec<Value>,
    /// Rows that were looked at.
    pub sampled: usize,
}

pub(super) async fn shown(
    db: &Db,
    dataset: &DatasetRow,
    described: &Value,
) -> Result<Features, PageError> {
    let observations = sample(db, dataset).await?;
    let features = described["features"].as_array().cloned();
    let share = |at: usize| {
        let unknown = observations
            .iter()
            .filter(|seen| seen[at].is_null())
            .count();
        (!observations.is_empty()).then(|| unknown as f64 / observations.len() as f64)
    };
    let one = |(at, mut feature): (usize, Value)| {
        feature["null_share"] = json!(share(at));
        feature
    };
    let rows = features
        .unwrap_or_default()
        .into_iter()
        .enumerate()
        .map(one);
    Ok(Features {
        rows: rows.collect(),
        sampled: observations.len(),
    })
}

/// All observations of a small dataset, some of a large one.
async fn sample(db: &Db, dataset: &DatasetRow) -> Result<Vec<Value>, PageError> {
    let every = (dataset.rows / STRETCHES).max(ROWS);
    let mut found = Vec::new();
    for n in 0..STRETCHES {
        let from = n * every;
        if from >= dataset.rows {
            break;
        }
        for row in training::page(db, &dataset.id, from, ROWS).await? {
            found.push(stored::exact(&row.observation)?);
        }
    }
    Ok(found)
}
