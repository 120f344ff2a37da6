//! The `evaluations` table: what a policy would have earned on a dataset, by estimate.

use crate::db::{Db, Tx};

/// One row of `evaluations`; estimates are per episode.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct EvaluationRow {
    pub id: String,
    pub job: String,
    pub dataset: String,
    pub policy: String,
    pub split: String,
    pub reward: String,
    pub reward_definition: String,
    pub episodes: i64,
    pub draws: i64,
    pub logged: Option<f64>,
    pub ips: Option<f64>,
    pub ips_low: Option<f64>,
    pub ips_high: Option<f64>,
    pub snips: Option<f64>,
    pub snips_low: Option<f64>,
    pub snips_high: Option<f64>,
    pub dr: Option<f64>,
    pub dr_low: Option<f64>,
    pub dr_high: Option<f64>,
    pub level: f64,
    pub resamples: i64,
    pub seed: String,
    pub effective_sample_size: f64,
    pub max_weight: f64,
    pub uncovered: f64,
    pub overlap_warning: Option<String>,
    pub config_hash: String,
    pub code_version: String,
    pub created_ms: i64,
    /// The only underlying and the only profile that were counted.
    pub underlying: Option<String>,
    pub profile: Option<String>,
}

/// Stores an estimate; a repeated attempt of the job replaces its own.
pub async fn insert(tx: &mut Tx, row: &EvaluationRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query("delete from evaluations where job = $1")
        .bind(&row.job).execute(&mut *conn).await.map(|_| ()))?;
    on!(tx, conn => sqlx::query(
        "insert into evaluations (id, job, dataset, policy, split, reward, reward_definition, episodes, draws, logged, \
         ips, ips_low, ips_high, snips, snips_low, snips_high, dr, dr_low, dr_high, level, resamples, seed, \
         effective_sample_size, max_weight, uncovered, overlap_warning, config_hash, code_version, created_ms, \
         underlying, profile) \
         values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,\
         $28,$29,$30,$31)",
    )
    .bind(&row.id).bind(&row.job).bind(&row.dataset).bind(&row.policy).bind(&row.split).bind(&row.reward)
    .bind(&row.reward_definition).bind(row.episodes).bind(row.draws).bind(row.logged)
    .bind(row.ips).bind(row.ips_low).bind(row.ips_high).bind(row.snips).bind(row.snips_low).bind(row.snips_high)
    .bind(row.dr).bind(row.dr_low).bind(row.dr_high).bind(row.level).bind(row.resamples).bind(&row.seed)
    .bind(row.effective_sample_size).bind(row.max_weight).bind(row.uncovered).bind(&row.overlap_warning)
    .bind(&row.config_hash).bind(&row.code_version).bind(row.created_ms)
    .bind(&row.underlying).bind(&row.profile)
    .execute(&mut *conn).await.map(|_| ()))
}

/// The newest estimates, or those of one dataset, newest first.
pub async fn evaluations(
    db: &Db,
    dataset: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<EvaluationRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from evaluations where cast($1 as text) is null or dataset = cast($1 as text) \
         order by created_ms desc, id desc limit $2",
    )
    .bind(dataset).bind(limit).fetch_all(pool).await)
}
