//! Backtests and what they came to: a row when it begins, a checkpoint while it runs, everything at its end.

mod detail;
mod document;

pub use detail::{ChainRow, DecisionRow, EquityRow, LegRow, chains, decisions, equity, legs};
pub use document::document;

use crate::backtest::{Baselines, Metrics, Outcome, Setup, Stamp};
use crate::db::{Db, Tx, bulk, configs, json};
use sqlx::types::Json;

/// One row of `backtests` as lists show it; documents in full come from [`document`].
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct BacktestRow {
    pub id: String,
    pub job: String,
    pub parent: Option<String>,
    /// `running`, `done`, `stopped` or `failed`.
    pub state: String,
    pub error: Option<String>,
    pub underlying: String,
    pub source: String,
    pub from_ms: i64,
    pub to_ms: i64,
    pub policy: String,
    /// The language model that decided.
    pub model: Option<String>,
    /// The last day it was trained on, as its owner says.
    pub training_cutoff: Option<String>,
    pub exit_style: String,
    pub seed: String,
    pub settings_hash: String,
    pub code_version: String,
    pub fingerprint: String,
    pub snapshots: i64,
    pub quotes: i64,
    pub steps: i64,
    pub steps_done: i64,
    pub return_coin: Option<f64>,
    pub return_usd: Option<f64>,
    pub annualised_coin: Option<f64>,
    pub annualised_usd: Option<f64>,
    pub volatility_usd: Option<f64>,
    pub sharpe_coin: Option<f64>,
    pub sharpe_usd: Option<f64>,
    pub drawdown_coin: Option<f64>,
    pub drawdown_usd: Option<f64>,
    pub win_rate: Option<f64>,
    pub chains: Option<i64>,
    pub legs: Option<i64>,
    pub fees: Option<f64>,
    pub excess_coin: Option<f64>,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub finished_ms: Option<i64>,
}

const COLUMNS: &str = "id, job, parent, state, error, underlying, source, from_ms, to_ms, policy, model, training_cutoff, \
    exit_style, seed, settings_hash, code_version, fingerprint, snapshots, quotes, steps, steps_done, return_coin, return_usd, \
    annualised_coin, annualised_usd, volatility_usd, sharpe_coin, sharpe_usd, drawdown_coin, drawdown_usd, \
    win_rate, chains, legs, fees, excess_coin, created_ms, updated_ms, finished_ms";

/// What a run is before its first step.
#[derive(Clone, Debug)]
pub struct NewBacktest<'a> {
    pub id: &'a str,
    pub job: &'a str,
    pub parent: Option<&'a str>,
    pub setup: &'a Setup,
    pub data: &'a Stamp,
    /// A language model that decides, and the last day it was trained on.
    pub model: Option<(&'a str, &'a str)>,
    /// First and last snapshot, milliseconds.
    pub range: (i64, i64),
    pub steps: u64,
    pub code_version: &'a str,
    pub at_ms: i64,
}

/// The first 16 hexadecimal digits of the SHA-256 of the settings' canonical text.
pub fn settings_hash(setup: &Setup) -> String {
    let text = json::canonical(setup).expect("settings are plain numbers and names");
    configs::digest(&text)
}

/// Writes the row of a run that begins.
pub async fn begin(tx: &mut Tx, new: &NewBacktest<'_>) -> sqlx::Result<()> {
    let (setup, data) = (new.setup, new.data);
    on!(tx, conn => sqlx::query(
        "insert into backtests (id, job, parent, state, underlying, source, from_ms, to_ms, policy, exit_style, \
         seed, settings, settings_hash, code_version, fingerprint, snapshots, quotes, shares, prices, steps, \
         steps_done, created_ms, updated_ms, model, training_cutoff) \
         values ($1,$2,$3,'running',$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,0,$20,$20,$21,$22)",
    )
    .bind(new.id).bind(new.job).bind(new.parent).bind(setup.underlying.as_str()).bind(&data.source)
    .bind(new.range.0).bind(new.range.1).bind(setup.policy.as_str()).bind(setup.exit.as_str())
    .bind(&setup.seed).bind(Json(setup)).bind(settings_hash(setup)).bind(new.code_version)
    .bind(&data.fingerprint).bind(data.snapshots as i64).bind(data.quotes as i64)
    .bind(Json(&data.shares)).bind(Json(&data.prices)).bind(new.steps as i64).bind(new.at_ms)
    .bind(new.model.map(|(name, _)| name)).bind(new.model.map(|(_, day)| day).filter(|day| !day.is_empty()))
    .execute(&mut *conn).await.map(|_| ()))
}

