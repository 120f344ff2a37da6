//! Stored trades into stored chains: what `market::rebuilt` makes of them, instant by instant.

use super::plan::{gaps, ready};
use super::report::RebuiltReport;
use super::{FetchError, Request, What, page};
use crate::clock::Stopwatch;
use crate::db::chains::{self, REBUILT, SnapshotRow};
use crate::db::{Db, fetched, history, prints};
use crate::domain::coin::Coin;
use crate::domain::instrument::DAY_MS;
use crate::domain::tape::Print;
use crate::import::Progress;
use crate::market::rebuilt::{Beside, LOOKBACK_MS, Provenance, rebuild as rebuilt_chain};
use chrono::DateTime;
use std::collections::BTreeSet;

/// Closest and farthest apart that chains may be.
pub const STEP_MS: std::ops::RangeInclusive<i64> = 300_000..=DAY_MS;

/// Makes a chain at every multiple of `step_ms` in the request's stretch from the trades stored under `source`;
/// instants that have one are left alone, so a cut-off run goes on.
pub async fn rebuild(
    db: &Db,
    source: &str,
    request: &Request,
    now_ms: i64,
    step_ms: i64,
    progress: &mut dyn Progress,
) -> Result<RebuiltReport, FetchError> {
    let coin = request.coin;
    let (from_ms, to_ms) = ready(What::Trades, (request.from_ms, request.to_ms), now_ms);
    refuse_holes(db, source, coin, (from_ms, to_ms)).await?;
    for what in [What::Deliveries, What::Dvol] {
        page::refuse_mixing(db, source, what, coin).await?;
    }
    let stored_as = stored_as(source);
    let known = chains::times(db, &stored_as, coin, from_ms, to_ms).await?;
    let known: BTreeSet<i64> = known.into_iter().collect();
    let mut market = Market::open(db, source, coin, to_ms).await?;
    let mut report = RebuiltReport::new(&stored_as, step_ms);
    let watch = Stopwatch::start();
    let first_ms = (from_ms + step_ms - 1).div_euclid(step_ms) * step_ms;
    for at_ms in (first_ms..=to_ms).step_by(step_ms as usize) {
        if known.contains(&at_ms) {
            report.existing += 1;
            continue;
        }
        let fraction = (at_ms - from_ms) as f64 / (to_ms - from_ms).max(1) as f64;
        let note = note(at_ms, report.chains, watch.elapsed().as_secs_f64());
        progress.report(fraction, &note).await?;
        market.advance(at_ms).await?;
        let Some(made) = rebuilt_chain(coin, at_ms, &market.prints, market.beside(at_ms)) else {
            report.without += 1;
            continue;
        };
        let mut tx = db.begin().await?;
        chains::insert(&mut tx, &SnapshotRow::of_rebuilt(&stored_as, &made)).await?;
        tx.commit().await?;
        report.chains += 1;
        report.quotes += made.provenance.len() as u64;
        let own = made
            .provenance
            .iter()
            .filter(|one| **one == Provenance::Print);
        report.from_prints += own.count() as u64;
    }
    Ok(report)
}

/// `rebuilt`, or `rebuilt:HOST` of another host than the real exchange's.
fn stored_as(source: &str) -> String {
    format!("{REBUILT}{}", source.trim_start_matches(chains::DERIBIT))
}

/// A chain out of trades that were never fetched would be a guess.
async fn refuse_holes(
    db: &Db,
    source: &str,
    coin: Coin,
    wanted: (i64, i64),
) -> Result<(), FetchError> {
    let known = fetched::stretches(db, source, What::Trades.kind(), coin).await?;
    if gaps(wanted, &known).is_empty() {
        return Ok(());
    }
    Err(FetchError::Refused(format!(
        "not all trades of {coin} of that time are stored under `{source}`; add trades to --what"
    )))
}

fn note(at_ms: i64, chains: u64, seconds: f64) -> String {
    let at = DateTime::from_timestamp_millis(at_ms).unwrap_or_default();
    let rate = chains as f64 / seconds.max(0.001);
    format!(
        "chain of {}, {chains} made, {rate:.0} a second",
        at.format("%Y-%m-%d %H:%M")
    )
}

/// What was known of the market up to an instant, moved forward in time.
struct Market<'a> {
    db: &'a Db,
    source: &'a str,
    coin: Coin,
    prints: Vec<Print>,
    /// Prints up to here are in.
    loaded_ms: Option<i64>,
    closes: Vec<(i64, f64)>,
    dvol: Vec<(i64, f64)>,
}

impl<'a> Market<'a> {
    async fn open(db: &'a Db, source: &'a str, coin: Coin, to_ms: i64) -> Result<Self, FetchError> {
        Ok(Self {
            db,
            source,
            coin,
            prints: Vec::new(),
            loaded_ms: None,
            closes: history::closes(db, coin, to_ms).await?,
            dvol: history::volatility_index(db, coin, to_ms).await?,
        })
    }

    /// Takes in the prints up to an instant and lets go of those that no longer count.
    async fn advance(&mut self, at_ms: i64) -> Result<(), FetchError> {
        let oldest_ms = at_ms - LOOKBACK_MS;
        let from_ms = self
            .loaded_ms
            .map_or(oldest_ms, |loaded_ms| loaded_ms.max(oldest_ms))
            + 1;
        let old = self
            .prints
            .partition_point(|print| print.at_ms <= oldest_ms);
        self.prints.drain(..old);
        let new = prints::between(self.db, self.source, self.coin, from_ms, at_ms).await?;
        self.prints.extend(new);
        self.loaded_ms = Some(at_ms);
        Ok(())
    }

    fn beside(&self, at_ms: i64) -> Beside {
        let last = |series: &[(i64, f64)]| {
            let known = series.partition_point(|(then_ms, _)| *then_ms <= at_ms);
            series[..known].last().copied()
        };
        let week = |(then_ms, _): &(i64, f64)| *then_ms > at_ms - LOOKBACK_MS;
        Beside {
            dvol: last(&self.dvol).filter(week).map(|(_, close)| close),
            delivery: last(&self.closes),
        }
    }
}
