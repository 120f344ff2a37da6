//! The scheduler: one job row per slot, however many processes run, by a unique key of schedule and slot.
//!
//! Cron expressions are in desk time; a slot is due when desk time reaches it.

use super::Options;
use super::registry::{Kind, Registry, Settings};
use crate::config::Missed;
use crate::ctx::Ctx;
use crate::db::Tx;
use crate::db::schedules::{self, ScheduleRow};
use chrono::{DateTime, Utc};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A slot older than this, wall milliseconds, passed while nothing was alive: the missed policy decides.
const MISSED_AFTER_MS: i64 = 5_000;
/// Longest sleep; paused and resumed schedules are seen after it.
const NAP_MS: i64 = 250;

/// The first slot after a desk time, milliseconds; `None` when there is none.
pub fn next_slot_ms(cron: &str, after_ms: i64) -> anyhow::Result<Option<i64>> {
    let schedule = cron::Schedule::from_str(cron).map_err(|error| {
        anyhow::anyhow!("`{cron}` is not a cron expression with seconds: {error}")
    })?;
    let after: DateTime<Utc> = DateTime::from_timestamp_millis(after_ms)
        .ok_or_else(|| anyhow::anyhow!("{after_ms} ms is no time"))?;
    Ok(schedule
        .after(&after)
        .next()
        .map(|at| at.timestamp_millis()))
}

/// Writes the schedules that the configuration names; kinds without one lose theirs.
pub async fn declare(ctx: &Ctx, registry: &Registry) -> anyhow::Result<()> {
    let mut tx = ctx.db.begin().await?;
    for kind in registry.kinds() {
        let rows = rows_of(ctx, kind)?;
        let names: Vec<_> = rows.iter().map(|row| row.name.clone()).collect();
        for row in &rows {
            schedules::declare(&mut tx, row).await?;
        }
        schedules::retain(&mut tx, kind.name, &names).await?;
    }
    Ok(tx.commit().await?)
}

fn rows_of(ctx: &Ctx, kind: &Kind) -> anyhow::Result<Vec<ScheduleRow>> {
    let settings = kind.settings(&ctx.config);
    let Some(cron) = settings.schedule else {
        return Ok(Vec::new());
    };
    let next_slot_ms = next_slot_ms(&cron, ctx.clock.now_ms() - 1)?;
    let targets = (kind.defaults.targets)(&ctx.config);
    Ok(targets
        .into_iter()
        .map(|(suffix, args)| ScheduleRow {
            name: match suffix.as_str() {
                "" => kind.name.to_owned(),
                suffix => format!("{}:{suffix}", kind.name),
            },
            kind: kind.name.to_owned(),
            args,
            cron: cron.clone(),
            missed: match settings.missed {
                Missed::RunOnce => "run_once".to_owned(),
                Missed::Skip => "skip".to_owned(),
            },
            paused: false,
            next_slot_ms,
            last_slot_ms: None,
            last_job: None,
            updated_ms: ctx.clock.wall_ms(),
        })
        .collect())
}

/// Enqueues slots as they become due, until `stop`; errors are logged and tried again.
pub(crate) async fn run(ctx: Ctx, registry: Arc<Registry>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let nap_ms = match tick(&ctx, &registry).await {
            Ok(next_ms) => (next_ms.unwrap_or(i64::MAX) - ctx.clock.wall_ms()).clamp(1, NAP_MS),
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the scheduler failed; trying again"
                );
                NAP_MS
            }
        };
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(nap_ms.unsigned_abs())) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Enqueues every due slot once; returns the wall time of the next one.
pub async fn tick(ctx: &Ctx, registry: &Registry) -> anyhow::Result<Option<i64>> {
    let mut next_ms: Option<i64> = None;
    for row in schedules::list(&ctx.db).await? {
        let Some(kind) = registry.get(&row.kind).filter(|_| !row.paused) else {
            continue;
        };
        let Some(slot_ms) = row.next_slot_ms else {
            continue;
        };
        if slot_ms <= ctx.clock.now_ms() {
            fire(ctx, kind, &row).await?;
            next_ms = Some(0);
        } else {
            let due_ms = ctx.clock.wall_at_ms(slot_ms);
            next_ms = Some(next_ms.map_or(due_ms, |earliest| earliest.min(due_ms)));
        }
    }
    Ok(next_ms)
}

