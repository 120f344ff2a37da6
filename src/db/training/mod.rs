//! Training datasets: a row when one begins, steps and candidates as they come, its counts at every checkpoint.

mod append;
mod cells;
mod columns;
mod evaluations;
mod progress;
mod rows;

pub use append::append;
pub use cells::{ActionCell, CallCell, Cells, by_action, by_call, cells};
pub use evaluations::{EvaluationRow, evaluations, insert as insert_evaluation};
pub use progress::{Counts, NewDataset, Progress, begin, checkpoint, delete, end};
pub use rows::{TrainingCandidateRow, TrainingRow, candidates, page};

use crate::db::{Db, json};
use crate::training::Plan;
use std::collections::BTreeMap;

/// One row of `training_datasets` as lists show it.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct DatasetRow {
    pub id: String,
    pub job: String,
    /// `running`, `done`, `stopped` or `failed`.
    pub state: String,
    pub error: Option<String>,
    pub source: String,
    pub from_ms: i64,
    pub to_ms: i64,
    pub underlyings: String,
    pub profiles: String,
    pub policy: String,
    pub policy_version: String,
    pub mode: String,
    pub exit_style: String,
    pub fill_model: String,
    pub fee_model: String,
    pub ladder: i64,
    pub explore_prob: f64,
    pub explore_top_k: i64,
    pub seed: String,
    pub config_hash: String,
    pub code_version: String,
    pub feature_version: String,
    pub reward_definition: String,
    pub discount_per_day: f64,
    pub rows: i64,
    pub candidates: i64,
    pub errors: i64,
    /// Rows whose reward is known, and the sums of their rewards, USD; null in datasets of older versions.
    pub rewarded: Option<i64>,
    pub reward_usd: Option<f64>,
    pub reward_versus_holding: Option<f64>,
    pub steps: i64,
    pub steps_done: i64,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub finished_ms: Option<i64>,
    /// Whose ticks are collected; null over chains that are stored or synthetic.
    pub desk: Option<String>,
}

const COLUMNS: &str = "id, job, state, error, source, from_ms, to_ms, underlyings, profiles, policy, \
    policy_version, mode, exit_style, fill_model, fee_model, ladder, explore_prob, explore_top_k, seed, config_hash, \
    code_version, feature_version, reward_definition, discount_per_day, rows, candidates, errors, rewarded, \
    reward_usd, reward_versus_holding, steps, steps_done, \
    created_ms, updated_ms, finished_ms, desk";

pub async fn get(db: &Db, id: &str) -> sqlx::Result<Option<DatasetRow>> {
    let sql = format!("select {COLUMNS} from training_datasets where id = $1");
    read!(db, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).bind(id).fetch_optional(pool).await)
}

/// The dataset a job makes or has made.
pub async fn of_job(db: &Db, job: &str) -> sqlx::Result<Option<DatasetRow>> {
    let sql = format!("select {COLUMNS} from training_datasets where job = $1 order by id limit 1");
    read!(db, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).bind(job).fetch_optional(pool).await)
}

/// The dataset that goes on with the ticks of a desk.
pub async fn collecting(db: &Db, desk: &str) -> sqlx::Result<Option<DatasetRow>> {
    let sql =
        format!("select {COLUMNS} from training_datasets where state = 'running' and desk = $1");
    read!(db, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).bind(desk).fetch_optional(pool).await)
}

/// The plan of a dataset, exact.
pub async fn plan(db: &Db, id: &str) -> sqlx::Result<Option<Plan>> {
    let text: Option<String> = read!(db, pool => sqlx::query_scalar(
        "select cast(settings as text) from training_datasets where id = $1",
    )
    .bind(id).fetch_optional(pool).await)?;
    text.map(|text| json::decode(&text)).transpose()
}

/// Fingerprints of its data, by underlying.
pub async fn fingerprints(db: &Db, id: &str) -> sqlx::Result<Option<BTreeMap<String, String>>> {
    let text: Option<String> = read!(db, pool => sqlx::query_scalar(
        "select cast(fingerprints as text) from training_datasets where id = $1",
    )
    .bind(id).fetch_optional(pool).await)?;
    text.map(|text| json::decode(&text)).transpose()
}

/// Rows of a dataset by profile, by action and by split, as of its last checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct CountsBy {
    pub profile: Counts,
    pub action: Counts,
    pub split: Counts,
}

pub async fn counts(db: &Db, id: &str) -> sqlx::Result<Option<CountsBy>> {
    let texts: Option<(String, String, String)> = read!(db, pool => sqlx::query_as(
        "select cast(by_profile as text), cast(by_action as text), cast(by_split as text) \
         from training_datasets where id = $1")
        .bind(id).fetch_optional(pool).await)?;
    let read = |(profile, action, split): (String, String, String)| {
        Ok(CountsBy {
            profile: json::decode(&profile)?,
            action: json::decode(&action)?,
            split: json::decode(&split)?,
        })
    };
    texts.map(read).transpose()
}

/// The newest datasets, newest first.
pub async fn list(db: &Db, limit: i64) -> sqlx::Result<Vec<DatasetRow>> {
    let sql = format!(
        "select {COLUMNS} from training_datasets order by created_ms desc, id desc limit $1"
    );
    read!(db, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).bind(limit).fetch_all(pool).await)
}
