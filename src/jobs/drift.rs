//! `drift`: the desk's own days made again by the backtester, and the reason of every difference.
//!
//! The run starts from the book the desk had, decides at the instants the desk decided at on the chains it
//! saw, and follows its settings; everything else is its own. What then differs is a row with its kind.

mod absent;
mod explain;
mod instants;
mod kind;
mod lived;
mod market;
mod trades;
mod valued;
mod walk;
mod words;

pub use kind::Kind;

use super::{Defaults, Done, Job, JobError, Running, Schedule};
use crate::backtest::{Again, rerun};
use crate::clock::derived_id;
use crate::config::Missed;
use crate::ctx::{CODE_VERSION, Ctx, LIVE};
use crate::db::decisions;
use crate::db::drifts::{self, DifferenceRow, DriftRow};
use crate::domain::coin::Coin;
use crate::domain::instrument::DAY_MS;
use lived::Lived;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

/// The last whole day of every underlying of the desk, unless it says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub underlying: Option<Coin>,
    /// Milliseconds UTC; midnight before `to_ms` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_ms: Option<i64>,
    /// Included; the last millisecond of yesterday when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_ms: Option<i64>,
    /// A book besides the job's own, for example that of a replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desk: Option<String>,
}

impl Job for Drift {
    const KIND: &'static str = "drift";
    const DEFAULTS: Defaults = Defaults {
        timeout_ms: 1_800_000,
        schedule: Schedule::Cron("0 30 0 * * *"),
        missed: Missed::Skip,
        ..Defaults::STANDARD
    };

    async fn run(self, ctx: Ctx, job: &mut Running) -> Result<Done, JobError> {
        let desk = self.desk.as_ref().unwrap_or(&ctx.desk);
        let now_ms = ctx.clock.now_ms();
        // The time of a watcher stands where the workers left it, a little before their last decision.
        let last_ms = decisions::last_as_of_ms(&ctx.db, desk).await?;
        let Some(last_ms) = last_ms else {
            return undecided(desk, job.slot_ms.is_some());
        };
        let present_ms = last_ms.max(now_ms);
        let range = self.range(job.slot_ms.unwrap_or(now_ms), present_ms)?;
        let coins = self.underlying.map_or_else(
            || ctx.config.desk.underlyings.clone(),
            |underlying| vec![underlying],
        );
        let mut found = Vec::new();
        for (n, coin) in coins.iter().enumerate() {
            job.check()?;
            let fraction = n as f64 / coins.len().max(1) as f64;
            job.progress(fraction, format!("{coin}: reading what the desk did"))
                .await;
            found.push(compare(&ctx, job, desk, *coin, range).await?);
        }
        let done = done(&found);
        let mut tx = ctx.db.begin().await?;
        drifts::put(&mut tx, &job.id, &found).await?;
        job.finish(&mut tx, &done).await?;
        tx.commit().await?;
        Ok(done)
    }
}

impl Drift {
    /// Yesterday is counted from the slot; nothing later than the present can be made again.
    fn range(&self, now_ms: i64, present_ms: i64) -> Result<(i64, i64), JobError> {
        let today_ms = now_ms - now_ms.rem_euclid(DAY_MS);
        let to_ms = self
            .to_ms
            .or(self.from_ms.map(|_| present_ms))
            .unwrap_or(today_ms - 1)
            .min(present_ms);
        let from_ms = self.from_ms.unwrap_or(to_ms - to_ms.rem_euclid(DAY_MS));
        if from_ms > to_ms {
            return Err(JobError::Abort(anyhow::anyhow!(
                "from_ms: must not be later than to_ms, nor than the desk's present"
            )));
        }
        Ok((from_ms, to_ms))
    }
}

