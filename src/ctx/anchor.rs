//! The anchor of the live desk's clock: one for all processes, and no time passes while nobody works.
//!
//! Desk time runs from the anchor in `desks` at the desk's speed. On the built-in exchange a process that
//! starts to work when no worker is alive moves the anchor: the desk goes on at the instant at which the
//! last worker was heard, not at where an accelerated clock would have leapt meanwhile. A simulated
//! exchange in another process has the say itself: workers follow its anchor, and the row follows them.

use super::Ctx;
use crate::clock::{Anchor, Clock, Time};
use crate::config::{Config, ExchangeKind};
use crate::db::desks::{self, Alive, DeskRow};
use crate::db::{Db, decisions};
use crate::exchange::Exchange;
use anyhow::Context as _;
use std::sync::Arc;

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

/// Hears how the exchange's time runs before anything is dated; the configuration at the speed that the
/// desk will have.
///
/// Watchers of a desk that is known ask nobody: its row says it all.
pub(super) async fn meet(
    config: Arc<Config>,
    exchange: &Exchange,
    clock: &Clock,
    known: Option<&DeskRow>,
    purpose: Purpose,
) -> anyhow::Result<Arc<Config>> {
    if config.exchange.kind == ExchangeKind::Sim {
        return Ok(config);
    }
    if purpose == Purpose::Work || known.is_none() {
        match exchange.hear().await {
            // It is there, and what it says of the call is for others to judge.
            Ok(()) => {}
            Err(error) if !error.is_retryable() => {}
            // A desk that knows how time runs there waits for it.
            Err(_) if known.is_some() => {}
            Err(error) => {
                let url = &config.exchange.url;
                return Err(error).with_context(|| {
                    format!(
                        "cannot open a new desk on {url}, which does not answer; start the exchange, \
                         or check THETAQ_EXCHANGE_URL and [exchange] url"
                    )
                });
            }
        }
    }
    let row = known.and_then(DeskRow::anchor);
    let speed = clock.anchor().or(row).map_or(1.0, |anchor| anchor.speed);
    let mut config = Arc::unwrap_or_clone(config);
    config.exchange.speed = speed;
    Ok(Arc::new(config))
}

/// Sets the clock of a process that opens the live desk now; a desk without an anchor lives in real time.
pub(super) async fn set(
    db: &Db,
    clock: &Clock,
    mut row: DeskRow,
    config: &Config,
    purpose: Purpose,
) -> anyhow::Result<()> {
    if let Some(heard) = clock.anchor() {
        return keep(db, &row, heard).await;
    }
    if row.anchor().is_none() {
        return Ok(());
    }
    let built_in = config.exchange.kind == ExchangeKind::Sim;
    if built_in
        && purpose == Purpose::Work
        && let Some(desk_ms) = resume_ms(db, &row, config, clock.wall_ms()).await?
    {
        let resumed = Anchor {
            desk_ms,
            wall_ms: clock.wall_ms(),
            speed: config.exchange.speed,
        };
        let mut tx = db.begin().await?;
        // Whoever loses this race to another process adopts the winner's anchor.
        desks::set_anchor(&mut tx, &row, resumed).await?;
        tx.commit().await?;
        row = super::row(db, &row.id).await?;
    }
    clock.set(time(db, &row, config, purpose).await?);
    Ok(())
}

/// A clock that follows an exchange listens to it when nobody else did for so long, wall milliseconds.
const LISTEN_AFTER_MS: i64 = 1_000;

/// Listens when it has been silent, and writes its anchor when it moved: after a restart, for example.
pub(super) async fn follow(ctx: &Ctx) -> anyhow::Result<()> {
    let Some(silent_ms) = ctx.clock.silent_ms() else {
        return Ok(());
    };
    if silent_ms > LISTEN_AFTER_MS {
        ctx.exchange.hear().await?;
    }
    match ctx.clock.anchor() {
        Some(anchor) => keep(&ctx.db, &ctx.row().await?, anchor).await,
        None => Ok(()),
    }
}

/// The row of the desk at the anchor that the exchange named.
async fn keep(db: &Db, row: &DeskRow, anchor: Anchor) -> anyhow::Result<()> {
    if row.anchor() == Some(anchor) {
        return Ok(());
    }
    if row.speed.is_some_and(|speed| speed != anchor.speed) {
        tracing::warn!(
            speed = anchor.speed,
            "the exchange runs at another speed now; start the desk again so that its schedules keep pace"
        );
    }
    let mut tx = db.begin().await?;
    desks::set_anchor(&mut tx, row, anchor).await?;
    Ok(tx.commit().await?)
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
    if row.anchor().is_some() {
        let time = time(&ctx.db, &row, &ctx.config, purpose).await?;
        if time != ctx.clock.time() {
            ctx.clock.set(time);
        }
    }
    Ok(())
}

async fn time(db: &Db, row: &DeskRow, config: &Config, purpose: Purpose) -> anyhow::Result<Time> {
    let wall_ms = Clock::real().wall_ms();
    let anchor = row.anchor().context("a desk in real time has no anchor")?;
    let follows = config.exchange.kind != ExchangeKind::Sim;
    if purpose == Purpose::Work && !follows {
        return Ok(Time::running(anchor));
    }
    let alive = desks::alive(db, wall_ms - config.queue.lease_ms).await?;
    let stopped_ms = stopped_at_ms(row, &alive, wall_ms);
    Ok(match (purpose, stopped_ms) {
        // The exchange was not heard yet: until then the desk stands where it was left.
        (Purpose::Work, _) => Time::Scaled {
            anchor,
            until_wall_ms: stopped_ms.unwrap_or(wall_ms),
        },
        (Purpose::Watch, None) => Time::running(anchor),
        (Purpose::Watch, Some(stopped_ms)) => Time::running(Anchor {
            desk_ms: row.desk_at_ms(stopped_ms),
            wall_ms: stopped_ms,
            speed: 0.0,
        }),
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
