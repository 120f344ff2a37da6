//! The `desks` table: one row per book with its controls and the anchor of its clock.

use crate::clock::Anchor;
use crate::db::{Db, Tx};
use sqlx::types::Json;

/// What a desk does at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeskState {
    Running,
    /// Open positions are managed, nothing new is opened.
    Paused,
    /// Ticks do nothing; expiries are still settled.
    Stopped,
}

impl DeskState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        }
    }

    fn parse(text: &str) -> Self {
        match text {
            "running" => Self::Running,
            "paused" => Self::Paused,
            _ => Self::Stopped,
        }
    }
}

/// One row of `desks`.
#[derive(Clone, Debug, Default, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct DeskRow {
    pub id: String,
    pub mode: String,
    pub exchange: String,
    pub market: String,
    pub seed: String,
    pub dry_run: bool,
    pub config: Json<serde_json::Value>,
    pub config_hash: String,
    pub code_version: String,
    pub state: String,
    pub kill_switch: bool,
    pub close_only: bool,
    pub desk_anchor_ms: Option<i64>,
    pub wall_anchor_ms: Option<i64>,
    pub speed: Option<f64>,
    pub created_ms: i64,
    pub updated_ms: i64,
}

impl DeskRow {
    pub fn state(&self) -> DeskState {
        DeskState::parse(&self.state)
    }

    /// The anchor of the desk's clock; `None` for a desk in real time.
    pub fn anchor(&self) -> Option<Anchor> {
        Some(Anchor {
            desk_ms: self.desk_anchor_ms?,
            wall_ms: self.wall_anchor_ms?,
            speed: self.speed?,
        })
    }

    /// Desk time at an instant of the wall under this row's anchor; the wall itself without one.
    pub fn desk_at_ms(&self, wall_ms: i64) -> i64 {
        self.anchor()
            .map_or(wall_ms, |anchor| anchor.desk_at_ms(wall_ms))
    }
}

pub async fn get(db: &Db, id: &str) -> sqlx::Result<Option<DeskRow>> {
    read!(db, pool => sqlx::query_as("select * from desks where id = $1").bind(id).fetch_optional(pool).await)
}

pub async fn list(db: &Db) -> sqlx::Result<Vec<DeskRow>> {
    read!(db, pool => sqlx::query_as("select * from desks order by id").fetch_all(pool).await)
}

/// Makes the row; false when it is already there.
pub async fn insert(tx: &mut Tx, row: &DeskRow) -> sqlx::Result<bool> {
    let done = on!(tx, conn => sqlx::query(
        "insert into desks (id, mode, exchange, market, seed, dry_run, config, config_hash, code_version, \
         state, kill_switch, close_only, desk_anchor_ms, wall_anchor_ms, speed, created_ms, updated_ms) \
         values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17) on conflict (id) do nothing",
    )
    .bind(&row.id).bind(&row.mode).bind(&row.exchange).bind(&row.market).bind(&row.seed)
    .bind(row.dry_run).bind(&row.config).bind(&row.config_hash).bind(&row.code_version)
    .bind(&row.state).bind(row.kill_switch).bind(row.close_only)
    .bind(row.desk_anchor_ms).bind(row.wall_anchor_ms).bind(row.speed)
    .bind(row.created_ms).bind(row.updated_ms)
    .execute(&mut *conn).await?.rows_affected());
    Ok(done == 1)
}

/// Takes over what the configuration says now: mode, market, seed, dry run, code version.
pub async fn set_config(tx: &mut Tx, row: &DeskRow) -> sqlx::Result<()> {
    let done = on!(tx, conn => sqlx::query(
        "update desks set mode = $2, exchange = $3, market = $4, seed = $5, dry_run = $6, config = $7, \
         config_hash = $8, code_version = $9, updated_ms = $10 where id = $1",
    )
    .bind(&row.id).bind(&row.mode).bind(&row.exchange).bind(&row.market).bind(&row.seed)
    .bind(row.dry_run).bind(&row.config).bind(&row.config_hash).bind(&row.code_version)
    .bind(row.updated_ms)
    .execute(&mut *conn).await?.rows_affected());
    one(done)
}

pub async fn set_state(tx: &mut Tx, id: &str, state: DeskState, at_ms: i64) -> sqlx::Result<()> {
    let done = on!(tx, conn => sqlx::query(
        "update desks set state = $2, updated_ms = $3 where id = $1",
    )
    .bind(id).bind(state.as_str()).bind(at_ms)
    .execute(&mut *conn).await?.rows_affected());
    one(done)
}