/// Nothing can be made again: by schedule that is no fault, asked for by hand it is answered with what helps.
fn undecided(desk: &str, by_schedule: bool) -> Result<Done, JobError> {
    let next = if desk == LIVE {
        "`thetaq tick` makes a first decision, `thetaq` opens the desk"
    } else {
        "name another book, or make this one with `thetaq replay`"
    };
    let text = format!("nothing was decided yet by the desk `{desk}`; {next}");
    if by_schedule {
        let mut nothing = done(&[]);
        nothing["skipped"] = text.into();
        return Ok(nothing);
    }
    Err(JobError::Abort(anyhow::anyhow!(text)))
}

/// One underlying: what the desk did, the same again, and what differs.
async fn compare(
    ctx: &Ctx,
    job: &Running,
    desk: &str,
    coin: Coin,
    range: (i64, i64),
) -> Result<(DriftRow, Vec<DifferenceRow>), JobError> {
    let lived = Lived::read(ctx, desk, coin, range).await?;
    let mut instants = instants::of(ctx, &lived).await?;
    let made = market::made(ctx, &lived, &mut instants).await?;
    let again = again(&lived, made.data).await?;
    let found = walk::differences(ctx, &lived, &instants, &again, made.features).await?;
    let id = derived_id(
        ctx.clock.wall_ms(),
        &["drift", &job.id, desk, coin.as_str()],
    );
    Ok(rows(ctx, job, &id, &lived, found))
}

async fn again(
    lived: &Lived,
    data: crate::backtest::Data,
) -> Result<BTreeMap<i64, Again>, JobError> {
    let rules = lived.rules();
    if data.snapshots().is_empty() || rules.is_empty() {
        return Ok(BTreeMap::new());
    }
    let opening = lived.opening()?;
    let work = move || rerun(&data, opening, &rules);
    let again = tokio::task::spawn_blocking(work).await?;
    let again = again.map_err(|error| JobError::Abort(error.into()))?;
    let at = |one: Again| (one.point.at_ms, one);
    Ok(again.into_iter().map(at).collect())
}

fn rows(
    ctx: &Ctx,
    job: &Running,
    id: &str,
    lived: &Lived,
    found: walk::Found,
) -> (DriftRow, Vec<DifferenceRow>) {
    let of_drift = |row: DifferenceRow| DifferenceRow {
        drift: id.to_owned(),
        ..row
    };
    let differences: Vec<_> = found.differences.into_iter().map(of_drift).collect();
    let unexplained = |row: &&DifferenceRow| row.kind == Kind::Unexplained.as_str();
    let row = DriftRow {
        id: id.to_owned(),
        job: job.id.clone(),
        desk: lived.desk.clone(),
        underlying: lived.coin.as_str().to_owned(),
        from_ms: lived.range.0,
        to_ms: lived.range.1,
        source: lived.sources().join(", "),
        decisions: lived.decisions.len() as i64,
        compared: found.compared,
        same: found.same,
        fills: lived.fills_in_range(),
        settlements: lived.settlements_in_range().count() as i64,
        differences: differences.len() as i64,
        unexplained: differences.iter().filter(unexplained).count() as i64,
        equity_desk_e8: found.equity.map(|(desk, _)| desk),
        equity_again_e8: found.equity.map(|(_, again)| again),
        code_version: CODE_VERSION.to_owned(),
        created_ms: ctx.clock.wall_ms(),
    };
    (row, differences)
}

/// What `thetaq jobs show` prints; the page and `thetaq drift` read the rows.
fn done(found: &[(DriftRow, Vec<DifferenceRow>)]) -> Done {
    let sum = |of: fn(&DriftRow) -> i64| found.iter().map(|(row, _)| of(row)).sum::<i64>();
    let each = found.iter().map(|(row, _)| {
        json!({
            "drift": row.id, "underlying": row.underlying, "compared": row.compared, "same": row.same,
            "differences": row.differences, "unexplained": row.unexplained,
        })
    });
    json!({
        "drifts": each.collect::<Vec<_>>(),
        "differences": sum(|row| row.differences),
        "unexplained": sum(|row| row.unexplained),
    })
}
