//! `insights`: texts about a backtest, a sweep or two runs, with the facts they were written from.

use crate::db::{Db, Tx};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;

#[derive(Clone, Debug, Default, PartialEq, Serialize, sqlx::FromRow)]
pub struct InsightRow {
    pub id: String,
    pub job: String,
    pub about: String,
    pub subject: String,
    pub other: Option<String>,
    pub state: String,
    pub text: String,
    #[sqlx(json)]
    pub facts: Value,
    #[sqlx(json(nullable))]
    pub numbers: Option<Value>,
    pub unsupported: Option<i64>,
    pub model: Option<String>,
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub cost_usd: Option<f64>,
    pub error: Option<String>,
    pub created_ms: i64,
    pub finished_ms: Option<i64>,
}

/// Stores what a job has by now, instead of what it had.
pub async fn put(tx: &mut Tx, row: &InsightRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "insert into insights (id, job, about, subject, other, state, text, facts, numbers, unsupported, model, \
         input_tokens, output_tokens, cost_usd, error, created_ms, finished_ms) \
         values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17) on conflict (job) do update set \
         state = excluded.state, text = excluded.text, facts = excluded.facts, numbers = excluded.numbers, \
         unsupported = excluded.unsupported, model = excluded.model, input_tokens = excluded.input_tokens, \
         output_tokens = excluded.output_tokens, cost_usd = excluded.cost_usd, error = excluded.error, \
         finished_ms = excluded.finished_ms",
    )
    .bind(&row.id).bind(&row.job).bind(&row.about).bind(&row.subject).bind(&row.other).bind(&row.state)
    .bind(&row.text).bind(Json(&row.facts)).bind(row.numbers.as_ref().map(Json)).bind(row.unsupported)
    .bind(&row.model).bind(row.input_tokens).bind(row.output_tokens).bind(row.cost_usd).bind(&row.error)
    .bind(row.created_ms).bind(row.finished_ms)
    .execute(&mut *conn).await.map(|_| ()))
}

/// The latest about something; of a comparison both runs are named.
pub async fn latest(
    db: &Db,
    about: &str,
    subject: &str,
    other: Option<&str>,
) -> sqlx::Result<Option<InsightRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from insights where about = $1 and subject = $2 and coalesce(other, '') = coalesce(cast($3 as text), '') \
         order by created_ms desc, id desc limit 1",
    )
    .bind(about).bind(subject).bind(other).fetch_optional(pool).await)
}
