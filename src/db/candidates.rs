//! The `candidates` table: every call a decision looked at, as a plain row.

use crate::db::{Db, Tx, bulk};
use crate::domain::decision::Candidate;
use sqlx::types::Json;
use std::collections::BTreeMap;

/// One row of `candidates`; prices in the quote currency per coin, volatilities and yields as fractions.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow, serde::Serialize)]
pub struct CandidateRow {
    pub decision: String,
    pub n: i64,
    pub instrument: String,
    pub expiry_ms: i64,
    pub strike_usd: i64,
    pub dte: f64,
    pub delta: Option<f64>,
    pub bid: Option<f64>,
    pub ask: Option<f64>,
    pub mark_iv: Option<f64>,
    pub ivrv: Option<f64>,
    pub open_interest: Option<f64>,
    pub premium_usd: Option<f64>,
    pub yield_net: Option<f64>,
    pub failed_filter: Option<String>,
    pub failed_by: Option<f64>,
    pub admit_at: Option<f64>,
    pub score: Option<f64>,
    pub rank: Option<i64>,
    pub propensity: f64,
    pub chosen: bool,
    pub terms: Option<Json<BTreeMap<String, f64>>>,
}

impl CandidateRow {
    /// The numbers the filters measured, without what became of them; `None` for a name we do not know.
    pub fn measured(&self) -> Option<Candidate> {
        Some(Candidate {
            instrument: self.instrument.parse().ok()?,
            dte: self.dte,
            delta: self.delta,
            bid: self.bid,
            ask: self.ask,
            mark_iv: self.mark_iv,
            ivrv: self.ivrv,
            open_interest: self.open_interest,
            premium_usd: self.premium_usd,
            yield_net: self.yield_net,
            failed: None,
            score: None,
            rank: None,
            propensity: 0.0,
            chosen: false,
            terms: BTreeMap::new(),
        })
    }
}

/// Stores a decision's candidates in their order, numbered from 0.
pub async fn insert(tx: &mut Tx, decision: &str, candidates: &[Candidate]) -> sqlx::Result<()> {
    let rows: Vec<(i64, &Candidate)> = (0..).zip(candidates).collect();
    insert_rows!(tx,
        "insert into candidates (decision, n, instrument, expiry_ms, strike_usd, dte, delta, bid, ask, \
         mark_iv, ivrv, open_interest, premium_usd, yield_net, failed_filter, failed_by, admit_at, score, \
         rank, propensity, chosen, terms) ",
        &rows, (row, bind) => {
            let (n, candidate) = row;
            let failed = candidate.failed.as_ref();
            bind.push_bind(decision.to_owned());
            bind.push_bind(*n);
            bind.push_bind(candidate.instrument.name());
            bind.push_bind(candidate.instrument.expiry_ms);
            bind.push_bind(i64::from(candidate.instrument.strike_usd));
            bind.push_bind(candidate.dte);
            bind.push_bind(bulk::float(candidate.delta));
            bind.push_bind(bulk::float(candidate.bid));
            bind.push_bind(bulk::float(candidate.ask));
            bind.push_bind(bulk::float(candidate.mark_iv));
            bind.push_bind(bulk::float(candidate.ivrv));
            bind.push_bind(bulk::float(candidate.open_interest));
            bind.push_bind(bulk::float(candidate.premium_usd));
            bind.push_bind(bulk::float(candidate.yield_net));
            bind.push_bind(failed.map(|failed| failed.filter.as_str()));
            bind.push_bind(bulk::float(failed.and_then(|failed| failed.by)));
            bind.push_bind(bulk::float(failed.and_then(|failed| failed.admit_at)));
            bind.push_bind(bulk::float(candidate.score));
            bind.push_bind(candidate.rank.map(i64::from));
            bind.push_bind(candidate.propensity);
            bind.push_bind(candidate.chosen);
            bind.push_bind((!candidate.terms.is_empty()).then(|| Json(candidate.terms.clone())));
        }
    )
}

/// The candidates of one decision in chain order.
pub async fn of_decision(db: &Db, decision: &str) -> sqlx::Result<Vec<CandidateRow>> {
    read!(db, pool => sqlx::query_as("select * from candidates where decision = $1 order by n")
        .bind(decision).fetch_all(pool).await)
}

/// Deletes the candidates that did not qualify of all but the newest `keep` decisions of a desk; at most
/// `batch` decisions at once. Gives the number of rows deleted.
pub async fn prune(tx: &mut Tx, desk: &str, keep: i64, batch: i64) -> sqlx::Result<u64> {
    on!(tx, conn => Ok(sqlx::query(
        "delete from candidates where rank is null and not chosen and decision in ( \
         select d.id from decisions d where d.desk = $1 and d.id < ( \
           select id from decisions where desk = $1 order by id desc limit 1 offset $2) \
         and exists (select 1 from candidates c where c.decision = d.id and c.rank is null and not c.chosen) \
         order by d.id limit $3)",
    )
    .bind(desk).bind(keep).bind(batch)
    .execute(&mut *conn).await?.rows_affected()))
}
