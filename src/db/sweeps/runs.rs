//! The runs of a sweep: figures, and the daily returns that the statistics are made of.

use crate::backtest::sweep::Tried;
use crate::backtest::{Metrics, Setup};
use crate::db::backtests::settings_hash;
use crate::db::{Db, Tx, bulk, json};
use serde_json::{Map, Value};
use sqlx::types::Json;

/// One row of `sweep_runs` as tables show it; `settings` is the JSON of the axes' values.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct RunRow {
    pub sweep: String,
    pub n: i64,
    pub settings: String,
    pub settings_hash: String,
    pub error: Option<String>,
    pub place: Option<i64>,
    pub return_coin: Option<f64>,
    pub return_usd: Option<f64>,
    pub annualised_coin: Option<f64>,
    pub annualised_usd: Option<f64>,
    pub volatility_coin: Option<f64>,
    pub volatility_usd: Option<f64>,
    pub sharpe_coin: Option<f64>,
    pub sharpe_usd: Option<f64>,
    pub sortino_coin: Option<f64>,
    pub sortino_usd: Option<f64>,
    pub drawdown_coin: Option<f64>,
    pub drawdown_usd: Option<f64>,
    pub win_rate: Option<f64>,
    pub premium_kept: Option<f64>,
    pub assignment_rate: Option<f64>,
    pub time_in_market: Option<f64>,
    pub chains: Option<i64>,
    pub legs: Option<i64>,
    pub rolls: Option<i64>,
    pub fees: Option<f64>,
}

const COLUMNS: &str = "sweep, n, cast(settings as text) as settings, settings_hash, error, place, return_coin, \
    return_usd, annualised_coin, annualised_usd, volatility_coin, volatility_usd, sharpe_coin, sharpe_usd, \
    sortino_coin, sortino_usd, drawdown_coin, drawdown_usd, win_rate, premium_kept, assignment_rate, \
    time_in_market, chains, legs, rolls, fees";

/// A figure of a run that people compare.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    pub key: &'static str,
    pub label: &'static str,
    /// Shown in percent.
    pub share: bool,
    /// More is better.
    pub more: bool,
    pub of: fn(&RunRow) -> Option<f64>,
}

/// In the order of a table.
pub const FIGURES: [Figure; 13] = [
    figure("sharpe_coin", "Sharpe coin", false, true, |run| {
        run.sharpe_coin
    }),
    figure("sharpe_usd", "Sharpe USD", false, true, |run| {
        run.sharpe_usd
    }),
    figure("return_coin", "Return coin", true, true, |run| {
        run.return_coin
    }),
    figure("return_usd", "Return USD", true, true, |run| run.return_usd),
    figure("drawdown_coin", "Drawdown coin", true, false, |run| {
        run.drawdown_coin
    }),
    figure("drawdown_usd", "Drawdown USD", true, false, |run| {
        run.drawdown_usd
    }),
    figure("sortino_coin", "Sortino coin", false, true, |run| {
        run.sortino_coin
    }),
    figure("volatility_coin", "Volatility coin", true, false, |run| {
        run.volatility_coin
    }),
    figure("win_rate", "Win rate", true, true, |run| run.win_rate),
    figure("premium_kept", "Premium kept", true, true, |run| {
        run.premium_kept
    }),
    figure("assignment_rate", "Assignment rate", true, false, |run| {
        run.assignment_rate
    }),
    figure("time_in_market", "Time in market", true, true, |run| {
        run.time_in_market
    }),
    figure("fees", "Fees, coin", false, false, |run| run.fees),
];

/// Pairs a column with how it is shown.
const fn figure(
    key: &'static str,
    label: &'static str,
    share: bool,
    more: bool,
    of: fn(&RunRow) -> Option<f64>,
) -> Figure {
    Figure {
        key,
        label,
        share,
        more,
        of,
    }
}

/// A run as its part of the sweep stores it.
#[derive(Clone, Debug)]
pub struct NewRun<'a> {
    pub n: usize,
    pub values: &'a Map<String, Value>,
    pub setup: &'a Setup,
    /// Figures, or why there are none.
    pub tried: Result<&'a Tried, String>,
}

