//! The `exports` and `export_files` tables: what an export reads, how far it is, what it made.

use super::{Db, Tx, json};
use serde::Serialize;
use serde_json::Value;
use sqlx::types::Json;

/// A new export, with everything that stays the same over its attempts.
#[derive(Clone, Debug)]
pub struct NewExport<'a> {
    pub job: &'a str,
    pub source: &'a str,
    pub kind: &'a str,
    pub format: &'a str,
    pub folder: &'a str,
    pub plan: &'a Value,
    pub at_ms: i64,
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ExportRow {
    pub job: String,
    pub state: String,
    pub error: Option<String>,
    pub source: String,
    pub kind: String,
    pub format: String,
    pub folder: String,
    plan: String,
    columns: Option<String>,
    lint: Option<String>,
    pub rows_expected: i64,
    pub rows: i64,
    pub bytes: i64,
    pub created_ms: i64,
    pub finished_ms: Option<i64>,
}

impl ExportRow {
    pub fn plan<T: serde::de::DeserializeOwned>(&self) -> sqlx::Result<T> {
        json::decode(&self.plan)
    }

    /// Columns and findings; `None` until the linter has run.
    pub fn linted<C, L>(&self) -> sqlx::Result<Option<(C, L)>>
    where
        C: serde::de::DeserializeOwned,
        L: serde::de::DeserializeOwned,
    {
        let both = self.columns.as_deref().zip(self.lint.as_deref());
        both.map(|(columns, lint)| Ok((json::decode(columns)?, json::decode(lint)?)))
            .transpose()
    }
}

/// A finished file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct ExportFile {
    #[serde(skip)]
    pub n: i64,
    #[serde(skip)]
    pub part: String,
    pub path: String,
    pub rows: i64,
    pub bytes: i64,
    pub sha256: String,
    /// JSON array: the key of its last row.
    #[serde(skip)]
    pub last_key: Option<String>,
}

const COLUMNS: &str = "job, state, error, source, kind, format, folder, cast(plan as text) as plan, \
    cast(columns as text) as columns, cast(lint as text) as lint, rows_expected, rows, bytes, created_ms, finished_ms";

pub async fn begin(tx: &mut Tx, new: &NewExport<'_>) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "insert into exports (job, state, source, kind, format, folder, plan, rows_expected, rows, bytes, \
         created_ms, updated_ms) values ($1, 'running', $2, $3, $4, $5, $6, 0, 0, 0, $7, $7)",
    )
    .bind(new.job).bind(new.source).bind(new.kind).bind(new.format).bind(new.folder)
    .bind(Json(new.plan)).bind(new.at_ms)
    .execute(&mut *conn).await.map(|_| ()))
}

pub async fn of_job(db: &Db, job: &str) -> sqlx::Result<Option<ExportRow>> {
    let sql = format!("select {COLUMNS} from exports where job = $1");
    read!(db, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(job).fetch_optional(pool).await)
}

/// The latest first.
pub async fn latest(db: &Db, limit: i64) -> sqlx::Result<Vec<ExportRow>> {
    let sql = format!("select {COLUMNS} from exports order by created_ms desc, job desc limit $1");
    read!(db, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(limit).fetch_all(pool).await)
}

/// Whose files are in a folder.
pub async fn owner_of(db: &Db, folder: &str) -> sqlx::Result<Option<String>> {
    read!(db, pool => sqlx::query_scalar("select job from exports where folder = $1 order by created_ms limit 1")
        .bind(folder).fetch_optional(pool).await)
}

/// Keeps what the linter found and how many rows it saw.
pub async fn linted(
    tx: &mut Tx,
    job: &str,
    columns: &Value,
    lint: &Value,
    rows: i64,
    at_ms: i64,
) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "update exports set columns = $2, lint = $3, rows_expected = $4, \
         updated_ms = $5 where job = $1",
    )
    .bind(job).bind(Json(columns)).bind(Json(lint)).bind(rows).bind(at_ms)
    .execute(&mut *conn).await.map(|_| ()))
}

/// Notes a finished file; one that was made again replaces the former.
pub async fn file_done(tx: &mut Tx, job: &str, file: &ExportFile, at_ms: i64) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "insert into export_files (job, n, part, path, rows, bytes, sha256, last_key) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (job, part, n) do update set path = excluded.path, \
         rows = excluded.rows, bytes = excluded.bytes, sha256 = excluded.sha256, last_key = excluded.last_key",
    )
    .bind(job).bind(file.n).bind(&file.part).bind(&file.path).bind(file.rows).bind(file.bytes)
    .bind(&file.sha256).bind(&file.last_key)
    .execute(&mut *conn).await.map(|_| ()))?;
    on!(tx, conn => sqlx::query(
        "update exports set rows = (select coalesce(cast(sum(rows) as bigint), 0) from export_files where job = $1), \
         bytes = (select coalesce(cast(sum(bytes) as bigint), 0) from export_files where job = $1), \
         updated_ms = $2 where job = $1",
    )
    .bind(job).bind(at_ms).execute(&mut *conn).await.map(|_| ()))
}