/// Stores how far a run is, with everything needed to go on.
pub async fn checkpoint(
    tx: &mut Tx,
    id: &str,
    steps_done: u64,
    state: &str,
    at_ms: i64,
) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "update backtests set state = 'running', steps_done = $2, checkpoint = $3, updated_ms = $4 where id = $1",
    )
    .bind(id).bind(steps_done as i64).bind(state).bind(at_ms)
    .execute(&mut *conn).await.map(|_| ()))
}

impl BacktestRow {
    /// Whether the run begins before the model that decided was trained: it may know what followed. `None`
    /// where no model decided, or nobody said when it was trained.
    pub fn before_cutoff(&self) -> Option<bool> {
        self.model.as_ref()?;
        begins_before(self.training_cutoff.as_deref()?, self.from_ms)
    }
}

/// Whether an instant lies before the end of a model's last day of training; `None` when that is no day.
pub fn begins_before(training_cutoff: &str, from_ms: i64) -> Option<bool> {
    let day: chrono::NaiveDate = training_cutoff.parse().ok()?;
    let end = day.and_hms_opt(23, 59, 59)?.and_utc();
    Some(from_ms <= end.timestamp_millis())
}

/// How a run ended.
#[derive(Clone, Copy, Debug)]
pub enum End<'a> {
    Done,
    /// By a person; the checkpoint lets it go on.
    Stopped {
        checkpoint: &'a str,
    },
}

/// Stores what a run came to so far and ends it; rows of an earlier end are replaced.
pub async fn end(
    tx: &mut Tx,
    id: &str,
    run: &Outcome,
    baselines: &Baselines,
    weekly: &[f64],
    end: End<'_>,
    at_ms: i64,
) -> sqlx::Result<()> {
    let metrics: &Metrics = &run.metrics;
    let (state, checkpoint) = match end {
        End::Done => ("done", None),
        End::Stopped { checkpoint } => ("stopped", Some(checkpoint)),
    };
    let excess = metrics.coin.total_return - baselines.weekly_25_delta.coin.total_return;
    on!(tx, conn => sqlx::query(
        "update backtests set state = $2, error = null, steps_done = $3, return_coin = $4, return_usd = $5, \
         annualised_coin = $6, annualised_usd = $7, volatility_usd = $8, sharpe_coin = $9, sharpe_usd = $10, \
         drawdown_coin = $11, drawdown_usd = $12, win_rate = $13, chains = $14, legs = $15, fees = $16, \
         excess_coin = $17, metrics = $18, baselines = $19, attribution = $20, breakdowns = $21, \
         checkpoint = $22, updated_ms = $23, finished_ms = $23 where id = $1",
    )
    .bind(id).bind(state).bind(run.points.len() as i64)
    .bind(bulk::float(Some(metrics.coin.total_return))).bind(bulk::float(Some(metrics.usd.total_return)))
    .bind(bulk::float(metrics.coin.annualised_return)).bind(bulk::float(metrics.usd.annualised_return))
    .bind(bulk::float(metrics.usd.volatility))
    .bind(bulk::float(metrics.coin.sharpe)).bind(bulk::float(metrics.usd.sharpe))
    .bind(bulk::float(Some(metrics.coin.max_drawdown))).bind(bulk::float(Some(metrics.usd.max_drawdown)))
    .bind(bulk::float(metrics.win_rate)).bind(metrics.chains as i64).bind(metrics.legs as i64)
    .bind(bulk::float(Some(metrics.fees))).bind(bulk::float(Some(excess)))
    .bind(Json(metrics)).bind(Json(baselines)).bind(Json(&run.attribution)).bind(Json(&run.breakdowns))
    .bind(checkpoint).bind(at_ms)
    .execute(&mut *conn).await.map(|_| ()))?;
    detail::clear(tx, id).await?;
    detail::insert(tx, id, run, weekly).await
}