/// Stores runs and counts them in their sweep, in one transaction; each run is stored once.
pub async fn insert_runs(
    tx: &mut Tx,
    sweep: &str,
    runs: &[NewRun<'_>],
    at_ms: i64,
) -> sqlx::Result<()> {
    insert(tx, sweep, runs).await?;
    let failed = runs.iter().filter(|run| run.tried.is_err()).count() as i64;
    on!(tx, conn => sqlx::query(
        "update sweeps set runs_done = runs_done + $2, runs_failed = runs_failed + $3, updated_ms = $4 where id = $1",
    )
    .bind(sweep).bind(runs.len() as i64).bind(failed).bind(at_ms).execute(&mut *conn).await.map(drop))
}

async fn insert(tx: &mut Tx, sweep: &str, runs: &[NewRun<'_>]) -> sqlx::Result<()> {
    insert_rows!(tx,
        "insert into sweep_runs (sweep, n, settings, settings_hash, error, return_coin, return_usd, annualised_coin, \
         annualised_usd, volatility_coin, volatility_usd, sharpe_coin, sharpe_usd, sortino_coin, sortino_usd, \
         drawdown_coin, drawdown_usd, win_rate, premium_kept, assignment_rate, time_in_market, chains, legs, rolls, \
         fees, metrics, returns_coin, returns_usd) ",
        runs, (row, bind) => {
            let tried = row.tried.as_ref().ok().copied();
            let metrics = tried.map(|tried| &tried.metrics);
            let float = |of: fn(&Metrics) -> Option<f64>| bulk::float(metrics.and_then(of));
            let count = |of: fn(&Metrics) -> u64| metrics.map(|metrics| of(metrics) as i64);
            bind.push_bind(sweep.to_owned());
            bind.push_bind(row.n as i64);
            bind.push_bind(Json(row.values));
            bind.push_bind(settings_hash(row.setup));
            bind.push_bind(row.tried.as_ref().err().cloned());
            bind.push_bind(float(|of| Some(of.coin.total_return)));
            bind.push_bind(float(|of| Some(of.usd.total_return)));
            bind.push_bind(float(|of| of.coin.annualised_return));
            bind.push_bind(float(|of| of.usd.annualised_return));
            bind.push_bind(float(|of| of.coin.volatility));
            bind.push_bind(float(|of| of.usd.volatility));
            bind.push_bind(float(|of| of.coin.sharpe));
            bind.push_bind(float(|of| of.usd.sharpe));
            bind.push_bind(float(|of| of.coin.sortino));
            bind.push_bind(float(|of| of.usd.sortino));
            bind.push_bind(float(|of| Some(of.coin.max_drawdown)));
            bind.push_bind(float(|of| Some(of.usd.max_drawdown)));
            bind.push_bind(float(|of| of.win_rate));
            bind.push_bind(float(|of| of.premium_kept));
            bind.push_bind(float(|of| of.assignment_rate));
            bind.push_bind(float(|of| Some(of.time_in_market)));
            bind.push_bind(count(|of| of.chains));
            bind.push_bind(count(|of| of.legs));
            bind.push_bind(count(|of| of.rolls));
            bind.push_bind(float(|of| Some(of.fees)));
            bind.push_bind(metrics.map(Json));
            bind.push_bind(tried.map(|tried| array(&tried.returns_coin)));
            bind.push_bind(tried.map(|tried| array(&tried.returns_usd)));
        }
    )
}

/// Finite floats, shortest digits that come back exactly.
fn array(values: &[f64]) -> String {
    serde_json::to_string(values).expect("numbers")
}

/// Stores the place of each run; `ranking` are their numbers, the best first.
pub(super) async fn place(tx: &mut Tx, sweep: &str, ranking: &[usize]) -> sqlx::Result<()> {
    on!(tx, conn => sqlx::query("update sweep_runs set place = null where sweep = $1")
        .bind(sweep).execute(&mut *conn).await.map(drop))?;
    let places: Vec<(i64, i64)> = (1..)
        .zip(ranking)
        .map(|(place, n)| (*n as i64, place))
        .collect();
    for batch in bulk::batches(&places) {
        on!(tx, conn => {
            let mut statement = sqlx::QueryBuilder::new("with r (n, place) as (");
            statement.push_values(batch, |mut bind, (n, place)| {
                bind.push_bind(*n);
                bind.push_bind(*place);
            });
            statement.push(") update sweep_runs set place = (select cast(r.place as bigint) from r where r.n = sweep_runs.n) where sweep = ");
            statement.push_bind(sweep.to_owned());
            statement.push(" and n in (select r.n from r)");
            statement.build().execute(&mut *conn).await.map(drop)
        })?;
    }
    Ok(())
}

/// Numbers of the runs that are there, from `first` on and before `end`.
pub async fn numbers(db: &Db, sweep: &str, first: usize, end: usize) -> sqlx::Result<Vec<i64>> {
    read!(db, pool => sqlx::query_scalar(
        "select n from sweep_runs where sweep = $1 and n >= $2 and n < $3 order by n",
    )
    .bind(sweep).bind(first as i64).bind(end as i64).fetch_all(pool).await)
}

/// The first runs by place, then by number.
pub async fn runs(db: &Db, sweep: &str, limit: i64) -> sqlx::Result<Vec<RunRow>> {
    let sql = format!(
        "select {COLUMNS} from sweep_runs where sweep = $1 order by case when place is null then 1 else 0 end, place, n \
         limit $2"
    );
    read!(db, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).bind(sweep).bind(limit).fetch_all(pool).await)
}

pub async fn run(db: &Db, sweep: &str, n: i64) -> sqlx::Result<Option<RunRow>> {
    let sql = format!("select {COLUMNS} from sweep_runs where sweep = $1 and n = $2");
    read!(db, pool => sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str())).bind(sweep).bind(n).fetch_optional(pool).await)
}

#[derive(sqlx::FromRow)]
struct TriedRow {
    n: i64,
    metrics: String,
    returns_coin: String,
    returns_usd: String,
}

/// Every run with figures, by number.
pub async fn tried(db: &Db, sweep: &str) -> sqlx::Result<Vec<(usize, Tried)>> {
    let rows: Vec<TriedRow> = read!(db, pool => sqlx::query_as(
        "select n, cast(metrics as text) as metrics, returns_coin, returns_usd from sweep_runs \
         where sweep = $1 and error is null order by n",
    )
    .bind(sweep).fetch_all(pool).await)?;
    let of = |row: TriedRow| {
        let tried = Tried {
            metrics: json::decode(&row.metrics)?,
            returns_coin: json::decode(&row.returns_coin)?,
            returns_usd: json::decode(&row.returns_usd)?,
        };
        Ok((row.n as usize, tried))
    };
    rows.into_iter().map(of).collect()
}
