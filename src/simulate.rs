//! The desk under faults: the production jobs on a simulated exchange that misbehaves, in a process that
//! is killed between any two statements, on one thread and a clock set by hand. A run is a function of its
//! seed; what must hold whatever happens is in [`checks`].

mod checks;
mod desk;
mod report;

pub use report::{Failing, SeedReport, SimulationReport};

use crate::clock::{Random, Time};
use crate::db::Db;
use crate::domain::coin::Coin;
use crate::domain::instrument::{DAY_MS, EXPIRY_HOUR_MS};
use crate::jobs::drain;
use crate::jobs::reconcile::Reconcile;
use crate::jobs::settle::Settle;
use crate::jobs::tick::Tick;
use crate::jobs::{Options, enqueue, registry};
use checks::Violations;
use desk::Rig;

/// One run.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub seed: u64,
    /// Days of desk time with faults; two quiet days follow.
    pub days: i64,
    /// Instead of the seed's mix of faults: only this outside call fails, counted from 1.
    pub fail_call: Option<u64>,
}

/// Hours of desk time between ticks.
const TICK_MS: i64 = 4 * 3_600_000;
/// Days after the faults have stopped in which the queue must empty and the books agree.
const QUIET_DAYS: i64 = 2;
/// The last instant is one second after an expiry; the books agree when that is settled.
const SETTLED_MS: i64 = 10 * 60_000;
/// Statements between two deaths of the process, at most; deaths come closer together than jobs do.
const STATEMENTS_MAX: usize = 1_500;

/// Runs one scenario on a migrated, empty database.
pub async fn simulate(db: &Db, scenario: &Scenario) -> anyhow::Result<SeedReport> {
    let mut run = Run {
        rig: Rig::new(db.clone(), scenario).await?,
        random: Random::from_numbers(scenario.seed, 7, 0),
        violations: Violations::default(),
        deaths: scenario.fail_call.is_none() && scenario.seed.is_multiple_of(2),
        kills: 0,
        jobs: 0,
        calls: 0,
    };
    run.arm();
    let start_ms = run.rig.ctx.clock.now_ms();
    run.live(start_ms, start_ms + scenario.days * DAY_MS)
        .await?;
    run.calm();
    let quiet_ms = run.rig.ctx.clock.now_ms();
    let end_ms = quiet_ms + QUIET_DAYS * DAY_MS;
    run.live(quiet_ms, end_ms).await?;
    run.drain_until(end_ms + SETTLED_MS).await?;
    checks::once_quiet(&run.rig, &mut run.violations).await?;
    let counts = (run.calls, run.kills, run.jobs);
    report::of_seed(scenario, &run.rig, counts, run.violations).await
}

struct Run {
    rig: Rig,
    random: Random,
    violations: Violations,
    deaths: bool,
    kills: u64,
    jobs: u64,
    /// Outside calls made while something could go wrong with them.
    calls: u64,
}

impl Run {
    /// Draws the statement at which the process dies next.
    fn arm(&mut self) {
        if self.deaths {
            let statements = 1 + self.random.below(STATEMENTS_MAX) as i64;
            self.rig.ctx.db.tripwire().arm(statements);
        }
    }

    /// Everything a desk does by schedule from one instant to another.
    async fn live(&mut self, from_ms: i64, to_ms: i64) -> anyhow::Result<()> {
        let mut at_ms = from_ms;
        while at_ms < to_ms {
            self.drain_until(at_ms).await?;
            while !self.slot(at_ms).await? {}
            at_ms += TICK_MS;
        }
        self.drain_until(to_ms).await
    }

    /// Enqueues what is due at a slot; false when the process died at it. The keys make a repeat harmless.
    async fn slot(&mut self, at_ms: i64) -> anyhow::Result<bool> {
        let enqueued = self.enqueue_slot(at_ms).await;
        self.survive(enqueued).await.map(|done| done.is_some())
    }

    async fn enqueue_slot(&self, at_ms: i64) -> anyhow::Result<()> {
        let ctx = &self.rig.ctx;
        let keyed = |what: &str, coin: Coin, run_at_ms: i64| Options {
            run_at_ms: Some(run_at_ms),
            unique_key: Some(format!("{what}:{coin}:{run_at_ms}")),
            ..Options::default()
        };
        let mut tx = ctx.db.begin().await?;
        for underlying in Coin::ALL {
            let as_of_ms = Some(at_ms);
            let tick = Tick {
                underlying,
                as_of_ms,
            };
            enqueue(&mut tx, ctx, &tick, keyed("tick", underlying, at_ms)).await?;
            let eight_ms = at_ms - at_ms.rem_euclid(DAY_MS) + EXPIRY_HOUR_MS + 30_000;
            let settle = Settle { underlying };
            enqueue(&mut tx, ctx, &settle, keyed("settle", underlying, eight_ms)).await?;
            let later_ms = at_ms + TICK_MS / 2;
            let reconcile = Reconcile {
                underlying,
                adopt: false,
            };
            enqueue(
                &mut tx,
                ctx,
                &reconcile,
                keyed("reconcile", underlying, later_ms),
            )
            .await?;
        }
        Ok(tx.commit().await?)
    }

    /// Runs due jobs one by one up to an instant, checking after each.
    async fn drain_until(&mut self, until_ms: i64) -> anyhow::Result<()> {
        let registry = registry::all();
        loop {
            let ran = drain::run_next(&self.rig.ctx, &registry).await;
            match self.survive(ran).await? {
                None => {}
                Some(true) => {
                    self.jobs += 1;
                    checks::after_a_job(&self.rig, &mut self.violations).await?;
                }
                Some(false) => {
                    let due = drain::advance(&self.rig.ctx, until_ms).await;
                    if self.survive(due).await? == Some(false) {
                        break;
                    }
                }
            }
        }
        self.rig.ctx.clock.set(Time::Manual { now_ms: until_ms });
        Ok(())
    }

    /// What a step gave; after a death a new process takes over, once the leases of the old one ran out.
    async fn survive<T>(&mut self, outcome: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
        if !self.rig.ctx.db.tripwire().is_dead() {
            return outcome.map(Some);
        }
        self.kills += 1;
        self.rig.restart(self.kills).await?;
        self.arm();
        Ok(None)
    }

    /// Faults and deaths stop.
    fn calm(&mut self) {
        self.calls = self.rig.faults.calls();
        self.rig.faults.stop();
        self.deaths = false;
        self.rig.ctx.db.tripwire().disarm();
    }
}