/// Finished files of a job, part by part, in the order in which they were written.
pub async fn files(db: &Db, job: &str) -> sqlx::Result<Vec<ExportFile>> {
    read!(db, pool => sqlx::query_as(
        "select n, part, path, rows, bytes, sha256, last_key from export_files where job = $1 \
         order by case part when 'train' then 0 when 'validation' then 1 else 2 end, part, n",
    )
    .bind(job).fetch_all(pool).await)
}

/// Files of a part from number `from` on are not there any more.
pub async fn forget_files(tx: &mut Tx, job: &str, part: &str, from: i64) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query("delete from export_files where job = $1 and part = $2 and n >= $3")
        .bind(job).bind(part).bind(from).execute(&mut *conn).await.map(|_| ()))
}

/// Another attempt has begun.
pub async fn resume(tx: &mut Tx, job: &str, at_ms: i64) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "update exports set state = 'running', error = null, updated_ms = $2, finished_ms = null where job = $1",
    )
    .bind(job).bind(at_ms).execute(&mut *conn).await.map(|_| ()))
}

/// `done`, `stopped` or `failed`.
pub async fn end(
    tx: &mut Tx,
    job: &str,
    state: &str,
    error: Option<&str>,
    at_ms: i64,
) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "update exports set state = $2, error = $3, updated_ms = $4, finished_ms = $4 where job = $1",
    )
    .bind(job).bind(state).bind(error).bind(at_ms).execute(&mut *conn).await.map(|_| ()))
}

/// How a dataset describes itself: settings, features, actions, rewards, splits; `None` when it is not there.
pub async fn dataset(db: &Db, id: &str) -> sqlx::Result<Option<Value>> {
    let found: Option<Description> = read!(db, pool => sqlx::query_as(
        "select state, source, from_ms, to_ms, underlyings, profiles, policy, policy_version, mode, exit_style, \
         fill_model, fee_model, seed, config_hash, code_version, feature_version, cast(features as text) as features, \
         cast(actions as text) as actions, reward_definition, cast(rewards as text) as rewards, \
         cast(splits as text) as splits, cast(fingerprints as text) as fingerprints, discount_per_day \
         from training_datasets where id = $1",
    )
    .bind(id).fetch_optional(pool).await)?;
    found.map(|found| found.document(id)).transpose()
}

/// Ids of the latest datasets, for errors and forms.
pub async fn dataset_ids(db: &Db, limit: i64) -> sqlx::Result<Vec<String>> {
    read!(db, pool => sqlx::query_scalar("select id from training_datasets order by created_ms desc, id desc limit $1")
        .bind(limit).fetch_all(pool).await)
}

/// Number of the last row of a dataset; -1 when it has none.
pub async fn last_row(db: &Db, dataset: &str) -> sqlx::Result<i64> {
    read!(db, pool => sqlx::query_scalar("select coalesce(max(n), -1) from training_rows where dataset = $1")
        .bind(dataset).fetch_one(pool).await)
}

#[derive(Debug, sqlx::FromRow)]
struct Description {
    state: String,
    source: String,
    from_ms: i64,
    to_ms: i64,
    underlyings: String,
    profiles: String,
    policy: String,
    policy_version: String,
    mode: String,
    exit_style: String,
    fill_model: String,
    fee_model: String,
    seed: String,
    config_hash: String,
    code_version: String,
    feature_version: String,
    features: String,
    actions: String,
    reward_definition: String,
    rewards: String,
    splits: String,
    fingerprints: String,
    discount_per_day: f64,
}

impl Description {
    fn document(self, id: &str) -> sqlx::Result<Value> {
        let exact = |text: &str| json::decode::<Value>(text);
        Ok(serde_json::json!({
            "id": id, "state": self.state, "source": self.source, "from_ms": self.from_ms, "to_ms": self.to_ms,
            "underlyings": self.underlyings, "profiles": self.profiles, "policy": self.policy,
            "policy_version": self.policy_version, "mode": self.mode, "exit_style": self.exit_style,
            "fill_model": self.fill_model, "fee_model": self.fee_model, "seed": self.seed,
            "config_hash": self.config_hash, "code_version": self.code_version,
            "feature_version": self.feature_version, "features": exact(&self.features)?,
            "actions": exact(&self.actions)?, "reward_definition": self.reward_definition,
            "rewards": exact(&self.rewards)?, "splits": exact(&self.splits)?,
            "fingerprints": exact(&self.fingerprints)?, "discount_per_day": self.discount_per_day,
        }))
    }
}
