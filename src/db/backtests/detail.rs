//! The rows below a run: equity, decisions, roll chains, legs.

use crate::backtest::{Leg, Outcome, RollChain, Taken};
use crate::db::{Db, Tx, bulk};
use crate::domain::action::Action;
use crate::domain::money::{self, to_e8};

/// One row of `backtest_equity`; `weekly_e8` is the equity of the weekly overwrite.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct EquityRow {
    pub backtest: String,
    pub n: i64,
    pub at_ms: i64,
    pub index_price: f64,
    pub balance_e8: i64,
    pub option_value_e8: i64,
    pub equity_e8: i64,
    pub equity_usd: f64,
    pub short_calls_e8: i64,
    pub regime: String,
    pub weekly_e8: Option<i64>,
}

/// One row of `backtest_decisions`.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct DecisionRow {
    pub backtest: String,
    pub n: i64,
    pub at_ms: i64,
    pub proposed_action: String,
    pub final_action: String,
    pub instrument: Option<String>,
    pub rolled_from: Option<String>,
    pub size_e8: Option<i64>,
    pub propensity: f64,
    pub explored: bool,
    pub fills: i64,
    pub reason: String,
    pub refusal: Option<String>,
}

/// One row of `backtest_chains`.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct ChainRow {
    pub backtest: String,
    pub n: i64,
    pub decision: String,
    pub opened_ms: i64,
    pub closed_ms: i64,
    pub regime: String,
    pub legs: i64,
    pub pnl_e8: i64,
    pub pnl_usd: f64,
    pub fees_e8: i64,
    pub max_drawdown: f64,
}

/// One row of `backtest_legs`; `chain` is the number of its chain.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct LegRow {
    pub backtest: String,
    pub chain: i64,
    pub n: i64,
    pub instrument: String,
    pub size_e8: i64,
    pub opened_ms: i64,
    pub closed_ms: i64,
    pub strike_usd: i64,
    pub dte_open: f64,
    pub delta_open: Option<f64>,
    pub iv_open: Option<f64>,
    pub score: Option<f64>,
    pub regime: String,
    pub open_price_e8: i64,
    pub open_price_usd: f64,
    pub close_price_e8: i64,
    pub close_price_usd: f64,
    pub fees_e8: i64,
    pub fees_usd: f64,
    pub pnl_e8: i64,
    pub pnl_usd: f64,
    pub ended_by: String,
    pub assigned: bool,
}

/// Every step of a run, in order.
pub async fn equity(db: &Db, id: &str) -> sqlx::Result<Vec<EquityRow>> {
    read!(db, pool => sqlx::query_as("select * from backtest_equity where backtest = $1 order by n")
        .bind(id).fetch_all(pool).await)
}

/// Decisions that wanted something, in order.
pub async fn decisions(db: &Db, id: &str) -> sqlx::Result<Vec<DecisionRow>> {
    read!(db, pool => sqlx::query_as("select * from backtest_decisions where backtest = $1 order by n")
        .bind(id).fetch_all(pool).await)
}

/// Roll chains, in the order of their first sale.
pub async fn chains(db: &Db, id: &str) -> sqlx::Result<Vec<ChainRow>> {
    read!(db, pool => sqlx::query_as("select * from backtest_chains where backtest = $1 order by n")
        .bind(id).fetch_all(pool).await)
}

/// Legs, chain by chain.
pub async fn legs(db: &Db, id: &str) -> sqlx::Result<Vec<LegRow>> {
    read!(db, pool => sqlx::query_as("select * from backtest_legs where backtest = $1 order by chain, n")
        .bind(id).fetch_all(pool).await)
}

const TABLES: [&str; 4] = [
    "delete from backtest_equity where backtest = $1",
    "delete from backtest_decisions where backtest = $1",
    "delete from backtest_chains where backtest = $1",
    "delete from backtest_legs where backtest = $1",
];

pub(super) async fn clear(tx: &mut Tx, id: &str) -> sqlx::Result<()> {
    for sql in TABLES {
        on!(tx, conn => sqlx::query(sql).bind(id).execute(&mut *conn).await.map(|_| ()))?;
    }
    Ok(())
}

pub(super) async fn insert(
    tx: &mut Tx,
    id: &str,
    run: &Outcome,
    weekly: &[f64],
) -> sqlx::Result<()> {
    insert_equity(tx, id, run, weekly).await?;
    let wanted = |taken: &&Taken| taken.proposed != Action::DoNothing;
    let decisions: Vec<(i64, &Taken)> = (0..).zip(run.taken.iter().filter(wanted)).collect();
    insert_decisions(tx, id, &decisions).await?;
    let chains: Vec<(i64, &RollChain)> = (0..).zip(&run.chains).collect();
    insert_chains(tx, id, &chains).await?;
    let legs: Vec<(i64, &Leg)> = chains
        .iter()
        .flat_map(|(n, chain)| chain.legs.iter().map(|leg| (*n, leg)))
        .collect();
    insert_legs(tx, id, &legs).await
}