pub async fn set_kill_switch(tx: &mut Tx, id: &str, on: bool, at_ms: i64) -> sqlx::Result<()> {
    let done = on!(tx, conn => sqlx::query(
        "update desks set kill_switch = $2, updated_ms = $3 where id = $1",
    )
    .bind(id).bind(on).bind(at_ms)
    .execute(&mut *conn).await?.rows_affected());
    one(done)
}

pub async fn set_close_only(tx: &mut Tx, id: &str, on: bool, at_ms: i64) -> sqlx::Result<()> {
    let done = on!(tx, conn => sqlx::query(
        "update desks set close_only = $2, updated_ms = $3 where id = $1",
    )
    .bind(id).bind(on).bind(at_ms)
    .execute(&mut *conn).await?.rows_affected());
    one(done)
}

/// Whether orders are sent to the exchange or filled by the fill model.
pub async fn set_dry_run(tx: &mut Tx, id: &str, on: bool, at_ms: i64) -> sqlx::Result<()> {
    let done = on!(tx, conn => sqlx::query(
        "update desks set dry_run = $2, updated_ms = $3 where id = $1",
    )
    .bind(id).bind(on).bind(at_ms)
    .execute(&mut *conn).await?.rows_affected());
    one(done)
}

/// Moves the clock's anchor if it is still the one that was read; false when another process moved it.
pub async fn set_anchor(tx: &mut Tx, read: &DeskRow, anchor: Anchor) -> sqlx::Result<bool> {
    let done = on!(tx, conn => sqlx::query(
        "update desks set desk_anchor_ms = $4, wall_anchor_ms = $5, speed = $6 \
         where id = $1 and coalesce(wall_anchor_ms, 0) = $2 and coalesce(desk_anchor_ms, 0) = $3",
    )
    .bind(&read.id)
    .bind(read.wall_anchor_ms.unwrap_or(0)).bind(read.desk_anchor_ms.unwrap_or(0))
    .bind(anchor.desk_ms).bind(anchor.wall_ms).bind(anchor.speed)
    .execute(&mut *conn).await?.rows_affected());
    Ok(done == 1)
}

/// Removes a replay's rows of every table, so that a run of the same name starts empty.
pub async fn clear(tx: &mut Tx, id: &str) -> sqlx::Result<()> {
    const STATEMENTS: [&str; 16] = [
        "delete from fills where desk = $1",
        "delete from orders where desk = $1",
        "delete from settlements where desk = $1",
        "delete from deposits where desk = $1",
        "delete from equity where desk = $1",
        "delete from marks where desk = $1",
        "delete from books where desk = $1",
        "delete from reconciliations where desk = $1",
        "delete from candidates where decision in (select id from decisions where desk = $1)",
        "delete from risk_lines where decision in (select id from decisions where desk = $1)",
        "delete from decisions where desk = $1",
        // What was asked and answered stays for replays; it is about no decision any more.
        "update llm_calls set decision = null where desk = $1",
        "delete from job_events where job in (select id from jobs where desk = $1)",
        "delete from jobs where desk = $1",
        "delete from venues where name = $1",
        "delete from desks where id = $1",
    ];
    for sql in STATEMENTS {
        on!(tx, conn => sqlx::query(sql).bind(id).execute(&mut *conn).await.map(|_| ()))?;
    }
    Ok(())
}

/// A control that changed no row spoke to a desk that does not exist.
fn one(rows: u64) -> sqlx::Result<()> {
    if rows == 1 {
        Ok(())
    } else {
        Err(sqlx::Error::RowNotFound)
    }
}

/// Whether some worker is alive, and when the last one was heard or stopped, wall time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alive {
    pub now: bool,
    pub last_ms: Option<i64>,
}

/// A worker counts as alive when it has not stopped and was heard at or after `since_ms`, wall time.
pub async fn alive(db: &Db, since_ms: i64) -> sqlx::Result<Alive> {
    let (alive, last_ms): (i64, Option<i64>) = read!(db, pool => sqlx::query_as(
        "select cast(coalesce(sum(case when stopped_ms is null and heartbeat_ms >= $1 then 1 else 0 end), 0) \
         as bigint), max(coalesce(stopped_ms, heartbeat_ms)) from workers",
    )
    .bind(since_ms).fetch_one(pool).await)?;
    Ok(Alive {
        now: alive > 0,
        last_ms,
    })
}
