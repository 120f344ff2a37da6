//! The `decisions` table: one row per tick and underlying, failed ticks included.

use crate::db::{Db, Tx, bulk, json};
use crate::domain::coin::Coin;
use crate::domain::context::Context;
use sqlx::types::Json;

/// One row of `decisions`; `context` is everything the policy saw besides the chain.
#[derive(Clone, Debug, Default, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct DecisionRow {
    pub id: String,
    pub desk: String,
    pub job: String,
    pub underlying: String,
    pub as_of_ms: i64,
    pub proposed_action: String,
    pub final_action: String,
    pub instrument: Option<String>,
    pub rolled_from: Option<String>,
    pub size_e8: Option<i64>,
    pub source: String,
    pub policy: String,
    pub policy_version: String,
    pub mode: String,
    pub reason: String,
    pub propensity: f64,
    pub explored: bool,
    pub seed: String,
    pub config_hash: String,
    pub code_version: String,
    pub risk_verdict: String,
    pub refusal: Option<String>,
    pub error: Option<String>,
    pub snapshot_source: Option<String>,
    pub snapshot_at_ms: Option<i64>,
    pub index_price: Option<f64>,
    pub regime: Option<String>,
    pub candidates: i64,
    pub passed: i64,
    pub context: Json<serde_json::Value>,
}

/// Which decisions to list; an empty field lets all pass. Newest first.
#[derive(Clone, Debug)]
pub struct DecisionFilter {
    pub desk: String,
    pub underlying: Option<String>,
    /// Final action.
    pub action: Option<String>,
    pub source: Option<String>,
    pub verdict: Option<String>,
    /// Decisions of one job.
    pub job: Option<String>,
    /// True: runs of DO_NOTHING are left out, refusals and errors stay.
    pub acted_only: bool,
    /// Cursor: only ids below this one.
    pub before: Option<String>,
    pub limit: i64,
}

impl DecisionFilter {
    /// The newest `limit` decisions of a desk.
    pub fn of(desk: &str, limit: i64) -> Self {
        Self {
            desk: desk.to_owned(),
            underlying: None,
            action: None,
            source: None,
            verdict: None,
            job: None,
            acted_only: false,
            before: None,
            limit,
        }
    }
}

pub async fn insert(tx: &mut Tx, row: &DecisionRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "insert into decisions (id, desk, job, underlying, as_of_ms, proposed_action, final_action, \
         instrument, rolled_from, size_e8, source, policy, policy_version, mode, reason, propensity, \
         explored, seed, config_hash, code_version, risk_verdict, refusal, error, snapshot_source, \
         snapshot_at_ms, index_price, regime, candidates, passed, context) values ($1,$2,$3,$4,$5,$6,$7,\
         $8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,$28,$29,$30)",
    )
    .bind(&row.id).bind(&row.desk).bind(&row.job).bind(&row.underlying).bind(row.as_of_ms)
    .bind(&row.proposed_action).bind(&row.final_action).bind(&row.instrument)
    .bind(&row.rolled_from).bind(row.size_e8).bind(&row.source).bind(&row.policy)
    .bind(&row.policy_version).bind(&row.mode).bind(&row.reason).bind(row.propensity)
    .bind(row.explored).bind(&row.seed).bind(&row.config_hash).bind(&row.code_version)
    .bind(&row.risk_verdict).bind(&row.refusal).bind(&row.error).bind(&row.snapshot_source)
    .bind(row.snapshot_at_ms).bind(bulk::float(row.index_price)).bind(&row.regime)
    .bind(row.candidates).bind(row.passed).bind(&row.context)
    .execute(&mut *conn).await.map(|_| ()))
}

pub async fn get(db: &Db, id: &str) -> sqlx::Result<Option<DecisionRow>> {
    read!(db, pool => sqlx::query_as("select * from decisions where id = $1")
        .bind(id).fetch_optional(pool).await)
}

/// The context of a decision with every float exact; its chain is not in it.
pub async fn context(db: &Db, id: &str) -> sqlx::Result<Option<Context>> {
    let text: Option<String> = read!(db, pool => sqlx::query_scalar(
        "select cast(context as text) from decisions where id = $1 and error is null",
    )
    .bind(id).fetch_optional(pool).await)?;
    text.map(|text| json::decode(&text)).transpose()
}

pub async fn list(db: &Db, filter: &DecisionFilter) -> sqlx::Result<Vec<DecisionRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from decisions where desk = $1 and ($2 is null or underlying = $2) \
         and ($3 is null or final_action = $3) and ($4 is null or source = $4) \
         and ($5 is null or risk_verdict = $5) and ($6 is null or job = $6) \
         and (not $7 or final_action <> 'DO_NOTHING' or risk_verdict in ('refused', 'error')) \
         and ($8 is null or id < $8) order by id desc limit $9",
    )
    .bind(&filter.desk).bind(&filter.underlying).bind(&filter.action).bind(&filter.source)
    .bind(&filter.verdict).bind(&filter.job).bind(filter.acted_only).bind(&filter.before)
    .bind(filter.limit).fetch_all(pool).await)
}

/// All decisions of a desk from oldest to newest, for digests and checks.
pub async fn all(db: &Db, desk: &str) -> sqlx::Result<Vec<DecisionRow>> {
    read!(db, pool => sqlx::query_as("select * from decisions where desk = $1 order by id")
        .bind(desk).fetch_all(pool).await)
}

/// Decisions of one underlying in `[from_ms, to_ms]`, oldest first.
pub async fn between(
    db: &Db,
    desk: &str,
    coin: Coin,
    from_ms: i64,
    to_ms: i64,
) -> sqlx::Result<Vec<DecisionRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from decisions where desk = $1 and underlying = $2 and as_of_ms between $3 and $4 \
         order by as_of_ms, id",
    )
    .bind(desk).bind(coin.as_str()).bind(from_ms).bind(to_ms).fetch_all(pool).await)
}

/// A tick as far as others go on from it; `error` is why nobody decided.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct TickRow {
    pub id: String,
    pub as_of_ms: i64,
    pub error: Option<String>,
    pub snapshot_source: Option<String>,
    pub snapshot_at_ms: Option<i64>,
}

/// Ticks of one underlying from `from_ms` on, failed ones included, oldest first; what a person decided is
/// no tick.
pub async fn ticks(db: &Db, desk: &str, coin: Coin, from_ms: i64) -> sqlx::Result<Vec<TickRow>> {
    read!(db, pool => sqlx::query_as(
        "select id, as_of_ms, error, snapshot_source, snapshot_at_ms from decisions \
         where desk = $1 and underlying = $2 and as_of_ms >= $3 and source <> 'manual' order by as_of_ms, id",
    )
    .bind(desk).bind(coin.as_str()).bind(from_ms).fetch_all(pool).await)
}

/// The id of the newest decision of a desk.
pub async fn newest_id(db: &Db, desk: &str) -> sqlx::Result<Option<String>> {
    read!(db, pool => sqlx::query_scalar(
        "select id from decisions where desk = $1 order by id desc limit 1")
        .bind(desk).fetch_optional(pool).await)
}

/// The instant of the newest decision of a desk; `None` before the first.
pub async fn last_as_of_ms(db: &Db, desk: &str) -> sqlx::Result<Option<i64>> {
    read!(db, pool => sqlx::query_scalar(
        "select as_of_ms from decisions where desk = $1 order by id desc limit 1",
    )
    .bind(desk).fetch_optional(pool).await)
}
