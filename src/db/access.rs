//! Who may use the page and the API: login links, hashed tokens, installation keys, the audit trail.
//!
//! Times here are wall time: access has nothing to do with the desk's market.

use crate::clock::Clock;
use crate::db::{Db, Tx};
use sqlx::types::Json;

/// A token's hash and the name it is shown under; the token itself is stored nowhere.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct TokenRow {
    pub hash: String,
    pub name: String,
}

/// A token that is not revoked, as `thetaq token list` shows it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct TokenName {
    pub name: String,
    pub created_ms: i64,
    /// Within a minute; null before the first use.
    pub last_used_ms: Option<i64>,
}

/// One action of a person or a program.
#[derive(Clone, Debug, sqlx::FromRow, serde::Serialize)]
pub struct AuditRow {
    pub id: String,
    pub at_ms: i64,
    pub actor: String,
    pub action: String,
    pub target: Option<String>,
    pub detail: Json<serde_json::Value>,
}

/// The key of that name, made from `fresh` when this is the first start of the installation.
pub async fn key(db: &Db, name: &str, fresh: &[u8], at_ms: i64) -> sqlx::Result<Vec<u8>> {
    if let Some(found) = stored_key(db, name).await? {
        return Ok(found);
    }
    let mut tx = db.begin().await?;
    on!(tx, conn => sqlx::query("insert into keys (name, value, created_ms) values ($1, $2, $3) on conflict (name) do nothing")
        .bind(name).bind(fresh).bind(at_ms).execute(&mut *conn).await?.rows_affected());
    tx.commit().await?;
    // Another process may have been first: what is stored counts.
    stored_key(db, name).await?.ok_or(sqlx::Error::RowNotFound)
}

async fn stored_key(db: &Db, name: &str) -> sqlx::Result<Option<Vec<u8>>> {
    read!(db, pool => sqlx::query_scalar("select value from keys where name = $1").bind(name).fetch_optional(pool).await)
}

/// Remembers a login link by the hash of its token.
pub async fn insert_login(
    tx: &mut Tx,
    hash: &str,
    at_ms: i64,
    expires_ms: i64,
) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query("insert into logins (hash, created_ms, expires_ms) values ($1, $2, $3)")
        .bind(hash).bind(at_ms).bind(expires_ms).execute(&mut *conn).await?.rows_affected());
    Ok(())
}

/// Uses a login link up; false when it is unknown, used or too old.
pub async fn use_login(tx: &mut Tx, hash: &str, at_ms: i64) -> sqlx::Result<bool> {
    let rows = on!(tx, conn => sqlx::query(
        "update logins set used_ms = $2 where hash = $1 and used_ms is null and expires_ms > $2")
        .bind(hash).bind(at_ms).execute(&mut *conn).await?.rows_affected());
    Ok(rows == 1)
}

pub async fn insert_token(tx: &mut Tx, token: &TokenRow, at_ms: i64) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query("insert into tokens (hash, name, created_ms) values ($1, $2, $3)")
        .bind(&token.hash).bind(&token.name).bind(at_ms).execute(&mut *conn).await?.rows_affected());
    Ok(())
}

/// Every token that is not revoked.
pub async fn tokens(db: &Db) -> sqlx::Result<Vec<TokenRow>> {
    read!(db, pool => sqlx::query_as("select hash, name from tokens where revoked_ms is null order by hash").fetch_all(pool).await)
}

/// Remembers that a token was used, at most once a minute: reading the API shall not mean writing.
pub async fn token_used(db: &Db, hash: &str, at_ms: i64) -> sqlx::Result<()> {
    let known: Option<i64> = read!(db, pool => sqlx::query_scalar(
        "select coalesce(last_used_ms, 0) from tokens where hash = $1").bind(hash).fetch_optional(pool).await)?;
    if known.is_none_or(|last_ms| at_ms < last_ms + 60_000) {
        return Ok(());
    }
    let mut tx = db.begin().await?;
    on!(tx, conn => sqlx::query("update tokens set last_used_ms = $2 where hash = $1")
        .bind(hash).bind(at_ms).execute(&mut *conn).await.map(drop))?;
    tx.commit().await
}

/// Names of the tokens that are not revoked, the oldest first.
pub async fn token_names(db: &Db) -> sqlx::Result<Vec<TokenName>> {
    read!(db, pool => sqlx::query_as("select name, created_ms, last_used_ms from tokens where revoked_ms is null order by created_ms, name")
        .fetch_all(pool).await)
}

/// Revokes the tokens of that name; how many there were.
pub async fn revoke_tokens(tx: &mut Tx, name: &str, at_ms: i64) -> sqlx::Result<u64> {
    Ok(
        on!(tx, conn => sqlx::query("update tokens set revoked_ms = $2 where name = $1 and revoked_ms is null")
        .bind(name).bind(at_ms).execute(&mut *conn).await?.rows_affected()),
    )
}

/// Remembers that a dashboard listens on an address from now on.
pub async fn dashboard_started(tx: &mut Tx, address: &str, at_ms: i64) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "insert into dashboards (address, started_ms) values ($1, $2) \
         on conflict (address) do update set started_ms = excluded.started_ms, stopped_ms = null")
        .bind(address).bind(at_ms).execute(&mut *conn).await.map(drop))
}

/// Remembers that a dashboard stopped as it should.
pub async fn dashboard_stopped(tx: &mut Tx, address: &str, at_ms: i64) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query("update dashboards set stopped_ms = $2 where address = $1")
        .bind(address).bind(at_ms).execute(&mut *conn).await.map(drop))
}

/// Addresses of dashboards that did not stop, the latest start first; a crashed one is among them.
pub async fn dashboards(db: &Db) -> sqlx::Result<Vec<String>> {
    read!(db, pool => sqlx::query_scalar(
        "select address from dashboards where stopped_ms is null order by started_ms desc, address")
        .fetch_all(pool).await)
}

/// Writes one line of the audit trail, in the transaction of the action it speaks of.
pub async fn audit(
    tx: &mut Tx,
    clock: &Clock,
    actor: &str,
    action: &str,
    target: Option<&str>,
    detail: serde_json::Value,
) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query("insert into audit (id, at_ms, actor, action, target, detail) values ($1, $2, $3, $4, $5, $6)")
        .bind(clock.id()).bind(clock.wall_ms()).bind(actor).bind(action).bind(target).bind(Json(detail))
        .execute(&mut *conn).await?.rows_affected());
    Ok(())
}

/// The latest actions of one name, newest first.
pub async fn audits_of(db: &Db, action: &str, limit: i64) -> sqlx::Result<Vec<AuditRow>> {
    read!(db, pool => sqlx::query_as(
        "select id, at_ms, actor, action, target, detail from audit where action = $1 order by at_ms desc, id desc limit $2")
        .bind(action).bind(limit).fetch_all(pool).await)
}

/// The latest actions, newest first.
pub async fn audits(db: &Db, limit: i64) -> sqlx::Result<Vec<AuditRow>> {
    read!(db, pool => sqlx::query_as("select id, at_ms, actor, action, target, detail from audit order by at_ms desc, id desc limit $1")
        .bind(limit).fetch_all(pool).await)
}
