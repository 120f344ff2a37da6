//! A dataset from its first moment to its last: begun, gone on with, ended, forgotten.

use crate::db::{Db, Tx, json};
use crate::training::{
    ACTIONS, FEATURE_VERSION, FEATURES, Plan, REWARD_DEFINITION, REWARDS, Splits,
};
use serde_json::json;
use sqlx::types::Json;
use std::collections::BTreeMap;

/// Rows by name.
pub type Counts = BTreeMap<String, i64>;

/// How far a dataset is: counts of all its rows, and everything needed to go on.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Progress {
    pub rows: i64,
    pub candidates: i64,
    pub errors: i64,
    pub by_profile: Counts,
    pub by_action: Counts,
    pub by_split: Counts,
    /// Rows whose reward is known, and the sums of their rewards, USD.
    pub rewarded: i64,
    pub reward_usd: f64,
    pub reward_versus_holding: f64,
    /// As [`super::Cells`] are stored; `None` keeps none.
    pub cells: Option<String>,
    pub steps_done: i64,
    /// The last snapshot so far, where the range is not known from the start; 0 elsewhere.
    pub to_ms: i64,
    pub checkpoint: String,
    pub at_ms: i64,
}

/// Only where the dataset holds the rows it is thought to hold.
pub(super) const UPDATE: &str = "update training_datasets set state = 'running', error = null, rows = $3, \
    candidates = $4, errors = $5, by_profile = $6, by_action = $7, \
    by_split = $8, steps_done = $9, checkpoint = $10, updated_ms = $11, rewarded = $12, reward_usd = $13, \
    reward_versus_holding = $14, to_ms = case when $15 > to_ms then $15 else to_ms end, cells = $16, \
    finished_ms = null \
    where id = $1 and rows = $2";

/// What a dataset is before its first row.
#[derive(Clone, Debug)]
pub struct NewDataset<'a> {
    pub id: &'a str,
    pub job: &'a str,
    /// Whose ticks are collected; `None` over chains that are stored or synthetic.
    pub desk: Option<&'a str>,
    pub source: &'a str,
    /// First and last snapshot, milliseconds.
    pub range: (i64, i64),
    pub plan: &'a Plan,
    pub splits: &'a Splits,
    pub config_hash: &'a str,
    pub fingerprints: &'a BTreeMap<String, String>,
    pub steps: i64,
    pub policy: (&'a str, &'a str),
    pub code_version: &'a str,
    /// Where a dataset that waits for its first step stands.
    pub checkpoint: Option<&'a str>,
    pub at_ms: i64,
}

/// Writes the row of a dataset that begins.
pub async fn begin(tx: &mut Tx, new: &NewDataset<'_>) -> sqlx::Result<()> {
    let (plan, setup) = (new.plan, &new.plan.setup);
    let underlyings: Vec<&str> = plan.underlyings.iter().map(|coin| coin.as_str()).collect();
    let actions = (0..).zip(ACTIONS);
    let actions: Vec<_> = actions
        .map(|(id, (action, bit)): (i64, _)| json!({"id": id, "action": action, "bit": bit}))
        .collect();
    let rewards: BTreeMap<&str, &str> = REWARDS.into_iter().collect();
    let counts = Json(json!({}));
    // Where the last snapshot is not known, the splits are those of the time that was asked for.
    let end_ms = new.desk.map_or(new.range.1, |_| setup.to_ms);
    on!(tx, conn => sqlx::query(
        "insert into training_datasets (id, job, state, source, from_ms, to_ms, underlyings, profiles, policy, \
         policy_version, mode, exit_style, fill_model, fee_model, ladder, explore_prob, explore_top_k, seed, settings, \
         config_hash, code_version, fingerprints, feature_version, features, actions, reward_definition, rewards, \
         discount_per_day, splits, rows, candidates, errors, by_profile, by_action, by_split, steps, steps_done, \
         created_ms, updated_ms, desk, checkpoint) \
         values ($1,$2,'running',$3,$4,$5,$6,$7,$8,$9,'research',$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,\
         $23,$24,$25,$26,$27,0,0,0,$28,$28,$28,$29,0,$30,$30,$31,$32)",
    )
    .bind(new.id).bind(new.job).bind(new.source).bind(new.range.0).bind(new.range.1)
    .bind(underlyings.join(",")).bind(plan.names().join(",")).bind(new.policy.0).bind(new.policy.1)
    .bind(setup.exit.as_str()).bind(setup.fill_model.as_str()).bind(setup.fee_model.as_str())
    .bind(i64::from(plan.ladder)).bind(setup.explore_prob).bind(i64::from(setup.explore_top_k))
    .bind(&setup.seed).bind(Json(plan)).bind(new.config_hash).bind(new.code_version)
    .bind(Json(new.fingerprints)).bind(FEATURE_VERSION).bind(Json(FEATURES)).bind(Json(&actions))
    .bind(REWARD_DEFINITION).bind(Json(&rewards)).bind(plan.discount_per_day)
    .bind(Json(new.splits.spans(new.range.0, end_ms))).bind(&counts)
    .bind(new.steps).bind(new.at_ms).bind(new.desk).bind(new.checkpoint)
    .execute(&mut *conn).await.map(|_| ()))
}

/// Ends a dataset: `done`, `stopped` (which keeps the checkpoint) or `failed` with its error.
pub async fn end(
    tx: &mut Tx,
    id: &str,
    state: &str,
    error: Option<&str>,
    at_ms: i64,
) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "update training_datasets set state = $2, error = $3, updated_ms = $4, finished_ms = $4, \
         checkpoint = case when $2 = 'done' then null else checkpoint end where id = $1",
    )
    .bind(id).bind(state).bind(error).bind(at_ms).execute(&mut *conn).await.map(|_| ()))
}

/// Where the job was when it was last stored.
pub async fn checkpoint<T: serde::de::DeserializeOwned>(
    db: &Db,
    id: &str,
) -> sqlx::Result<Option<T>> {
    let text: Option<Option<String>> = read!(db, pool => sqlx::query_scalar(
        "select checkpoint from training_datasets where id = $1",
    )
    .bind(id).fetch_optional(pool).await)?;
    text.flatten().map(|text| json::decode(&text)).transpose()
}

/// Forgets a dataset with everything below it; false when there is none.
pub async fn delete(tx: &mut Tx, id: &str) -> sqlx::Result<bool> {
    for sql in [
        "delete from training_candidates where dataset = $1",
        "delete from training_rows where dataset = $1",
        "delete from evaluations where dataset = $1",
    ] {
        on!(tx, conn => sqlx::query(sql).bind(id).execute(&mut *conn).await.map(|_| ()))?;
    }
    let gone = on!(tx, conn => sqlx::query("delete from training_datasets where id = $1")
        .bind(id).execute(&mut *conn).await.map(|done| done.rows_affected()))?;
    Ok(gone == 1)
}