/// Ends a run with the error that makes going on useless.
pub async fn fail(tx: &mut Tx, id: &str, error: &str, at_ms: i64) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "update backtests set state = 'failed', error = $2, updated_ms = $3, finished_ms = $3 where id = $1",
    )
    .bind(id).bind(error).bind(at_ms).execute(&mut *conn).await.map(|_| ()))
}

/// Forgets what a job has begun on other data.
pub async fn delete_of_job(tx: &mut Tx, job: &str) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query("delete from backtests where job = $1")
        .bind(job).execute(&mut *conn).await.map(|_| ()))
}

/// Forgets a run with all its rows; false when there is none.
pub async fn delete(tx: &mut Tx, id: &str) -> sqlx::Result<bool> {
    let gone = on!(tx, conn => sqlx::query("delete from backtests where id = $1")
        .bind(id).execute(&mut *conn).await.map(|done| done.rows_affected()))?;
    Ok(gone == 1)
}

pub async fn get(db: &Db, id: &str) -> sqlx::Result<Option<BacktestRow>> {
    let sql = format!("select {COLUMNS} from backtests where id = $1");
    read!(db, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).bind(id).fetch_optional(pool).await)
}

/// The run a job makes or has made.
pub async fn of_job(db: &Db, job: &str) -> sqlx::Result<Option<BacktestRow>> {
    let sql = format!("select {COLUMNS} from backtests where job = $1 order by id limit 1");
    read!(db, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).bind(job).fetch_optional(pool).await)
}

/// The newest runs, or those of one parent, newest first.
pub async fn list(db: &Db, parent: Option<&str>, limit: i64) -> sqlx::Result<Vec<BacktestRow>> {
    let sql = format!(
        "select {COLUMNS} from backtests where cast($1 as text) is null or parent = cast($1 as text) \
         order by created_ms desc, id desc limit $2"
    );
    read!(db, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str()))
        .bind(parent).bind(limit).fetch_all(pool).await)
}

/// Where a run was when it was last stored.
pub async fn checkpoint_of(db: &Db, id: &str) -> sqlx::Result<Option<crate::backtest::State>> {
    let text: Option<Option<String>> = read!(db, pool => sqlx::query_scalar(
        "select checkpoint from backtests where id = $1",
    )
    .bind(id).fetch_optional(pool).await)?;
    text.flatten().map(|text| json::decode(&text)).transpose()
}

/// One point of a run's equity, coin.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct EquityPoint {
    pub at_ms: i64,
    pub equity: f64,
}

/// Equity up to where a run was when it was last stored; nothing before that and after its end.
pub async fn equity_so_far(db: &Db, id: &str) -> sqlx::Result<Vec<EquityPoint>> {
    /// The rest of the checkpoint is not looked at.
    #[derive(Default, serde::Deserialize)]
    struct SoFar {
        points: Vec<EquityPoint>,
    }
    let text: Option<Option<String>> = read!(db, pool => sqlx::query_scalar(
        "select checkpoint from backtests where id = $1",
    )
    .bind(id).fetch_optional(pool).await)?;
    let found: Option<SoFar> = text.flatten().map(|text| json::decode(&text)).transpose()?;
    Ok(found.unwrap_or_default().points)
}

/// The settings of the newest runs, by their ids.
pub async fn setups(db: &Db, limit: i64) -> sqlx::Result<Vec<(String, serde_json::Value)>> {
    let rows: Vec<(String, String)> = read!(db, pool => sqlx::query_as(
        "select id, cast(settings as text) from backtests order by created_ms desc, id desc limit $1",
    )
    .bind(limit).fetch_all(pool).await)?;
    rows.into_iter()
        .map(|(id, text)| Ok((id, json::decode(&text)?)))
        .collect()
}

/// The settings of a run.
pub async fn setup(db: &Db, id: &str) -> sqlx::Result<Option<Setup>> {
    let text: Option<String> = read!(db, pool => sqlx::query_scalar(
        "select cast(settings as text) from backtests where id = $1",
    )
    .bind(id).fetch_optional(pool).await)?;
    text.map(|text| json::decode(&text)).transpose()
}
