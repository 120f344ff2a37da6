//! What surrounds one decision: expiries of its contracts, its job, its neighbours.

use crate::db::Db;

/// Expiries of the contracts this decision traded, within their roll chains.
pub async fn settlements(db: &Db, id: &str) -> sqlx::Result<Vec<super::book::SettledRow>> {
    read!(db, pool => sqlx::query_as(
        "select s.instrument, s.underlying, s.chain, s.size_e8, s.delivery_price_e8, s.price_source, s.payoff_e8, \
           s.fee_e8, s.cash_e8, s.at_ms \
         from settlements s where exists (select 1 from orders o where o.decision = $1 and o.desk = s.desk \
           and o.instrument = s.instrument and o.chain = s.chain and o.side = 'sell') order by s.at_ms, s.instrument")
        .bind(id).fetch_all(pool).await)
}

/// Decisions a job made: (id, underlying, final action or `failed_tick`).
pub async fn of_job(db: &Db, job: &str) -> sqlx::Result<Vec<(String, String, String)>> {
    read!(db, pool => sqlx::query_as(
        "select id, underlying, case when source = 'error' then 'failed_tick' else final_action end \
         from decisions where job = $1 order by id")
        .bind(job).fetch_all(pool).await)
}

/// Orders a job placed: (id, decision, instrument, state).
pub async fn orders_of_job(
    db: &Db,
    job: &str,
) -> sqlx::Result<Vec<(String, String, String, String)>> {
    read!(db, pool => sqlx::query_as(
        "select id, decision, instrument, state from orders where job = $1 order by id")
        .bind(job).fetch_all(pool).await)
}

/// The decisions of the same underlying just before and just after.
pub async fn neighbours(
    db: &Db,
    desk: &str,
    underlying: &str,
    id: &str,
) -> sqlx::Result<(Option<String>, Option<String>)> {
    read!(db, pool => sqlx::query_as(
        "select (select max(id) from decisions where desk = $1 and underlying = $2 and id < $3), \
           (select min(id) from decisions where desk = $1 and underlying = $2 and id > $3)")
        .bind(desk).bind(underlying).bind(id).fetch_one(pool).await)
}
