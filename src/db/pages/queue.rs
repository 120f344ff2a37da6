//! How fast queues went: ended jobs by minute of the wall.

use crate::db::Db;

/// What ended in one queue within one minute; the times are sums over its jobs, milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct MinuteRow {
    pub queue: String,
    /// Wall time / 60,000.
    pub minute: i64,
    pub jobs: i64,
    /// Discarded ones among them.
    pub failed: i64,
    pub took_ms: i64,
    /// From the moment a job could run to its start.
    pub waited_ms: i64,
}

/// Jobs of a desk that ended since a wall time; older ids than `oldest` are not looked at.
pub async fn minutes(
    db: &Db,
    desk: &str,
    oldest: &str,
    since_ms: i64,
) -> sqlx::Result<Vec<MinuteRow>> {
    read!(db, pool => sqlx::query_as(
        "select queue, finished_ms / 60000 as minute, cast(count(*) as bigint) as jobs, \
           cast(sum(case when state = 'discarded' then 1 else 0 end) as bigint) as failed, \
           cast(sum(finished_ms - started_ms) as bigint) as took_ms, \
           cast(sum(case when started_ms > run_at_ms then started_ms - run_at_ms else 0 end) as bigint) as waited_ms \
         from jobs where id >= $2 and desk = $1 and finished_ms >= $3 and started_ms is not null \
         group by queue, finished_ms / 60000 order by queue, minute")
        .bind(desk).bind(oldest).bind(since_ms).fetch_all(pool).await)
}
