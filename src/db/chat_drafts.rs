//! `chat_drafts`: jobs that an answer proposes and a person starts, or does not.

use crate::db::{Db, Tx};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;

#[derive(Clone, Debug, Default, PartialEq, Serialize, sqlx::FromRow)]
pub struct DraftRow {
    pub id: String,
    pub message: String,
    pub kind: String,
    #[sqlx(json)]
    pub args: Value,
    pub why: String,
    pub state: String,
    pub job: Option<String>,
    pub decided_by: Option<String>,
    pub created_ms: i64,
    pub decided_ms: Option<i64>,
}

pub async fn insert(tx: &mut Tx, row: &DraftRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "insert into chat_drafts (id, message, kind, args, why, state, created_ms) \
         values ($1, $2, $3, $4, $5, 'drafted', $6)",
    )
    .bind(&row.id).bind(&row.message).bind(&row.kind).bind(Json(&row.args)).bind(&row.why).bind(row.created_ms)
    .execute(&mut *conn).await.map(|_| ()))
}

pub async fn get(db: &Db, id: &str) -> sqlx::Result<Option<DraftRow>> {
    read!(db, pool => sqlx::query_as("select * from chat_drafts where id = $1")
        .bind(id).fetch_optional(pool).await)
}

/// A person's word about a draft; false when somebody was faster.
pub async fn decide(tx: &mut Tx, row: &DraftRow) -> sqlx::Result<bool> {
    let rows = on!(tx, conn => sqlx::query(
        "update chat_drafts set state = $2, job = $3, decided_by = $4, decided_ms = $5 \
         where id = $1 and state = 'drafted'",
    )
    .bind(&row.id).bind(&row.state).bind(&row.job).bind(&row.decided_by).bind(row.decided_ms)
    .execute(&mut *conn).await?.rows_affected());
    Ok(rows == 1)
}

/// Drafts of one answer.
pub async fn of_message(db: &Db, message: &str) -> sqlx::Result<Vec<DraftRow>> {
    read!(db, pool => sqlx::query_as("select * from chat_drafts where message = $1 order by id")
        .bind(message).fetch_all(pool).await)
}
