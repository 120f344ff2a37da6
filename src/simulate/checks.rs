//! What must hold: after every job, and once faults have stopped and the queue is empty.

use super::desk::Rig;
use crate::db::{books, decisions, jobs, orders};
use crate::domain::coin::Coin;
use crate::domain::money::{from_e8, to_e8};
use crate::exchange::Exchange;
use std::collections::{BTreeMap, BTreeSet};

/// What was found, and how far the rows were read.
#[derive(Debug, Default)]
pub(super) struct Violations {
    /// (checker, message), in the order in which they were found.
    pub(super) found: Vec<(&'static str, String)>,
    /// Newest order that was looked at.
    order: Option<String>,
    /// Newest decision that was looked at.
    decision: Option<String>,
}

impl Violations {
    fn push(&mut self, checker: &'static str, message: String) {
        if self.found.last().is_none_or(|last| last.1 != message) {
            self.found.push((checker, message));
        }
    }
}

/// More orders than one job writes.
const NEW_MAX: i64 = 20;

/// Checked after every job.
pub(super) async fn after_a_job(rig: &Rig, found: &mut Violations) -> anyhow::Result<()> {
    for coin in Coin::ALL {
        cover(rig, coin, found).await?;
    }
    orders_are_approved_once(rig, found).await?;
    nothing_later_than_as_of(rig, found).await
}

/// Checked when nothing has gone wrong for a while.
pub(super) async fn once_quiet(rig: &Rig, found: &mut Violations) -> anyhow::Result<()> {
    for coin in Coin::ALL {
        books_agree(rig, coin, found).await?;
    }
    the_queue_is_empty(rig, found).await
}

/// Short calls and open sell orders never exceed the coin held, at the exchange's own word.
async fn cover(rig: &Rig, coin: Coin, found: &mut Violations) -> anyhow::Result<()> {
    let cover = rig.truth.cover(coin, rig.now_ms()).await?;
    if cover.short + cover.offered > cover.held {
        found.push("cover", format!("{coin}: {cover:?}"));
    }
    Ok(())
}

/// Every order belongs to a decision that risk approved before it, and its label is its own.
async fn orders_are_approved_once(rig: &Rig, found: &mut Violations) -> anyhow::Result<()> {
    let mut rows = orders::list(&rig.db, &rig.ctx.desk, None, NEW_MAX).await?;
    let labels: BTreeSet<&String> = rows.iter().map(|row| &row.label).collect();
    if labels.len() < rows.len() {
        found.push("approval", "two orders share a label".to_owned());
    }
    let known = found.order.clone();
    rows.retain(|row| known.as_ref().is_none_or(|known| row.id > *known));
    if let Some(newest) = rows.first() {
        found.order = Some(newest.id.clone());
    }
    for row in &rows {
        let decision = decisions::get(&rig.db, &row.decision).await?;
        let approved = decision.as_ref().is_some_and(|decision| {
            decision.risk_verdict == "approved" && decision.as_of_ms <= row.created_ms
        });
        if !approved {
            let message = format!("order {} has no approval before it", row.label);
            found.push("approval", message);
        }
    }
    Ok(())
}

/// No context holds a quote or a position of its own future.
async fn nothing_later_than_as_of(rig: &Rig, found: &mut Violations) -> anyhow::Result<()> {
    let newest = decisions::newest_id(&rig.db, &rig.ctx.desk).await?;
    if newest == found.decision {
        return Ok(());
    }
    found.decision = newest;
    let filter = decisions::DecisionFilter::of(&rig.ctx.desk, 2);
    for row in decisions::list(&rig.db, &filter).await? {
        if row.snapshot_at_ms.is_some_and(|at_ms| at_ms > row.as_of_ms) {
            let message = format!("decision {} saw quotes of its future", row.id);
            found.push("as_of", message);
        }
    }
    Ok(())
}

/// Positions and cash folded from our rows are the exchange's, to the satoshi.
async fn books_agree(rig: &Rig, coin: Coin, found: &mut Violations) -> anyhow::Result<()> {
    let (truth, at_ms) = (Exchange::Sim(rig.truth.clone()), rig.now_ms());
    let ours = books::portfolio(&rig.db, &rig.ctx.desk).await?;
    let positions: BTreeMap<String, i64> = ours
        .positions_of(coin)
        .map(|held| (held.instrument.name(), to_e8(held.size)))
        .collect();
    let theirs: BTreeMap<String, i64> = truth
        .positions(coin, at_ms)
        .await?
        .iter()
        .map(|held| (held.instrument.name(), to_e8(held.size)))
        .collect();
    if positions != theirs {
        let message = format!("{coin}: ours {positions:?}, the exchange's {theirs:?}");
        found.push("positions", message);
    }
    let (cash, balance) = (
        ours.cash(coin.as_str()),
        truth.account(coin, at_ms).await?.balance,
    );
    if (cash - balance).abs() > from_e8(1) {
        let message = format!("{coin}: ours {cash}, the exchange's {balance}");
        found.push("cash", message);
    }
    Ok(())
}

/// Nothing waits, runs or works any more but what waits for its time.
async fn the_queue_is_empty(rig: &Rig, found: &mut Violations) -> anyhow::Result<()> {
    for count in jobs::counts(&rig.db, &rig.ctx.desk).await? {
        if ["available", "running", "failed"].contains(&count.state.as_str()) {
            let message = format!("{} {} jobs are {}", count.jobs, count.kind, count.state);
            found.push("liveness", message);
        }
    }
    for coin in Coin::ALL {
        for order in orders::working(&rig.db, &rig.ctx.desk, coin).await? {
            let age_ms = rig.now_ms() - order.created_ms;
            if age_ms > 3_600_000 {
                let message = format!("order {} works for {age_ms} ms", order.label);
                found.push("liveness", message);
            }
        }
    }
    Ok(())
}
