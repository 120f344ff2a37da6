//! Replays: recorded months through the production jobs on one thread, and one stored decision again.
//!
//! A replay is a desk of its own whose clock is set by hand; nothing else tells it from the live desk.
//! The same seed over the same history gives the same rows on either engine.

mod decision;
mod report;

pub use decision::{DecisionReplay, replay_decision};
pub(crate) use report::rows;
pub use report::{Cash, ReplayReport};

use crate::clock::{Clock, Stopwatch, Time};
use crate::config::{self, Config, ExchangeKind, MarketKind};
use crate::ctx::{Ctx, LIVE};
use crate::db::{Db, Tx, chains, desks};
use crate::domain::coin::Coin;
use crate::domain::instrument::{DAY_MS, EXPIRY_HOUR_MS};
use crate::jobs::drain::{Advance, run_until_idle};
use crate::jobs::settle::Settle;
use crate::jobs::tick::Tick;
use crate::jobs::{Options, enqueue, registry};
use crate::llm::Llm;
use anyhow::{bail, ensure};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What to replay. Times are milliseconds UTC, both ends included.
#[derive(Clone, Debug)]
pub struct ReplayMarket {
    pub from_ms: i64,
    pub to_ms: i64,
    /// Seed of exploration and ids; the configuration's when empty.
    pub seed: Option<String>,
    /// Name of the book; `replay-SEED` when empty. Its former rows are replaced.
    pub desk: Option<String>,
    /// Coins; the configuration's when empty.
    pub underlyings: Vec<Coin>,
}

/// Ticks at every recorded snapshot and settles every day; `progress` hears (days done, days in all).
pub async fn replay_market(
    db: &Db,
    config: &Config,
    wanted: &ReplayMarket,
    mut progress: impl FnMut(u64, u64),
) -> anyhow::Result<ReplayReport> {
    let watch = Stopwatch::start();
    let ctx = replay_ctx(db, config, wanted).await?;
    let days = schedule(&ctx, wanted).await?;
    let registry = registry::all();
    let count = days.len() as u64;
    let mut snapshots = 0;
    for (done, (day, due)) in (1..).zip(days) {
        snapshots += due.snapshots();
        let mut tx = ctx.db.begin().await?;
        due.enqueue(&mut tx, &ctx).await?;
        tx.commit().await?;
        let end_ms = (day + DAY_MS - 1).min(wanted.to_ms);
        run_until_idle(&ctx, &registry, Advance::Until(end_ms)).await?;
        ctx.clock.set(Time::Manual { now_ms: end_ms });
        progress(done, count);
    }
    report::report(&ctx, wanted, snapshots, watch.elapsed().as_secs_f64()).await
}

/// The desk of the replay, emptied, at its first instant.
async fn replay_ctx(db: &Db, config: &Config, wanted: &ReplayMarket) -> anyhow::Result<Ctx> {
    ensure!(
        wanted.from_ms <= wanted.to_ms,
        "--from must not be later than --to"
    );
    let mut config = config.clone();
    config.exchange.kind = ExchangeKind::Sim;
    config.exchange.market = MarketKind::Replay;
    config.exchange.speed = 1.0;
    if let Some(seed) = &wanted.seed {
        config.exchange.seed.clone_from(seed);
    }
    if !wanted.underlyings.is_empty() {
        config.desk.underlyings.clone_from(&wanted.underlyings);
    }
    let seed = config.exchange.seed.clone();
    let desk = wanted
        .desk
        .clone()
        .unwrap_or_else(|| format!("replay-{seed}"));
    ensure!(
        desk != LIVE,
        "--desk live: a replay needs a book of its own"
    );
    let mut tx = db.begin().await?;
    desks::clear(&mut tx, &desk).await?;
    tx.commit().await?;
    let clock = Clock::manual(wanted.from_ms, &["replay", &desk, &seed]);
    let llm = Llm::new(&config.llm, config::llm_key())?.map(Arc::new);
    let ctx = Ctx {
        llm,
        ..Ctx::with_clock(db.clone(), &desk, clock, Arc::new(config))
    };
    ctx.open().await?;
    Ok(ctx)
}

/// What one day brings: snapshots to decide at, then or before that the day's expiry.
#[derive(Debug, Default)]
struct Day {
    ticks: Vec<(i64, Coin)>,
    settle_ms: i64,
}

/// Days with something to do, by their first millisecond.
async fn schedule(ctx: &Ctx, wanted: &ReplayMarket) -> anyhow::Result<BTreeMap<i64, Day>> {
    let mut days: BTreeMap<i64, Day> = BTreeMap::new();
    let first = wanted.from_ms - wanted.from_ms.rem_euclid(DAY_MS);
    for day in (first..=wanted.to_ms).step_by(DAY_MS as usize) {
        let due = days.entry(day).or_default();
        due.settle_ms = day + EXPIRY_HOUR_MS;
    }
    let mut found = false;
    for coin in &ctx.config.desk.underlyings {
        let (from_ms, to_ms) = (wanted.from_ms, wanted.to_ms);
        for at_ms in chains::times(&ctx.db, chains::RECORDED, *coin, from_ms, to_ms).await? {
            let due = days.entry(at_ms - at_ms.rem_euclid(DAY_MS)).or_default();
            due.ticks.push((at_ms, *coin));
            found = true;
        }
    }
    if !found {
        bail!(
            "no recorded chain lies between --from and --to; `thetaq import PATH` brings them in"
        );
    }
    Ok(days)
}

impl Day {
    fn snapshots(&self) -> u64 {
        self.ticks.len() as u64
    }

    async fn enqueue(&self, tx: &mut Tx, ctx: &Ctx) -> anyhow::Result<()> {
        let at = |run_at_ms| Options {
            run_at_ms: Some(run_at_ms),
            ..Options::default()
        };
        for (at_ms, underlying) in &self.ticks {
            let tick = Tick {
                underlying: *underlying,
                as_of_ms: Some(*at_ms),
            };
            enqueue(tx, ctx, &tick, at(*at_ms)).await?;
        }
        for underlying in &ctx.config.desk.underlyings {
            let settle = Settle {
                underlying: *underlying,
            };
            if self.settle_ms >= ctx.clock.now_ms() {
                enqueue(tx, ctx, &settle, at(self.settle_ms)).await?;
            }
        }
        Ok(())
    }
}
