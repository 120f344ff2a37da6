//! The `configs` table: every distinct set of settings a decision was made with, by its hash.

use crate::db::{Db, Tx, json};
use crate::domain::settings::Settings;
use sha2::{Digest as _, Sha256};

/// The first 16 hexadecimal digits of the SHA-256 of the settings' canonical text.
pub fn hash(settings: &Settings) -> String {
    let text = json::canonical(settings).expect("settings are plain numbers and names");
    digest(&text)
}

/// 16 hexadecimal digits that stand for a text.
pub fn digest(text: &str) -> String {
    let bytes = Sha256::digest(text.as_bytes());
    let leading = bytes.first_chunk().expect("a digest has 32 bytes");
    format!("{:016x}", u64::from_be_bytes(*leading))
}

/// Stores the settings under their hash, once; gives the hash.
pub async fn keep(tx: &mut Tx, settings: &Settings, at_ms: i64) -> sqlx::Result<String> {
    let hash = hash(settings);
    on!(tx, conn => sqlx::query(
        "insert into configs (hash, settings, created_ms) values ($1, $2, $3) on conflict (hash) do nothing",
    )
    .bind(&hash).bind(sqlx::types::Json(settings)).bind(at_ms)
    .execute(&mut *conn).await.map(|_| ()))?;
    Ok(hash)
}

/// The settings of a decision's `config_hash`.
pub async fn get(db: &Db, hash: &str) -> sqlx::Result<Option<Settings>> {
    let text: Option<String> = read!(db, pool => sqlx::query_scalar(
        "select cast(settings as text) from configs where hash = $1",
    )
    .bind(hash).fetch_optional(pool).await)?;
    text.map(|text| json::decode(&text)).transpose()
}
