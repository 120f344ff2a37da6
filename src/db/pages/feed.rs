//! Decisions as the feed lists them, newest first.

use crate::db::Db;

/// One decision with what became of its orders.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct FeedRow {
    pub id: String,
    pub as_of_ms: i64,
    pub underlying: String,
    pub proposed_action: String,
    pub final_action: String,
    pub instrument: Option<String>,
    pub rolled_from: Option<String>,
    pub size_e8: Option<i64>,
    pub source: String,
    pub policy: String,
    pub mode: String,
    pub reason: String,
    pub propensity: f64,
    pub explored: bool,
    pub risk_verdict: String,
    pub refusal: Option<String>,
    pub error: Option<String>,
    pub index_price: Option<f64>,
    pub regime: Option<String>,
    pub candidates: i64,
    pub passed: i64,
    pub job: String,
    pub orders: i64,
    pub orders_filled: i64,
    pub orders_working: i64,
    /// Premium received less premium paid and fees, 1e-8 of the quote currency.
    pub cash_e8: i64,
}

/// Which decisions; empty fields match everything.
#[derive(Clone, Debug, Default)]
pub struct Which {
    pub underlying: Option<String>,
    /// Final action, or `error` for failed ticks.
    pub action: Option<String>,
    /// Only decisions older than this id.
    pub before: Option<String>,
    pub limit: i64,
}

pub async fn feed(db: &Db, desk: &str, which: &Which) -> sqlx::Result<Vec<FeedRow>> {
    read!(db, pool => sqlx::query_as(
        "select d.id, d.as_of_ms, d.underlying, d.proposed_action, d.final_action, d.instrument, d.rolled_from, \
           d.size_e8, d.source, d.policy, d.mode, d.reason, d.propensity, d.explored, d.risk_verdict, d.refusal, \
           d.error, d.index_price, d.regime, d.candidates, d.passed, d.job, \
           (select cast(count(*) as bigint) from orders o where o.decision = d.id) as orders, \
           (select cast(count(*) as bigint) from orders o where o.decision = d.id and o.state = 'filled') as orders_filled, \
           (select cast(count(*) as bigint) from orders o where o.decision = d.id and o.state in ('intended', 'open')) \
             as orders_working, \
           coalesce((select cast(sum(f.cash_e8) as bigint) from orders o join fills f on f.order_id = o.id \
             where o.decision = d.id), 0) as cash_e8 \
         from decisions d where d.desk = $1 and ($2 is null or d.underlying = $2) \
           and ($3 is null or d.final_action = $3 or d.source = $3) and ($4 is null or d.id < $4) \
         order by d.id desc limit $5")
        .bind(desk).bind(&which.underlying).bind(&which.action).bind(&which.before).bind(which.limit)
        .fetch_all(pool).await)
}