/// Moves one schedule past everything due, in one transaction with the jobs of its slots.
async fn fire(ctx: &Ctx, kind: &Kind, row: &ScheduleRow) -> anyhow::Result<()> {
    let due = due_slots(ctx, row)?;
    let settings = kind.settings(&ctx.config);
    let mut tx = ctx.db.begin().await?;
    if !schedules::advance(
        &mut tx,
        &ctx.clock,
        row,
        due.slots.last().copied(),
        due.next_ms,
    )
    .await?
    {
        return Ok(());
    }
    for slot_ms in due.slots {
        let options = slot_options(ctx, row, &settings, slot_ms);
        let job = super::enqueue::new_job(ctx, kind.name, row.args.clone(), &settings, options);
        let enqueued = crate::db::jobs::enqueue(&mut tx, &ctx.clock, &job).await?;
        schedules::set_last_job(&mut tx, &row.name, &enqueued.id).await?;
    }
    Ok(tx.commit().await?)
}

fn slot_options(ctx: &Ctx, row: &ScheduleRow, settings: &Settings, slot_ms: i64) -> Options {
    let stale = settings.stale_after_ms;
    Options {
        unique_key: Some(format!("{}:{slot_ms}", row.name)),
        slot_ms: Some(slot_ms),
        // Counted from the enqueue when the slot was missed: a slot that is run late on purpose is not stale.
        expires_at_ms: stale.map(|ms| ctx.clock.wall_at_ms(slot_ms).max(ctx.clock.wall_ms()) + ms),
        ..Options::default()
    }
}

struct Due {
    slots: Vec<i64>,
    next_ms: Option<i64>,
}

/// Slots to enqueue now: every recent one, and of those missed the latest or none, by the schedule's policy.
fn due_slots(ctx: &Ctx, row: &ScheduleRow) -> anyhow::Result<Due> {
    let (now_ms, wall_ms) = (ctx.clock.now_ms(), ctx.clock.wall_ms());
    let (mut slots, mut missed) = (Vec::new(), None);
    let mut next_ms = row.next_slot_ms;
    while let Some(slot_ms) = next_ms.filter(|slot_ms| *slot_ms <= now_ms) {
        if wall_ms - ctx.clock.wall_at_ms(slot_ms) > MISSED_AFTER_MS {
            missed = Some(slot_ms);
        } else {
            slots.push(slot_ms);
        }
        next_ms = next_slot_ms(&row.cron, slot_ms)?;
    }
    if row.missed == "run_once" && slots.is_empty() {
        slots.extend(missed);
    }
    Ok(Due { slots, next_ms })
}

/// Runs a schedule's job now, outside of its slots; `None` when there is no such schedule.
pub async fn run_now(
    ctx: &Ctx,
    registry: &Registry,
    name: &str,
) -> anyhow::Result<Option<crate::db::jobs::Enqueued>> {
    let mut tx = ctx.db.begin().await?;
    let enqueued = run_now_in(&mut tx, ctx, registry, name).await?;
    tx.commit().await?;
    Ok(enqueued)
}

/// As [`run_now`], within the caller's transaction.
pub async fn run_now_in(
    tx: &mut Tx,
    ctx: &Ctx,
    registry: &Registry,
    name: &str,
) -> anyhow::Result<Option<crate::db::jobs::Enqueued>> {
    let Some(row) = schedules::get(&ctx.db, name).await? else {
        return Ok(None);
    };
    let options = Options {
        slot_ms: Some(ctx.clock.now_ms()),
        ..Options::default()
    };
    let enqueued = registry
        .enqueue(tx, ctx, &row.kind, row.args.clone(), options)
        .await?;
    schedules::set_last_job(tx, name, &enqueued.id).await?;
    Ok(Some(enqueued))
}

/// Pauses or resumes a schedule; false when there is no such schedule.
pub async fn set_paused(ctx: &Ctx, name: &str, paused: bool) -> anyhow::Result<bool> {
    let mut tx = ctx.db.begin().await?;
    let changed = set_paused_in(&mut tx, ctx, name, paused).await?;
    tx.commit().await?;
    Ok(changed)
}

/// As [`set_paused`], within the caller's transaction.
pub async fn set_paused_in(
    tx: &mut Tx,
    ctx: &Ctx,
    name: &str,
    paused: bool,
) -> anyhow::Result<bool> {
    let Some(row) = schedules::get(&ctx.db, name).await? else {
        return Ok(false);
    };
    let next = next_slot_ms(&row.cron, ctx.clock.now_ms())?;
    Ok(schedules::set_paused(tx, &ctx.clock, name, paused, next).await?)
}
