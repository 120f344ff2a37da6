//! Sweeps and their runs: a row when one begins, a row for each setting tried, the judgement at its end.

mod document;
mod runs;

pub use document::document;
pub use runs::{FIGURES, Figure, NewRun, RunRow, insert_runs, numbers, run, runs, tried};

use crate::backtest::Stamp;
use crate::backtest::sweep::{Currency, Judgement, Plan, WalkForwardDays};
use crate::db::{Db, Tx, bulk};
use serde_json::{Map, Value};
use sqlx::types::Json;

/// One row of `sweeps`; JSON columns are text.
#[derive(Clone, Debug, Default, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct SweepRow {
    pub id: String,
    pub job: String,
    /// `running`, `done`, `stopped` or `failed`.
    pub state: String,
    pub error: Option<String>,
    pub underlying: String,
    pub source: String,
    pub from_ms: i64,
    pub to_ms: i64,
    pub search: String,
    pub currency: String,
    pub plan: String,
    pub settings: String,
    pub market_seed: Option<String>,
    pub walk_forward: Option<String>,
    pub code_version: String,
    pub fingerprint: String,
    pub snapshots: i64,
    pub quotes: i64,
    pub shares: String,
    pub runs: i64,
    pub refused: i64,
    pub runs_done: i64,
    pub runs_failed: i64,
    pub deflated_sharpe: Option<f64>,
    pub overfit_probability: Option<f64>,
    pub statistics: Option<String>,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub finished_ms: Option<i64>,
}

const COLUMNS: &str = "id, job, state, error, underlying, source, from_ms, to_ms, search, currency, \
    cast(plan as text) as plan, cast(settings as text) as settings, market_seed, \
    cast(walk_forward as text) as walk_forward, code_version, fingerprint, snapshots, quotes, \
    cast(shares as text) as shares, runs, refused, runs_done, runs_failed, deflated_sharpe, \
    overfit_probability, cast(statistics as text) as statistics, created_ms, updated_ms, finished_ms";

/// What a sweep is before its first run.
#[derive(Clone, Debug)]
pub struct NewSweep<'a> {
    pub id: &'a str,
    pub job: &'a str,
    /// As the job names it; the data's own name may hold a seed.
    pub source: &'a str,
    pub market_seed: Option<&'a str>,
    pub underlying: &'a str,
    pub plan: &'a Plan,
    pub settings: &'a Map<String, Value>,
    pub currency: Currency,
    pub walk_forward: Option<&'a WalkForwardDays>,
    pub data: &'a Stamp,
    /// First and last snapshot, milliseconds.
    pub range: (i64, i64),
    pub runs: usize,
    pub refused: usize,
    pub code_version: &'a str,
    pub at_ms: i64,
}

/// Writes the row of a sweep that begins.
pub async fn begin(tx: &mut Tx, new: &NewSweep<'_>) -> sqlx::Result<()> {
    let search = if new.plan.draws.is_some() {
        "random"
    } else {
        "grid"
    };
    on!(tx, conn => sqlx::query(
        "insert into sweeps (id, job, state, underlying, source, from_ms, to_ms, search, currency, plan, settings, \
         market_seed, walk_forward, code_version, fingerprint, snapshots, quotes, shares, runs, refused, runs_done, \
         runs_failed, created_ms, updated_ms) \
         values ($1,$2,'running',$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,0,0,$20,$20)",
    )
    .bind(new.id).bind(new.job).bind(new.underlying).bind(new.source).bind(new.range.0).bind(new.range.1)
    .bind(search).bind(new.currency.as_str()).bind(Json(new.plan)).bind(Json(new.settings))
    .bind(new.market_seed).bind(new.walk_forward.map(Json)).bind(new.code_version)
    .bind(&new.data.fingerprint).bind(new.data.snapshots as i64).bind(new.data.quotes as i64)
    .bind(Json(&new.data.shares)).bind(new.runs as i64).bind(new.refused as i64).bind(new.at_ms)
    .execute(&mut *conn).await.map(drop))
}

/// How a sweep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Done,
    /// By a person, before every setting was tried.
    Stopped,
}

/// Stores the judgement over the runs that are there, with the place of each, and ends the sweep.
pub async fn judged(
    tx: &mut Tx,
    id: &str,
    found: &Judgement,
    end: End,
    at_ms: i64,
) -> sqlx::Result<()> {
    let state = match end {
        End::Done => "done",
        End::Stopped => "stopped",
    };
    on!(tx, conn => sqlx::query(
        "update sweeps set state = $2, error = null, deflated_sharpe = $3, overfit_probability = $4, statistics = $5, \
         updated_ms = $6, finished_ms = $6 where id = $1",
    )
    .bind(id).bind(state).bind(bulk::float(found.deflated_sharpe)).bind(bulk::float(found.overfit_probability))
    .bind(Json(found)).bind(at_ms).execute(&mut *conn).await.map(drop))?;
    runs::place(tx, id, &found.ranking).await
}

/// Ends a sweep with the error that makes going on useless.
pub async fn fail(tx: &mut Tx, id: &str, error: &str, at_ms: i64) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "update sweeps set state = 'failed', error = $2, updated_ms = $3, finished_ms = $3 where id = $1",
    )
    .bind(id).bind(error).bind(at_ms).execute(&mut *conn).await.map(drop))
}

/// A sweep that was stopped goes on, or one that goes on is stopped; what it has stays.
pub async fn set_stopped(tx: &mut Tx, id: &str, stopped: bool, at_ms: i64) -> sqlx::Result<()> {
    let state = if stopped { "stopped" } else { "running" };
    let finished_ms = stopped.then_some(at_ms);
    on!(tx, conn => sqlx::query(
        "update sweeps set state = $2, error = null, updated_ms = $3, finished_ms = $4 where id = $1",
    )
    .bind(id).bind(state).bind(at_ms).bind(finished_ms).execute(&mut *conn).await.map(drop))
}

/// Forgets a sweep with all its runs; false when there is none.
pub async fn delete(tx: &mut Tx, id: &str) -> sqlx::Result<bool> {
    let gone = on!(tx, conn => sqlx::query("delete from sweeps where id = $1")
        .bind(id).execute(&mut *conn).await.map(|done| done.rows_affected()))?;
    Ok(gone == 1)
}

pub async fn get(db: &Db, id: &str) -> sqlx::Result<Option<SweepRow>> {
    let sql = format!("select {COLUMNS} from sweeps where id = $1");
    read!(db, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).bind(id).fetch_optional(pool).await)
}

/// The sweep a job makes or has made.
pub async fn of_job(db: &Db, job: &str) -> sqlx::Result<Option<SweepRow>> {
    let sql = format!("select {COLUMNS} from sweeps where job = $1 order by id desc limit 1");
    read!(db, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).bind(job).fetch_optional(pool).await)
}

/// The newest sweeps, newest first.
pub async fn list(db: &Db, limit: i64) -> sqlx::Result<Vec<SweepRow>> {
    let sql = format!("select {COLUMNS} from sweeps order by created_ms desc, id desc limit $1");
    read!(db, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).bind(limit).fetch_all(pool).await)
}
