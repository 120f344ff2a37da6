//! The anchor of the live desk's clock: one for all processes, and no time passes while nobody works.
//!
//! Desk time runs from the anchor in `desks` at the desk's speed. A process that starts to work when no
//! worker is alive moves the anchor: the desk goes on at the instant at which the last worker was heard,
//! not at where an accelerated clock would have leapt meanwhile.

use super::Ctx;
use crate::clock::{Clock, Time};
use crate::config::Config;
use crate::db::desks::{self, Alive, DeskRow};
use crate::db::{Db, decisions};

/// Why a process opens the live desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It runs jobs: desk time passes.
    Work,
    /// It only reads: desk time passes while some worker is alive and stands otherwise.
    Watch,
}

/// A process that moved the anchor has so long to report its first heartbeat.
const GRACE_MS: i64 = 10_000;

/// The clock of the live desk for a process that opens it now; a desk without an anchor lives in real time.
pub(super) async fn clock(
    db: &Db,
    mut row: DeskRow,
    config: &Config,
    purpose: Purpose,
) -> anyhow::Result<Clock> {
    if row.wall_anchor_ms.is_none() {
        return Ok(Clock::real());
    }
    let clock = Clock::scaled(0, 0, 1.0);
    if purpose == Purpose::Work
        && let Some(resume_ms) = resume_ms(db, &row, config, clock.wall_ms()).await?
    {
        let mut tx = db.begin().await?;
        let speed = config.exchange.speed;
        // Whoever loses this race to another process adopts the winner's anchor.
        desks::set_anchor(&mut tx, &row, resume_ms, clock.wall_ms(), speed).await?;
        tx.commit().await?;
        row = super::row(db, &row.id).await?;
    }
    clock.set(time(db, &row, config, purpose).await?);
    Ok(clock)
}

/// Where a starting worker takes desk time up; `None` when the anchor stands.
async fn resume_ms(
    db: &Db,
    row: &DeskRow,
    config: &Config,
    wall_ms: i64,
) -> anyhow::Result<Option<i64>> {
    let alive = desks::alive(db, wall_ms - config.queue.lease_ms).await?;
    let Some(stopped_ms) = stopped_at_ms(row, &alive, wall_ms) else {
        let same_speed = row.speed == Some(config.exchange.speed);
        return Ok((!same_speed).then(|| row.desk_at_ms(wall_ms)));
    };
    let last_ms = decisions::last_as_of_ms(db, &row.id).await?;
    Ok(Some(
        row.desk_at_ms(stopped_ms).max(last_ms.unwrap_or(i64::MIN)),
    ))
}

/// Sets the clock to what the row says now.
pub(super) async fn refresh(ctx: &Ctx, purpose: Purpose) -> anyhow::Result<()> {
    let row = ctx.row().await?;
    if row.wall_anchor_ms.is_some() {
        let time = time(&ctx.db, &row, &ctx.config, purpose).await?;
        if time != ctx.clock.time() {
            ctx.clock.set(time);
        }
    }
    Ok(())
}

async fn time(db: &Db, row: &DeskRow, config: &Config, purpose: Purpose) -> anyhow::Result<Time> {
    let wall_ms = Clock::real().wall_ms();
    let running = Time::Scaled {
        desk_anchor_ms: row.desk_anchor_ms.unwrap_or(wall_ms),
        wall_anchor_ms: row.wall_anchor_ms.unwrap_or(wall_ms),
        speed: row.speed.unwrap_or(1.0),
    };
    if purpose == Purpose::Work {
        return Ok(running);
    }
    let alive = desks::alive(db, wall_ms - config.queue.lease_ms).await?;
    Ok(match stopped_at_ms(row, &alive, wall_ms) {
        None => running,
        // Speed zero: the desk stands where it was left.
        Some(stopped_ms) => Time::Scaled {
            desk_anchor_ms: row.desk_at_ms(stopped_ms),
            wall_anchor_ms: stopped_ms,
            speed: 0.0,
        },
    })
}

/// The wall time at which desk time stopped to pass; `None` while it passes.
fn stopped_at_ms(row: &DeskRow, alive: &Alive, wall_ms: i64) -> Option<i64> {
    let anchor_ms = row.wall_anchor_ms.unwrap_or(wall_ms);
    match alive.last_ms.filter(|last_ms| *last_ms >= anchor_ms) {
        _ if alive.now => None,
        Some(last_ms) => Some(last_ms),
        None if wall_ms - anchor_ms < GRACE_MS => None,
        None => Some(anchor_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(now: bool, last_ms: Option<i64>, wall_ms: i64, expect: Option<i64>) {
        let row = DeskRow {
            desk_anchor_ms: Some(0),
            wall_anchor_ms: Some(1_000_000),
            speed: Some(720.0),
            ..DeskRow::default()
        };
        let alive = Alive { now, last_ms };
        assert_eq!(stopped_at_ms(&row, &alive, wall_ms), expect);
    }

    #[test]
    fn desk_time_stops_with_the_last_worker() {
        check(true, Some(1_005_000), 1_006_000, None);
        check(false, Some(1_005_000), 1_006_000, Some(1_005_000));
        check(false, None, 1_001_000, None);
        check(false, None, 2_000_000, Some(1_000_000));
        check(false, Some(900_000), 1_001_000, None);
    }
}
