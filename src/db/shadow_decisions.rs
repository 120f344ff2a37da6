//! The `shadow_decisions` table: what policies of the council would have done, and what that came to.

use crate::db::{Db, Tx};
use crate::domain::coin::Coin;

/// One row of `shadow_decisions`.
#[derive(Clone, Debug, Default, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct ShadowRow {
    pub decision: String,
    pub policy: String,
    pub desk: String,
    pub job: String,
    pub underlying: String,
    pub as_of_ms: i64,
    pub proposed_action: String,
    pub action: String,
    pub instrument: Option<String>,
    pub rolled_from: Option<String>,
    pub size_e8: Option<i64>,
    pub reason: String,
    pub propensity: f64,
    pub verdict: String,
    pub llm_call: Option<String>,
    pub fills: String,
    pub equity_coin: f64,
    pub index_price: f64,
    pub horizon_ms: i64,
    pub created_ms: i64,
    pub scored_ms: Option<i64>,
    pub end_price: Option<f64>,
    pub result_coin_e8: Option<i64>,
    pub result_usd: Option<f64>,
    pub versus_holding_usd: Option<f64>,
}

/// What a policy said beside what the desk did.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct Opinion {
    pub decision: String,
    pub policy: String,
    pub as_of_ms: i64,
    pub action: String,
    pub instrument: Option<String>,
    pub verdict: String,
    pub reason: String,
    pub horizon_ms: i64,
    pub scored_ms: Option<i64>,
    pub result_coin_e8: Option<i64>,
    pub result_usd: Option<f64>,
    pub versus_holding_usd: Option<f64>,
    pub desk_action: Option<String>,
    pub desk_instrument: Option<String>,
}

impl Opinion {
    /// True when the desk did the same.
    pub fn agrees(&self) -> bool {
        let same = self.desk_action.as_deref() == Some(self.action.as_str());
        same && (self.action == "DO_NOTHING" || self.instrument == self.desk_instrument)
    }
}

/// What one decision of one policy came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    pub decision: String,
    pub policy: String,
    pub at_ms: i64,
    pub end_price: f64,
    pub result_coin_e8: i64,
    pub result_usd: f64,
    pub versus_holding_usd: f64,
}

/// Stores the council about one decision, instead of what an earlier attempt stored.
pub async fn put(tx: &mut Tx, decision: &str, rows: &[ShadowRow]) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query("delete from shadow_decisions where decision = $1")
        .bind(decision).execute(&mut *conn).await.map(|_| ()))?;
    for row in rows {
        insert(tx, row).await?;
    }
    Ok(())
}

async fn insert(tx: &mut Tx, row: &ShadowRow) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "insert into shadow_decisions (decision, policy, desk, job, underlying, as_of_ms, proposed_action, action, \
         instrument, rolled_from, size_e8, reason, propensity, verdict, llm_call, fills, equity_coin, index_price, \
         horizon_ms, created_ms) \
         values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20)",
    )
    .bind(&row.decision).bind(&row.policy).bind(&row.desk).bind(&row.job).bind(&row.underlying)
    .bind(row.as_of_ms).bind(&row.proposed_action).bind(&row.action).bind(&row.instrument)
    .bind(&row.rolled_from).bind(row.size_e8).bind(&row.reason).bind(row.propensity).bind(&row.verdict)
    .bind(&row.llm_call).bind(&row.fills).bind(row.equity_coin).bind(row.index_price).bind(row.horizon_ms)
    .bind(row.created_ms)
    .execute(&mut *conn).await.map(|_| ()))
}

/// Notes what a decision came to.
pub async fn score(tx: &mut Tx, score: &Score) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query(
        "update shadow_decisions set scored_ms = $3, end_price = $4, result_coin_e8 = $5, result_usd = $6, \
         versus_holding_usd = $7 where decision = $1 and policy = $2",
    )
    .bind(&score.decision).bind(&score.policy).bind(score.at_ms).bind(score.end_price)
    .bind(score.result_coin_e8).bind(score.result_usd).bind(score.versus_holding_usd)
    .execute(&mut *conn).await.map(|_| ()))
}

/// Rows whose last expiry has passed and that are not scored, the oldest first.
pub async fn due(db: &Db, desk: &str, coin: Coin, now_ms: i64) -> sqlx::Result<Vec<ShadowRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from shadow_decisions where desk = $1 and underlying = $2 and scored_ms is null \
         and horizon_ms <= $3 order by as_of_ms, decision, policy",
    )
    .bind(desk).bind(coin.as_str()).bind(now_ms).fetch_all(pool).await)
}

/// The council about one decision.
pub async fn of_decision(db: &Db, decision: &str) -> sqlx::Result<Vec<ShadowRow>> {
    read!(db, pool => sqlx::query_as(
        "select * from shadow_decisions where decision = $1 order by policy",
    )
    .bind(decision).fetch_all(pool).await)
}

/// The last opinions of a desk's council beside what the desk did, the newest first, each decision's together.
pub async fn last(db: &Db, desk: &str, coin: Coin, limit: i64) -> sqlx::Result<Vec<Opinion>> {
    read!(db, pool => sqlx::query_as(
        "select s.decision, s.policy, s.as_of_ms, s.action, s.instrument, s.verdict, s.reason, s.horizon_ms, \
         s.scored_ms, s.result_coin_e8, s.result_usd, s.versus_holding_usd, d.final_action as desk_action, \
         d.instrument as desk_instrument \
         from shadow_decisions s left join decisions d on d.id = s.decision \
         where s.desk = $1 and s.underlying = $2 order by s.as_of_ms desc, s.decision, s.policy limit $3",
    )
    .bind(desk).bind(coin.as_str()).bind(limit).fetch_all(pool).await)
}
