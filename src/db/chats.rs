//! `chat_threads`, `chat_messages` and `chat_parts`: what was asked, and the answer as far as it has come.

use crate::db::{Db, Tx};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;

/// A conversation, as the list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct ThreadRow {
    pub id: String,
    pub desk: String,
    pub title: String,
    pub created_by: String,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub messages: i64,
}

/// A question or an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, sqlx::FromRow)]
pub struct MessageRow {
    pub id: String,
    pub thread: String,
    pub n: i64,
    pub role: String,
    pub state: String,
    pub job: Option<String>,
    pub text: String,
    #[sqlx(json(nullable))]
    pub citations: Option<Value>,
    pub unsupported: Option<i64>,
    pub error: Option<String>,
    pub model: Option<String>,
    pub input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    pub cost_usd: Option<f64>,
    pub created_ms: i64,
    pub finished_ms: Option<i64>,
    /// State of the job that writes it; null once the job was pruned.
    pub job_state: Option<String>,
}

impl MessageRow {
    /// True as long as more of it may come: a job that ended without a word about it has stopped.
    pub fn is_open(&self) -> bool {
        let open = ["waiting", "running"].contains(&self.state.as_str());
        let ended = ["succeeded", "discarded", "cancelled"];
        let alive = self
            .job_state
            .as_deref()
            .is_some_and(|job| !ended.contains(&job));
        open && alive
    }
}

/// One piece of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, sqlx::FromRow)]
pub struct PartRow {
    pub message: String,
    pub n: i64,
    pub kind: String,
    pub text: String,
    pub tool: Option<String>,
    #[sqlx(json(nullable))]
    pub arguments: Option<Value>,
    #[sqlx(json(nullable))]
    pub result: Option<Value>,
    pub rows: Option<i64>,
    pub took_ms: Option<i64>,
    #[sqlx(json(nullable))]
    pub numbers: Option<Value>,
}

/// Makes the thread, or moves it to the front of the list.
pub async fn touch(tx: &mut Tx, thread: &ThreadRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "insert into chat_threads (id, desk, title, created_by, created_ms, updated_ms) values ($1, $2, $3, $4, $5, $6) \
         on conflict (id) do update set updated_ms = excluded.updated_ms",
    )
    .bind(&thread.id).bind(&thread.desk).bind(&thread.title).bind(&thread.created_by)
    .bind(thread.created_ms).bind(thread.updated_ms)
    .execute(&mut *conn).await.map(|_| ()))
}

/// The one of that id.
pub async fn thread(db: &Db, id: &str) -> sqlx::Result<Option<ThreadRow>> {
    read!(db, pool => sqlx::query_as(
        "select t.*, (select cast(count(*) as bigint) from chat_messages m where m.thread = t.id) as messages \
         from chat_threads t where t.id = $1",
    )
    .bind(id).fetch_optional(pool).await)
}

/// Those of a desk, the one that was used last first.
pub async fn threads(db: &Db, desk: &str, limit: i64) -> sqlx::Result<Vec<ThreadRow>> {
    read!(db, pool => sqlx::query_as(
        "select t.*, (select cast(count(*) as bigint) from chat_messages m where m.thread = t.id) as messages \
         from chat_threads t where t.desk = $1 order by t.updated_ms desc, t.id desc limit $2",
    )
    .bind(desk).bind(limit).fetch_all(pool).await)
}

/// Adds a question or an empty answer behind the others.
pub async fn add_message(tx: &mut Tx, row: &MessageRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "insert into chat_messages (id, thread, n, role, state, job, text, created_ms, finished_ms) \
         values ($1, $2, (select coalesce(max(n), 0) + 1 from chat_messages where thread = $2), $3, $4, $5, $6, $7, $8)",
    )
    .bind(&row.id).bind(&row.thread).bind(&row.role).bind(&row.state).bind(&row.job).bind(&row.text)
    .bind(row.created_ms).bind(row.finished_ms)
    .execute(&mut *conn).await.map(|_| ()))
}

const MESSAGE: &str = "select m.id, m.thread, m.n, m.role, m.state, m.job, m.text, m.citations, m.unsupported, m.error, \
    m.model, m.input_tokens, m.output_tokens, m.cost_usd, m.created_ms, m.finished_ms, j.state as job_state \
    from chat_messages m left join jobs j on j.id = m.job";

/// The one of that id.
pub async fn message(db: &Db, id: &str) -> sqlx::Result<Option<MessageRow>> {
    let sql = format!("{MESSAGE} where m.id = $1");
    read!(db, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id).fetch_optional(pool).await)
}

/// Every message of a thread in its order.
pub async fn messages(db: &Db, thread: &str) -> sqlx::Result<Vec<MessageRow>> {
    let sql = format!("{MESSAGE} where m.thread = $1 order by m.n");
    read!(db, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(thread).fetch_all(pool).await)
}

/// An attempt begins to write the answer: what an earlier one wrote is gone.
pub async fn begin_answer(tx: &mut Tx, id: &str) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query("delete from chat_drafts where message = $1 and state = 'drafted'")
        .bind(id).execute(&mut *conn).await.map(|_| ()))?;
    on!(tx, conn => sqlx::query("delete from chat_parts where message = $1")
        .bind(id).execute(&mut *conn).await.map(|_| ()))?;
    on!(tx, conn => sqlx::query("update chat_messages set state = 'running', text = '', error = null where id = $1")
        .bind(id).execute(&mut *conn).await.map(|_| ()))
}

/// The answer is what it will be.
pub async fn end_answer(tx: &mut Tx, row: &MessageRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "update chat_messages set state = $2, text = $3, citations = $4, unsupported = $5, error = $6, model = $7, \
         input_tokens = $8, output_tokens = $9, cost_usd = $10, finished_ms = $11 where id = $1",
    )
    .bind(&row.id).bind(&row.state).bind(&row.text).bind(row.citations.as_ref().map(Json)).bind(row.unsupported)
    .bind(&row.error).bind(&row.model).bind(row.input_tokens).bind(row.output_tokens).bind(row.cost_usd)
    .bind(row.finished_ms)
    .execute(&mut *conn).await.map(|_| ()))
}

/// Writes a part as it is by now.
pub async fn put_part(tx: &mut Tx, part: &PartRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "insert into chat_parts (message, n, kind, text, tool, arguments, result, rows, took_ms, numbers) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (message, n) do update set \
         text = excluded.text, result = excluded.result, rows = excluded.rows, took_ms = excluded.took_ms, \
         numbers = excluded.numbers",
    )
    .bind(&part.message).bind(part.n).bind(&part.kind).bind(&part.text).bind(&part.tool)
    .bind(part.arguments.as_ref().map(Json)).bind(part.result.as_ref().map(Json)).bind(part.rows)
    .bind(part.took_ms).bind(part.numbers.as_ref().map(Json))
    .execute(&mut *conn).await.map(|_| ()))
}

/// Parts of an answer from number `from` on.
pub async fn parts(db: &Db, message: &str, from: i64) -> sqlx::Result<Vec<PartRow>> {
    read!(db, pool => sqlx::query_as("select * from chat_parts where message = $1 and n >= $2 order by n")
        .bind(message).bind(from).fetch_all(pool).await)
}
