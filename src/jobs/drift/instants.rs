//! The instants of a range: those at which the desk decided, and those at which it owed a decision.

use super::lived::Lived;
use crate::clock::iso;
use crate::ctx::{Ctx, LIVE};
use crate::db::chains;
use crate::db::jobs::{self, Filter};
use crate::jobs::Job;
use crate::jobs::registry;
use crate::jobs::schedule::next_slot_ms;
use crate::jobs::tick::Tick;
use std::collections::BTreeMap;

/// One instant; `row` and `failed` are places in [`Lived::decisions`].
#[derive(Clone, Debug, Default)]
pub(super) struct Instant {
    pub(super) row: Option<usize>,
    /// The last failed attempt, when no attempt came through.
    pub(super) failed: Option<usize>,
    /// Why the decision that was owed is not there.
    pub(super) missed: Option<String>,
    /// The chain store it is made again from.
    pub(super) source: Option<String>,
    /// Whether the chain is there.
    pub(super) quoted: bool,
}

pub(super) async fn of(ctx: &Ctx, lived: &Lived) -> anyhow::Result<BTreeMap<i64, Instant>> {
    let mut instants: BTreeMap<i64, Instant> = BTreeMap::new();
    for (at, row) in lived.decisions.iter().enumerate() {
        if super::lived::by_hand(row) {
            continue;
        }
        let instant = instants.entry(row.as_of_ms).or_default();
        if row.error.is_some() {
            instant.failed = Some(at);
        } else {
            instant.row = Some(at);
            instant.source.clone_from(&row.snapshot_source);
        }
    }
    for slot in owed(ctx, lived).await? {
        if instants.range(slot.from_ms..slot.to_ms).next().is_none() {
            let missed = Some(reason(ctx, lived, slot.from_ms).await?);
            let instant = Instant {
                missed,
                ..Instant::default()
            };
            instants.insert(slot.from_ms, instant);
        }
    }
    name_sources(&mut instants);
    Ok(instants)
}

/// A decision is owed from here until before `to_ms`.
struct Slot {
    from_ms: i64,
    to_ms: i64,
}

/// A replay decides at every recorded chain, the live desk at every slot of its schedule.
async fn owed(ctx: &Ctx, lived: &Lived) -> anyhow::Result<Vec<Slot>> {
    let Some(opened_ms) = lived.opened_ms() else {
        return Ok(Vec::new());
    };
    let (from_ms, to_ms) = (lived.range.0.max(opened_ms), lived.range.1);
    if lived.sources() == [chains::RECORDED] {
        let times = chains::times(&ctx.db, chains::RECORDED, lived.coin, from_ms, to_ms).await?;
        let slot = |at_ms| Slot {
            from_ms: at_ms,
            to_ms: at_ms + 1,
        };
        return Ok(times.into_iter().map(slot).collect());
    }
    if lived.desk != LIVE {
        return Ok(Vec::new());
    }
    let registry = registry::all();
    let settings = registry.known(Tick::KIND)?.settings(&ctx.config);
    let Some(cron) = settings.schedule else {
        return Ok(Vec::new());
    };
    // The slot of the very opening has no job: the schedule begins after it.
    let first_ms = from_ms.max(opened_ms.saturating_add(1));
    slots(&cron, first_ms, to_ms)
}

fn slots(cron: &str, from_ms: i64, to_ms: i64) -> anyhow::Result<Vec<Slot>> {
    let mut slots = Vec::new();
    let mut next = next_slot_ms(cron, from_ms.saturating_sub(1))?;
    while let Some(slot_ms) = next.filter(|slot_ms| *slot_ms <= to_ms) {
        next = next_slot_ms(cron, slot_ms)?;
        slots.push(Slot {
            from_ms: slot_ms,
            to_ms: next.unwrap_or(i64::MAX),
        });
    }
    Ok(slots)
}

/// What became of the job of a slot, as far as it is kept.
async fn reason(ctx: &Ctx, lived: &Lived, slot_ms: i64) -> anyhow::Result<String> {
    let key = format!("{}:{}:{slot_ms}", Tick::KIND, lived.coin);
    let filter = Filter {
        desk: Some(lived.desk.clone()),
        kind: Some(Tick::KIND.to_owned()),
        search: Some(key),
        limit: 1,
        ..Filter::default()
    };
    let found = jobs::list(&ctx.db, &filter).await?;
    let Some(job) = found.first() else {
        return Ok("no tick ran: no process was at work, or the schedule was paused".to_owned());
    };
    let skipped = job
        .result
        .as_ref()
        .and_then(|done| done["skipped"].as_str());
    let why = skipped.or(job.error.as_deref()).unwrap_or("no reason kept");
    Ok(format!("its job {} {}: {why}", job.id, job.state))
}

/// An instant without a decision is made again from the store of the decision before it, or after.
fn name_sources(instants: &mut BTreeMap<i64, Instant>) {
    let mut last = instants.values().find_map(|one| one.source.clone());
    for instant in instants.values_mut() {
        if instant.source.is_none() {
            instant.source.clone_from(&last);
        } else {
            last.clone_from(&instant.source);
        }
    }
}

/// `09:30`, with the day when it is another one.
pub(super) fn clock(at_ms: i64) -> String {
    iso(at_ms)
        .replace('T', " ")
        .replace(":00Z", "")
        .replace('Z', "")
}
