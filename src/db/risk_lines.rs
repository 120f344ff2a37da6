//! The `risk_lines` table: every check of the risk engine with its value, limit and headroom.

use crate::db::{Db, Tx, bulk};
use crate::domain::decision::RiskLine;

/// One row of `risk_lines`.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct RiskLineRow {
    pub decision: String,
    pub n: i64,
    pub leg: String,
    pub check_name: String,
    pub value: Option<f64>,
    pub limit_value: Option<f64>,
    pub headroom: Option<f64>,
    pub unit: String,
    pub verdict: String,
    pub note: Option<String>,
}

/// Stores a decision's checks in the order they were made, numbered from 0.
pub async fn insert(tx: &mut Tx, decision: &str, lines: &[RiskLine]) -> sqlx::Result<()> {
    let rows: Vec<(i64, &RiskLine)> = (0..).zip(lines).collect();
    insert_rows!(tx,
        "insert into risk_lines (decision, n, leg, check_name, value, limit_value, headroom, unit, verdict, note) ",
        &rows, (row, bind) => {
            let (n, line) = row;
            bind.push_bind(decision.to_owned());
            bind.push_bind(*n);
            bind.push_bind(line.leg.clone());
            bind.push_bind(line.check.clone());
            bind.push_bind(bulk::float(line.value));
            bind.push_bind(bulk::float(line.limit));
            bind.push_bind(bulk::float(line.headroom));
            bind.push_bind(line.unit.clone());
            bind.push_bind(line.verdict.as_str());
            bind.push_bind(line.note.clone());
        }
    )
}

/// The checks of one decision in order.
pub async fn of_decision(db: &Db, decision: &str) -> sqlx::Result<Vec<RiskLineRow>> {
    read!(db, pool => sqlx::query_as("select * from risk_lines where decision = $1 order by n")
        .bind(decision).fetch_all(pool).await)
}