async fn insert_equity(tx: &mut Tx, id: &str, run: &Outcome, weekly: &[f64]) -> sqlx::Result<()> {
    let scaled = |value: f64| to_e8(money::decimal(value).unwrap_or_default());
    let points: Vec<_> = run
        .points
        .iter()
        .enumerate()
        .map(|(n, point)| (n as i64, point, weekly.get(n).copied()))
        .collect();
    insert_rows!(tx,
        "insert into backtest_equity (backtest, n, at_ms, index_price, balance_e8, option_value_e8, equity_e8, \
         equity_usd, short_calls_e8, regime, weekly_e8) ",
        &points, (row, bind) => {
            let (n, point, weekly) = row;
            bind.push_bind(id.to_owned());
            bind.push_bind(*n);
            bind.push_bind(point.at_ms);
            bind.push_bind(point.index_price);
            bind.push_bind(to_e8(point.balance));
            bind.push_bind(scaled(point.option_value));
            bind.push_bind(scaled(point.equity));
            bind.push_bind(point.equity_usd());
            bind.push_bind(to_e8(point.short_calls));
            bind.push_bind(point.regime.as_str());
            bind.push_bind(weekly.map(scaled));
        }
    )
}

async fn insert_decisions(tx: &mut Tx, id: &str, rows: &[(i64, &Taken)]) -> sqlx::Result<()> {
    insert_rows!(tx,
        "insert into backtest_decisions (backtest, n, at_ms, proposed_action, final_action, instrument, \
         rolled_from, size_e8, propensity, explored, fills, reason, refusal) ",
        rows, (row, bind) => {
            let (n, taken) = row;
            let shown = match taken.final_action {
                Action::DoNothing => taken.proposed,
                carried_out => carried_out,
            };
            bind.push_bind(id.to_owned());
            bind.push_bind(*n);
            bind.push_bind(taken.at_ms);
            bind.push_bind(taken.proposed.name());
            bind.push_bind(taken.final_action.name());
            bind.push_bind(shown.instrument().map(|call| call.name()));
            bind.push_bind(shown.rolled_from().map(|call| call.name()));
            bind.push_bind(shown.size().map(to_e8));
            bind.push_bind(taken.propensity);
            bind.push_bind(taken.explored);
            bind.push_bind(i64::from(taken.fills));
            bind.push_bind(taken.reason.clone());
            bind.push_bind(taken.refusal.clone());
        }
    )
}

async fn insert_chains(tx: &mut Tx, id: &str, rows: &[(i64, &RollChain)]) -> sqlx::Result<()> {
    insert_rows!(tx,
        "insert into backtest_chains (backtest, n, decision, opened_ms, closed_ms, regime, legs, pnl_e8, pnl_usd, \
         fees_e8, max_drawdown) ",
        rows, (row, bind) => {
            let (n, chain) = row;
            bind.push_bind(id.to_owned());
            bind.push_bind(*n);
            bind.push_bind(chain.decision.clone());
            bind.push_bind(chain.opened_ms);
            bind.push_bind(chain.closed_ms);
            bind.push_bind(chain.regime.as_str());
            bind.push_bind(chain.legs.len() as i64);
            bind.push_bind(to_e8(chain.pnl));
            bind.push_bind(chain.pnl_usd);
            bind.push_bind(to_e8(chain.fees));
            bind.push_bind(chain.max_drawdown);
        }
    )
}

async fn insert_legs(tx: &mut Tx, id: &str, rows: &[(i64, &Leg)]) -> sqlx::Result<()> {
    insert_rows!(tx,
        "insert into backtest_legs (backtest, chain, n, instrument, size_e8, opened_ms, closed_ms, strike_usd, \
         dte_open, delta_open, iv_open, score, regime, open_price_e8, open_price_usd, close_price_e8, \
         close_price_usd, fees_e8, fees_usd, pnl_e8, pnl_usd, ended_by, assigned) ",
        rows, (row, bind) => {
            let (chain, leg) = row;
            bind.push_bind(id.to_owned());
            bind.push_bind(*chain);
            bind.push_bind(i64::from(leg.index));
            bind.push_bind(leg.instrument.name());
            bind.push_bind(to_e8(leg.size));
            bind.push_bind(leg.opened_ms);
            bind.push_bind(leg.closed_ms);
            bind.push_bind(i64::from(leg.strike_usd));
            bind.push_bind(leg.dte_open);
            bind.push_bind(bulk::float(leg.delta_open));
            bind.push_bind(bulk::float(leg.iv_open));
            bind.push_bind(bulk::float(leg.score));
            bind.push_bind(leg.regime.as_str());
            bind.push_bind(to_e8(leg.open_price));
            bind.push_bind(leg.open_price_usd);
            bind.push_bind(to_e8(leg.close_price));
            bind.push_bind(leg.close_price_usd);
            bind.push_bind(to_e8(leg.fees));
            bind.push_bind(leg.fees_usd);
            bind.push_bind(to_e8(leg.pnl));
            bind.push_bind(leg.pnl_usd);
            bind.push_bind(leg.trigger.map_or("open", |trigger| trigger.as_str()));
            bind.push_bind(leg.assigned);
        }
    )
}
