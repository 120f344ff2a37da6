//! Every call of a language model: exact bytes both ways, what it cost and what became of the answer.

use crate::db::{Db, Tx};

/// One row of `llm_calls`.
#[derive(Clone, Debug, Default, PartialEq, sqlx::FromRow)]
pub struct LlmCallRow {
    pub id: String,
    pub job: String,
    pub desk: String,
    pub purpose: String,
    pub decision: Option<String>,
    pub backtest: Option<String>,
    pub thread: Option<String>,
    pub underlying: Option<String>,
    pub as_of_ms: Option<i64>,
    pub created_ms: i64,
    pub model: String,
    pub model_answered: Option<String>,
    pub structured_mode: String,
    pub prompt_version: String,
    pub prompt_hash: String,
    pub request_hash: String,
    pub request: Vec<u8>,
    pub response: Vec<u8>,
    pub status: Option<i64>,
    pub outcome: String,
    pub error: Option<String>,
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub price_version: String,
    pub cost_usd: Option<f64>,
    pub latency_ms: i64,
    pub attempts: i64,
    pub snapshot_hash: Option<String>,
    pub llm_action: Option<String>,
    pub rule_action: Option<String>,
    pub verdict: Option<String>,
    pub final_action: Option<String>,
}

/// What became of an answer; what is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Became {
    /// Overrides the outcome: an answer in form that the limits refused is `risk_rejected`.
    pub outcome: Option<String>,
    pub error: Option<String>,
    pub llm_action: Option<String>,
    pub rule_action: Option<String>,
    pub verdict: Option<String>,
    pub final_action: Option<String>,
    pub decision: Option<String>,
}

/// How the calls of a while ended.
#[derive(Clone, Debug, Default, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct Health {
    pub calls: i64,
    pub failed: i64,
    pub cost_usd: Option<f64>,
    /// Answered calls whose cost is unknown.
    pub unpriced: i64,
}

pub async fn insert(tx: &mut Tx, row: &LlmCallRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "insert into llm_calls (id, job, desk, purpose, decision, backtest, thread, underlying, as_of_ms, created_ms, \
         model, model_answered, structured_mode, prompt_version, prompt_hash, request_hash, request, response, \
         status, outcome, error, input_tokens, output_tokens, price_version, cost_usd, latency_ms, attempts, \
         snapshot_hash, llm_action, rule_action, verdict, final_action) \
         values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,\
         $27,$28,$29,$30,$31,$32)",
    )
    .bind(&row.id).bind(&row.job).bind(&row.desk).bind(&row.purpose).bind(&row.decision).bind(&row.backtest)
    .bind(&row.thread).bind(&row.underlying).bind(row.as_of_ms).bind(row.created_ms).bind(&row.model)
    .bind(&row.model_answered).bind(&row.structured_mode).bind(&row.prompt_version).bind(&row.prompt_hash)
    .bind(&row.request_hash).bind(&row.request).bind(&row.response).bind(row.status).bind(&row.outcome)
    .bind(&row.error).bind(row.input_tokens).bind(row.output_tokens).bind(&row.price_version).bind(row.cost_usd)
    .bind(row.latency_ms).bind(row.attempts).bind(&row.snapshot_hash).bind(&row.llm_action)
    .bind(&row.rule_action).bind(&row.verdict).bind(&row.final_action)
    .execute(&mut *conn).await.map(|_| ()))
}

/// Notes what became of an answer; false when there is no such call.
pub async fn became(tx: &mut Tx, id: &str, what: &Became) -> sqlx::Result<bool> {
    on!(tx, conn => sqlx::query(
        "update llm_calls set outcome = coalesce($2, outcome), error = coalesce($3, error), \
         llm_action = coalesce($4, llm_action), rule_action = coalesce($5, rule_action), \
         verdict = coalesce($6, verdict), final_action = coalesce($7, final_action), \
         decision = coalesce($8, decision) where id = $1",
    )
    .bind(id).bind(&what.outcome).bind(&what.error).bind(&what.llm_action).bind(&what.rule_action)
    .bind(&what.verdict).bind(&what.final_action).bind(&what.decision)
    .execute(&mut *conn).await.map(|done| done.rows_affected() == 1))
}

