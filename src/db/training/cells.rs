//! How many rows a dataset has of what, and what they earned: where it says enough, and where it does not.

use crate::backtest::{DELTA, DTE};
use crate::db::Db;

/// Rows of one action in one regime; `action` is `ERROR` where a step failed.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct ActionCell {
    pub underlying: String,
    pub profile: String,
    pub action: String,
    pub regime: String,
    pub rows: i64,
    /// Rows whose reward is known, and the sums of their rewards.
    pub rewarded: i64,
    pub reward_coin: Option<f64>,
    pub reward_usd: Option<f64>,
    pub reward_versus_holding: Option<f64>,
}

/// Calls that were sold, by what they were at the sale: places in the buckets of delta and of days.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct CallCell {
    pub underlying: String,
    pub profile: String,
    pub delta_bucket: i64,
    pub dte_bucket: i64,
    pub rows: i64,
    pub rewarded: i64,
    pub reward_coin: Option<f64>,
    pub reward_usd: Option<f64>,
    pub reward_versus_holding: Option<f64>,
}

pub async fn by_action(db: &Db, dataset: &str) -> sqlx::Result<Vec<ActionCell>> {
    read!(db, pool => sqlx::query_as(
        "select underlying, profile, coalesce(action, 'ERROR') as action, regime, cast(count(*) as bigint) as rows, \
           cast(count(reward_usd) as bigint) as rewarded, sum(reward_coin) as reward_coin, \
           sum(reward_usd) as reward_usd, sum(reward_versus_holding) as reward_versus_holding \
         from training_rows where dataset = $1 group by underlying, profile, coalesce(action, 'ERROR'), regime \
         order by underlying, profile, action, regime")
        .bind(dataset).fetch_all(pool).await)
}

pub async fn by_call(db: &Db, dataset: &str) -> sqlx::Result<Vec<CallCell>> {
    let (delta, dte) = (bucket("c.delta", &DELTA), bucket("c.dte", &DTE));
    let sql = format!(
        "select underlying, profile, delta_bucket, dte_bucket, cast(count(*) as bigint) as rows, \
           cast(count(reward_usd) as bigint) as rewarded, sum(reward_coin) as reward_coin, \
           sum(reward_usd) as reward_usd, sum(reward_versus_holding) as reward_versus_holding from ( \
           select r.underlying, r.profile, cast({delta} as bigint) as delta_bucket, \
             cast({dte} as bigint) as dte_bucket, r.reward_coin, r.reward_usd, r.reward_versus_holding \
           from training_rows r join training_candidates c on c.dataset = r.dataset and c.step_n = r.n and c.chosen \
           where r.dataset = $1 and r.action in ('OPEN_COVERED_CALL', 'ROLL_COVERED_CALL')) as sold \
         group by underlying, profile, delta_bucket, dte_bucket \
         order by underlying, profile, delta_bucket, dte_bucket"
    );
    read!(db, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).bind(dataset).fetch_all(pool).await)
}

/// The place of the last edge that a column reaches; -1 where it is not known.
fn bucket(column: &str, edges: &[(f64, &str)]) -> String {
    let reached = edges.iter().enumerate().rev();
    let reached = reached.map(|(at, (edge, _))| format!(" when {column} >= {edge:?} then {at}"));
    format!("case{} else -1 end", reached.collect::<String>())
}