pub async fn get(db: &Db, id: &str) -> sqlx::Result<Option<LlmCallRow>> {
    read!(db, pool => sqlx::query_as("select * from llm_calls where id = $1")
        .bind(id).fetch_optional(pool).await)
}

/// What a replay takes for the answer to this request: the last one that came, or else how the last call
/// failed. Calls that were never sent, or that a person stopped, answer nothing.
pub async fn answer_to(db: &Db, hash: &str) -> sqlx::Result<Option<LlmCallRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from llm_calls where request_hash = $1 and attempts > 0 and outcome <> 'cancelled' \
         order by case when outcome in ('timeout', 'http_error') then 1 else 0 end, created_ms desc, id desc limit 1",
    )
    .bind(hash).fetch_optional(pool).await)
}

/// The answer that a decision has had to this request, whoever asked it: a tick, its council, or an attempt of
/// either that failed later. No answer came where a call failed, and it may be asked again.
pub async fn answer_about(db: &Db, decision: &str, hash: &str) -> sqlx::Result<Option<LlmCallRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from llm_calls where decision = $1 and request_hash = $2 and attempts > 0 \
         and outcome not in ('cancelled', 'timeout', 'http_error') order by created_ms desc, id desc limit 1",
    )
    .bind(decision).bind(hash).fetch_optional(pool).await)
}

/// The calls about a decision, in the order they were made; those whose answers counted are the last.
pub async fn of_decision(db: &Db, decision: &str) -> sqlx::Result<Vec<LlmCallRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from llm_calls where decision = $1 \
         order by case when final_action is null then 0 else 1 end, created_ms, id",
    )
        .bind(decision).fetch_all(pool).await)
}

/// What the calls of a job cost so far, USD, and how many of the answered have no known cost.
pub async fn spent_by_job(db: &Db, job: &str) -> sqlx::Result<(f64, i64)> {
    read!(db, pool => sqlx::query_as(
        "select coalesce(sum(cost_usd), cast(0 as double precision)), \
         count(case when attempts > 0 and cost_usd is null then 1 end) from llm_calls where job = $1",
    )
    .bind(job).fetch_one(pool).await)
}

/// The calls of a backtest that ended in one way.
#[derive(Clone, Debug, Default, PartialEq, sqlx::FromRow)]
pub struct Ended {
    pub outcome: String,
    pub calls: i64,
    /// Of those whose cost is known.
    pub cost_usd: Option<f64>,
    /// Sent calls whose cost is unknown.
    pub unpriced: i64,
    /// Of one of them.
    pub error: Option<String>,
}

/// How the questions of a backtest ended, by outcome; a run with answers out of the ledger has none.
pub async fn of_backtest(db: &Db, backtest: &str) -> sqlx::Result<Vec<Ended>> {
    read!(db, pool => sqlx::query_as(
        "select outcome, count(*) as calls, sum(cost_usd) as cost_usd, \
         count(case when attempts > 0 and cost_usd is null then 1 end) as unpriced, max(error) as error \
         from llm_calls where backtest = $1 and purpose = 'decision' group by outcome order by outcome",
    )
    .bind(backtest).fetch_all(pool).await)
}

/// Desk time of the last call; `None` when nothing was ever asked.
pub async fn last_ms(db: &Db) -> sqlx::Result<Option<i64>> {
    read!(db, pool => sqlx::query_scalar("select max(created_ms) from llm_calls")
        .fetch_one(pool).await)
}

/// How the calls asked from an instant on ended; of all desks, since one bill is paid for all of them.
pub async fn health(db: &Db, from_ms: i64, to_ms: i64) -> sqlx::Result<Health> {
    read!(db, pool => sqlx::query_as(
        "select count(*) as calls, \
         count(case when outcome not in ('ok', 'risk_rejected', 'cancelled') then 1 end) as failed, \
         sum(cost_usd) as cost_usd, \
         count(case when attempts > 0 and cost_usd is null then 1 end) as unpriced \
         from llm_calls where created_ms >= $1 and created_ms < $2",
    )
    .bind(from_ms).bind(to_ms).fetch_one(pool).await)
}
